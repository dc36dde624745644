import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
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

describe.runIf(process.platform === 'linux')('the loader, of the C library', () => {
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

  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-loader-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  // Without an addon beside it: what it looks for is in its errors.
  copyFileSync(new URL('../index.cjs', import.meta.url), join(folder, 'index.cjs'));

  /** Which C library's addon the loader looks for in a process whose program and report are these. */
  function lookedFor(program: Buffer | undefined, header: object | undefined): string | undefined {
    const file = join(folder, 'program');
    rmSync(file, { force: true });
    if (program) writeFileSync(file, program);
    const code = `
      process.execPath = ${JSON.stringify(file)};
      process.report.getReport = () => ({ header: ${JSON.stringify(header)} });
      try { require('./index.cjs') } catch (error) {
        for (; error; error = error.cause) console.log(error.message);
        console.log('excludes', process.report.excludeNetwork);
      }`;
    const { stdout } = spawnSync(process.execPath, ['--eval', code], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toContain('excludes false');
    return /\.\/narrowcast\.linux-\w+-(gnu|musl)\.node/.exec(stdout)?.[1];
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

/** Calls as TypeScript never makes them: the last line of defence, in a process that may die. */
it('native code answers misuse with an error, never with a crash', async () => {
  const { status, signal, stderr, stdout } = await runNode('misuse-native.mjs');
  expect([status, signal, stderr]).toEqual([0, null, '']);
  expect(stdout).toMatch(/^refused \d+ calls, survived \d+\n$/);
}, 60_000);
