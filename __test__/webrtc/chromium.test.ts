import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findChromium, noChromium } from '../../bench/browser/chromium.js';

const made: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const each of made.splice(0)) rmSync(each, { recursive: true });
});

/** A directory with a program of this name. */
function programs(name: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'narrowcast-'));
  made.push(directory);
  writeFileSync(path.join(directory, name), '#!/bin/sh\n');
  chmodSync(path.join(directory, name), 0o755);
  return directory;
}

describe.skipIf(process.platform === 'win32')('CHROMIUM_PATH', () => {
  it('is a path, or a name that is looked up', () => {
    const directory = programs('my-chromium');
    const program = path.join(directory, 'my-chromium');
    vi.stubEnv('PATH', `${directory}${path.delimiter}${process.env['PATH']}`);
    for (const named of [program, 'my-chromium']) {
      vi.stubEnv('CHROMIUM_PATH', named);
      expect(findChromium()).toBe(program);
    }
  });

  it.each(['/nowhere/chromium', 'no-such-chromium'])('that leads nowhere, %s, is none, and no other is', (named) => {
    const directory = programs('chromium');
    vi.stubEnv('PATH', `${directory}${path.delimiter}${process.env['PATH']}`);
    vi.stubEnv('CHROMIUM_PATH', named);
    expect(findChromium()).toBeUndefined();
    expect(noChromium()).toMatch(`CHROMIUM_PATH is ${named}, and there is no such program`);
    vi.stubEnv('CHROMIUM_PATH', '');
    expect(findChromium()).toBe(path.join(directory, 'chromium'));
  });
});
