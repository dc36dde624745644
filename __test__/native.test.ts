import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { loadNative, loadedFrom, native } from '../src/native.js';
import { failure } from './support/expect.js';
import { runNode } from './support/child.js';

describe('the addon', () => {
  it('has the version of the package', () => {
    expect(native.addonVersion()).toBe(packageJson.version);
  });

  it('is the same for whoever loads it again', () => {
    expect(loadNative()).toBe(native);
  });

  it('that does not load is an UNSUPPORTED_PLATFORM, which says what is supported, and why', () => {
    const cause = new Error('wrong ELF class');
    const load = () =>
      loadNative(() => {
        throw cause;
      });
    expect(load).toThrow(failure('UNSUPPORTED_PLATFORM', `${process.platform} ${process.arch}`));
    expect(load).toThrow(/wrong ELF class.*Linux x64.*Node 20.*npm run build/s);
    expect(load).toThrow(expect.objectContaining({ cause }));
  });

  it.each([
    ['another version', { addonVersion: () => '0.0.9' }, 'that of 0.0.9'],
    ['no version', {}, 'that of an unknown version'],
  ])('of %s is a VERSION_MISMATCH, which names both', (_what, addon, found) => {
    const load = () => loadNative(() => addon);
    expect(load).toThrow(failure('VERSION_MISMATCH', `narrowcast ${packageJson.version}, and`));
    expect(load).toThrow(found);
  });

  it('is named by the file that it is', () => {
    const load = () => loadNative(() => ({ addonVersion: () => '0.0.9' }));
    expect(load).toThrow('of an unknown file');
    expect(loadedFrom(native)).toMatch(/narrowcast\..+\.node$/);
  });

  it.each(['import', 'require'])('that is no addon fails the program at its first line (%s)', (how) => {
    const code =
      how === 'import'
        ? "import('./dist/index.js').catch(e => console.log(e.code, e.message, e.cause instanceof Error))"
        : "try { require('./dist/index.cjs') } catch (e) { console.log(e.code, e.message, e.cause instanceof Error) }";
    const { stdout, status } = spawnSync(process.execPath, ['--eval', code], {
      cwd: new URL('..', import.meta.url),
      env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: import.meta.filename },
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/^UNSUPPORTED_PLATFORM narrowcast has no native .* true\n$/),
    ]);
  });
});

/** Calls as TypeScript never makes them: the last line of defence, in a process that may die. */
it('native code answers misuse with an error, never with a crash', async () => {
  const { status, signal, stderr, stdout } = await runNode('misuse-native.mjs');
  expect([status, signal, stderr]).toEqual([0, null, '']);
  expect(stdout).toMatch(/^refused \d+ calls, survived \d+\n$/);
}, 60_000);
