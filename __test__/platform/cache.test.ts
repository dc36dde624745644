import { spawnSync } from 'node:child_process';
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, kept } from '../../scripts/cache-folder.mjs';
import { root } from '../cli/command.js';

const programs: Partial<Record<string, string>> = Object.fromEntries(
  ['unshare', 'true'].map((name) => [
    name,
    (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find((file) => existsSync(file)),
  ]),
);
const unshareWorks =
  programs['unshare'] !== undefined && spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0;

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'narrowcast-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

const fill = (folder: string) => writeFileSync(join(folder, 'file'), 'whole');

describe('kept: a folder of the cache', () => {
  test('is filled once', () => {
    const folder = kept('a/tool-1', fill);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('whole');
    expect(kept('a/tool-1', () => expect.unreachable())).toBe(folder);
  });

  test('is made anew where it was interrupted', () => {
    const interrupted = (folder: string) => {
      writeFileSync(join(folder, 'file'), 'ha');
      throw new Error('interrupted');
    };
    expect(() => kept('tool-1', interrupted)).toThrow('interrupted');
    expect(readFileSync(join(kept('tool-1', fill), 'file'), 'utf8')).toBe('whole');
    expect(readdirSync(join(cache, 'narrowcast'))).toEqual(['tool-1']);
  });

  test('takes no room for what a killed process left, an hour later', () => {
    const left = join(cache, 'narrowcast', 'tool-1.making-xxxxxx');
    mkdirSync(left, { recursive: true });
    kept('tool-1', fill);
    expect(existsSync(left)).toBe(true);
    const longAgo = Date.now() / 1000 - 7200;
    utimesSync(left, longAgo, longAgo);
    rmSync(join(cache, 'narrowcast', 'tool-1'), { recursive: true });
    kept('tool-1', fill);
    expect(existsSync(left)).toBe(false);
  });
});

describe('a cache that can not be written to', () => {
  /** Root may write anywhere: a file where the folder should be stops it, too. */
  const name = `cache-test-${process.pid}`;
  const inCheckout = join(root, 'target', name);
  afterEach(() => rmSync(inCheckout, { recursive: true, force: true }));

  test('is replaced by a folder of the checkout', () => {
    writeFileSync(join(cache, 'narrowcast'), '');
    expect(kept(name, fill)).toBe(inCheckout);
    expect(kept(name, () => expect.unreachable())).toBe(inCheckout);
  });

  test('is read all the same', () => {
    const folder = kept(name, fill);
    const access = vi.spyOn(fs, 'accessSync').mockImplementation(() => {
      throw new Error('EROFS: read-only file system');
    });
    try {
      expect(kept(name, () => expect.unreachable())).toBe(folder);
      expect(cacheFolder()).toBeUndefined();
    } finally {
      access.mockRestore();
    }
  });
});

describe('npm run test:platform', () => {
  const run = (...args: string[]) => {
    const env = { ...process.env, PATH: cache };
    const script = join(root, 'scripts', 'test-platform.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, env, encoding: 'utf8' });
    return { status, stderr };
  };

  test.runIf(process.platform === 'linux' && process.arch === 'x64').each(['linux-x64-musl', 'win32-x64'])(
    '%s: says that it needs unshare, with status 3, before anything is built',
    (target) => {
      const { status, stderr } = run(target, '--smoke');
      expect(stderr).toMatch(/^narrowcast: mounts of its own need `unshare`, and root or user namespaces: .*\n$/);
      expect(status).toBe(3);
    },
  );

  test.runIf(process.platform === 'linux' && process.arch === 'x64' && unshareWorks)(
    'win32-x64: says that Wine can not be had, with status 3, where there is neither Wine nor Debian',
    () => {
      for (const name of ['unshare', 'true']) symlinkSync(programs[name]!, join(cache, name));
      const { status, stderr } = run('win32-x64', '--smoke');
      expect(stderr).toMatch(
        /^narrowcast: .*wine64 of Debian's trixie: this is no Debian with its package servers\.$/m,
      );
      expect(status).toBe(3);
    },
  );

  test.each([
    [['plan9']],
    [[]],
    [['win32-x64', 'native', '--record']],
    [['win32-x64', '--node']],
    [['here']],
    [['win32-x64', '--packages', 'x']],
  ])('refuses %j in a line, with status 2', (args) => {
    const { status, stderr } = run(...args);
    expect(stderr).toMatch(/^narrowcast: test:platform: .*TARGET is one of .*\n$/);
    expect(status).toBe(2);
  });

  test.runIf(process.platform === 'linux' && process.arch === 'x64')('refuses a Node that there is not', () => {
    const { status, stderr } = run('linux-x64-musl', '--node', '26');
    expect(stderr).toBe('narrowcast: test:platform: there is no Node 26 for linux-x64-musl; there are 20, 22, 24.\n');
    expect(status).toBe(2);
  });
});
