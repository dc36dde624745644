import { expect, test } from 'vitest';
import { runNode } from '../support/child.js';

// With 64 streams running.
test.each(['uninstall', 'close'])('a process ends by itself after %s, with nothing on stderr', async (way) => {
  expect(await runNode('./exit-with-streams.mjs', [way])).toEqual({
    status: 0,
    signal: null,
    stdout: 'done\n',
    stderr: '',
  });
});

test('process.exit ends it with its own status, and nothing on stderr', async () => {
  expect(await runNode('./exit-with-streams.mjs', ['exit'])).toEqual({
    status: 7,
    signal: null,
    stdout: '',
    stderr: '',
  });
});

test.each(['throw', 'reject'])('an uncaught %s ends it like any program', async (way) => {
  const { status, signal, stderr } = await runNode('./exit-with-streams.mjs', [way]);
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  expect(stderr).toContain('an agent fails');
  expect(stderr).not.toMatch(/panicked|napi|FATAL|error calling/i);
});
