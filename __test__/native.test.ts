import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import type { Tried } from '../src/native-failure.js';
import { loadNative, loadedFrom, native } from '../src/native.js';
import { failure } from './support/expect.js';
import { runNode } from './support/child.js';

describe('the addon', () => {
  it('has the version of the package', () => {
    expect(native.addonVersion()).toBe(packageJson.version);
  });

  it('is the same when it is loaded again', () => {
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

describe('the loader', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'narrowcast-loader-'));
    // Without an addon beside it.
    copyFileSync(new URL('../index.cjs', import.meta.url), join(folder, 'index.cjs'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const own = /narrowcast\.(.+)\.node$/.exec(loadedFrom(native)!)![1]!;
  const { platform, arch } = process;

  /** Installs a platform's package beside the loader, with a file as its addon that says to have `bytes` bytes. */
  function install(platform: string, addon: Buffer | undefined, addonBytes = addon?.length ?? 8): string {
    const at = join(folder, 'node_modules', `narrowcast-${platform}`);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'package.json'), JSON.stringify({ main: 'a.node', addonBytes }));
    if (addon) writeFileSync(join(at, 'a.node'), addon);
    return join(at, 'a.node');
  }

  /** What the loader says in a process that `before` was run in; what it tried, if it found none. */
  function load(before = ''): { version?: string; tried: readonly Tried[]; excludes: boolean } {
    const code = `
      ${before}
      const said = { tried: [] };
      try { said.version = require('./index.cjs').addonVersion() } catch (error) { said.tried = error.tried }
      said.excludes = process.report.excludeNetwork;
      console.log(JSON.stringify(said));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--eval', code], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as ReturnType<typeof load>;
  }

  it("tries the file beside it, then the platform's package", () => {
    const { tried } = load();
    expect(tried.slice(0, 2)).toEqual([
      { candidate: expect.stringMatching(new RegExp(`narrowcast\\.${own}\\.node$`)), why: 'not there' },
      { candidate: `narrowcast-${own}`, why: 'not installed' },
    ]);
    expect(tried).toHaveLength(platform === 'linux' ? 4 : 2);
  });

  it.each([7, 9, 0])('refuses a package whose addon has another length than it was packed with (%i)', (bytes) => {
    const file = install(own, Buffer.alloc(bytes), 8);
    expect(load().tried[1]).toMatchObject({
      candidate: `narrowcast-${own}`,
      why: `${realpathSync.native(file)} has ${bytes} bytes, and should have 8; install again`,
    });
  });

  it('tries nothing but the file that the environment names', () => {
    const missing = join(folder, 'none.node');
    const { tried } = load(`process.env.NAPI_RS_NATIVE_LIBRARY_PATH = ${JSON.stringify(missing)};`);
    expect(tried).toEqual([{ candidate: missing, why: 'not there' }]);
  });

  it('says that the addon of a package is missing', () => {
    const file = install(own, undefined);
    expect(load().tried[1]!.why).toBe(
      `${join(realpathSync.native(join(file, '..')), 'a.node')} is missing; install again`,
    );
  });

  it('says that a folder lies where the addon of a package should be', () => {
    const at = join(install(own, undefined), '..');
    mkdirSync(join(at, 'a.node'));
    const [, { why, error }] = load().tried as [Tried, Tried];
    expect(why).toBe(`${join(realpathSync.native(at), 'a.node')} is a folder, and not an addon`);
    expect(error).toBeDefined();
  });

  it('says that a folder lies where the addon beside it should be, and loads that of a package', () => {
    mkdirSync(join(folder, `narrowcast.${own}.node`));
    expect(load().tried[0]!.why).toMatch(/narrowcast\..+\.node is a folder, and not an addon$/);
    install(own, readFileSync(loadedFrom(native)!));
    expect(load().version).toBe(packageJson.version);
  });

  it('says that the environment names a folder, and loads the addon of one that is a package', () => {
    const file = install(own, undefined);
    const named = `process.env.NAPI_RS_NATIVE_LIBRARY_PATH = ${JSON.stringify(join(file, '..'))};`;
    expect(load(named).tried).toMatchObject([{ why: `${join(file, '..')} is a folder, and not an addon` }]);
    writeFileSync(file, readFileSync(loadedFrom(native)!));
    expect(load(named).version).toBe(packageJson.version);
  });

  it.each(['', '{"main":'])('names the manifest of a package that can not be read (%s)', (text) => {
    const manifest = join(install(own, Buffer.alloc(8)), '..', 'package.json');
    writeFileSync(manifest, text);
    expect(load().tried[1]!.why).toContain(realpathSync.native(manifest));
  });

  it('says that a package names no addon', () => {
    const at = join(install(own, Buffer.alloc(8)), '..');
    writeFileSync(join(at, 'package.json'), '{}');
    expect(load().tried[1]!.why).toBe(`${realpathSync.native(at)} is a folder, and not an addon`);
  });

  it('says why the system does not load what is there', () => {
    install(own, Buffer.alloc(100, 'x'));
    expect(load().tried[1]!.why).toMatch(
      /a\.node: .*(invalid ELF|Exec format error)|a\.node.*(not valid|slice is not|mach-o)|Bad EXE format|is not a valid Win32/i,
    );
  });

  it('loads no package of another system', () => {
    install(platform === 'darwin' ? 'win32-x64-msvc' : 'darwin-x64', readFileSync(loadedFrom(native)!));
    expect(load().version).toBeUndefined();
  });

  describe.runIf(platform === 'linux')('of the C library', () => {
    const other = own.endsWith('gnu') ? `linux-${arch}-musl` : `linux-${arch}-gnu`;

    it("loads the other one's package where its own one is not there", () => {
      install(other, readFileSync(loadedFrom(native)!));
      expect(load().version).toBe(packageJson.version);
    });

    it("loads the other one's package where its own one does not load", () => {
      install(own, Buffer.alloc(100, 'x'));
      install(other, readFileSync(loadedFrom(native)!));
      expect(load().version).toBe(packageJson.version);
    });

    it('loads its own package where both are there', () => {
      install(own, readFileSync(loadedFrom(native)!));
      install(other, Buffer.alloc(100, 'x'));
      expect(load().version).toBe(packageJson.version);
    });

    /** The start of a program that is linked for this interpreter; undefined: of one that is linked for none. */
    function elf(interpreter?: string): Buffer {
      const bytes = Buffer.alloc(4096);
      bytes.write('\x7fELF\x02\x01', 'latin1');
      bytes.writeBigUInt64LE(64n, 32); // where the program headers are, each of 56 bytes
      bytes.writeUInt16LE(56, 54);
      bytes.writeUInt16LE(2, 56);
      bytes.writeUInt32LE(6, 64);
      if (interpreter === undefined) return bytes;
      bytes.writeUInt32LE(3, 120);
      bytes.writeBigUInt64LE(2048n, 120 + 8);
      bytes.writeBigUInt64LE(BigInt(interpreter.length + 1), 120 + 32);
      bytes.write(interpreter, 2048);
      return bytes;
    }

    /** Which C library's addon the loader looks for first in a process whose program and report are these. */
    function lookedFor(program: Buffer | undefined, header: object | undefined): string | undefined {
      const file = join(folder, 'program');
      if (program) writeFileSync(file, program);
      const { tried, excludes } = load(`
        process.execPath = ${JSON.stringify(file)};
        process.report.getReport = () => ({ header: ${JSON.stringify(header)} });`);
      expect(excludes).toBe(false);
      return /^narrowcast-linux-\w+-(gnu|musl)$/.exec(tried[1]!.candidate)?.[1];
    }

    const glibc = { glibcVersionRuntime: '2.36' };

    it.each<[string, Buffer | undefined, object | undefined, string]>([
      ['a program that is linked for musl', elf('/lib/ld-musl-x86_64.so.1'), glibc, 'musl'],
      ["a program that is linked for musl's loader elsewhere", elf('/opt/x86_64-linux-musl/libc.so'), glibc, 'musl'],
      ['a program that is linked for glibc', elf('/lib64/ld-linux-x86-64.so.2'), {}, 'gnu'],
      ['a program that says nothing, by its report: musl', elf(), {}, 'musl'],
      ['a program that says nothing, by its report: glibc', elf('/somewhere/else'), glibc, 'gnu'],
      ['no program that can be read, by its report', undefined, {}, 'musl'],
      ['no program that it knows, by its report', Buffer.from('#!/bin/sh'), glibc, 'gnu'],
    ])('asks %s', (_, program, header, found) => {
      expect(lookedFor(program, header)).toBe(found);
    });

    it('asks the machine last', () => {
      const musl = existsSync('/usr/bin/ldd') && readFileSync('/usr/bin/ldd', 'utf8').includes('musl');
      expect(lookedFor(elf(), undefined)).toBe(musl ? 'musl' : 'gnu');
    });
  });
});

/** Calls as TypeScript never makes them: the last line of defence, in a process that may die. */
it('native code answers misuse with an error, never with a crash', async () => {
  const { status, signal, stderr, stdout } = await runNode('misuse-native.mjs');
  expect([status, signal, stderr]).toEqual([0, null, '']);
  expect(stdout).toMatch(/^refused \d+ calls, survived \d+\n$/);
}, 60_000);
