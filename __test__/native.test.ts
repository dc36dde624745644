import { spawnSync } from 'node:child_process';
import { parseTriple } from '@napi-rs/cli';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { PLATFORM_PACKAGES, addonFailure, nodeTooOld } from '../src/native-failure.js';
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

describe('an installation without an addon that loads', () => {
  /** As the loader that napi-rs generates has it: what it tried, one error behind the other. */
  const tried = (...messages: string[]) =>
    ['Cannot find native binding. npm has a bug', ...messages].reduceRight<Error | undefined>(
      (cause, message) => new Error(message, { cause }),
      undefined,
    );
  const missing = [
    "Cannot find module './narrowcast.linux-x64-gnu.node'",
    "Cannot find module 'narrowcast-linux-x64-gnu'",
  ];
  const nothing = (name: string): string => {
    throw new Error(`Cannot find module '${name}'`);
  };
  const only = (installed: string) => (name: string) => (name.startsWith(`${installed}/`) ? name : nothing(name));

  it('says which package is missing, and not what npm may have done', () => {
    const { message } = addonFailure(tried(...missing), nothing);
    expect(message).toContain('its package narrowcast-linux-x64-gnu is not installed; install again, without omitting');
    expect(message).not.toContain('bug');
  });

  it.each(PLATFORM_PACKAGES)('says that node_modules came from another system (%s)', (name) => {
    expect(addonFailure(tried(...missing), only(name)).message).toContain(`installed is ${name}, for another system`);
  });

  it.each([
    'file too short',
    'invalid ELF header',
    "version `GLIBC_2.28' not found",
    'libc.musl-x86_64.so.1: No such file',
  ])('says why the one that is there does not load (%s)', (why) => {
    const { message } = addonFailure(tried(missing[0]!, `/x/narrowcast.node: ${why}\nmore`), nothing);
    expect(message).toContain(`one is there, and does not load: /x/narrowcast.node: ${why}. Prebuilt`);
  });

  it.each(['18.20.8', '19.9.0'])('for Node %s says that it needs a newer one', (version) => {
    expect(nodeTooOld(version)).toEqual(failure('UNSUPPORTED_PLATFORM', `Node 20 or newer, and this is ${version}`));
  });

  it.each(['20.0.0', '26.10.0', '100.0.0'])('has nothing against Node %s', (version) => {
    expect(nodeTooOld(version)).toBeUndefined();
  });

  it('lists as supported what the package is built for', () => {
    const [, oldest] = /^>=(\d+)$/.exec(packageJson.engines.node) ?? [];
    expect(nodeTooOld(`${Number(oldest) - 1}.0.0`)).toBeDefined();
    expect(nodeTooOld(`${oldest}.0.0`)).toBeUndefined();
    const names = packageJson.napi.targets.map((triple) => `narrowcast-${parseTriple(triple).platformArchABI}`);
    expect(PLATFORM_PACKAGES.toSorted()).toEqual(names.toSorted());
  });
});

/** Calls as TypeScript never makes them: the last line of defence, in a process that may die. */
it('native code answers misuse with an error, never with a crash', async () => {
  const { status, signal, stderr, stdout } = await runNode('misuse-native.mjs');
  expect([status, signal, stderr]).toEqual([0, null, '']);
  expect(stdout).toMatch(/^refused \d+ calls, survived \d+\n$/);
}, 60_000);
