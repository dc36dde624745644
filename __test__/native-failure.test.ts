import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseTriple } from '@napi-rs/cli';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { PLATFORM_PACKAGES, addonFailure, nodeTooOld, requireWholeAddon } from '../src/native-failure.js';
import { scratch } from './cli/command.js';
import { failure } from './support/expect.js';

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

  it.each([
    ['of a package by its name', missing.map((message) => message.replace('module', 'package'))],
    ["the loader's own", ['Failed to load native binding', ...missing]],
    ['of WebAssembly', [...missing, "Cannot find module 'narrowcast-wasm32-wasi'"]],
  ])('takes no failure %s for that of an addon', (_what, messages) => {
    const { message } = addonFailure(tried(...messages), nothing);
    expect(message).toContain(': its package narrowcast-linux-x64-gnu is not installed; install again');
  });

  it('says that none is installed where no package is made for the system', () => {
    const { message } = addonFailure(tried("Cannot find module './narrowcast.linux-riscv64-gnu.node'"), nothing);
    expect(message).toContain(': none is installed. Prebuilt');
  });

  it('names every package that came from another system, and what to do', () => {
    const some = (name: string) => (name.includes('darwin') ? name : nothing(name));
    expect(addonFailure(tried(...missing), some).message).toContain(
      'installed is narrowcast-darwin-x64, narrowcast-darwin-arm64, for another system: node_modules was made there and ' +
        'copied here; install again on this one. Prebuilt',
    );
  });

  const supported =
    'Linux x64 and arm64 (glibc 2.28 or newer, or musl), macOS x64 and arm64, Windows x64 and arm64; Node 20 or newer. ';

  it('says where it is, and where it could be', () => {
    expect(addonFailure(tried(...missing), nothing).message).toMatch(
      `narrowcast has no native addon that loads on ${process.platform} ${process.arch}, Node ${process.version}: `,
    );
    expect(addonFailure(tried(...missing), nothing).message).toContain(
      `. Prebuilt ones exist for ${supported}Elsewhere, build it from source: \`npm run build\` in a clone of the ` +
        'repository of narrowcast, with Rust and a C compiler, and then `npm install` that folder.',
    );
    expect(`${nodeTooOld('18.20.8')!.message} `).toContain(`, and this is 18.20.8. It runs on ${supported}`);
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

describe("a platform package's addon", () => {
  const own = `narrowcast-${process.platform}-${process.arch}`;

  /** Installs a package that says its addon has 8 bytes; returns how it is found. */
  function install(name: string, addon?: string): (name: string) => string {
    const folder = path.join(scratch(), name);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ main: 'a.node', addonBytes: 8 }));
    if (addon !== undefined) writeFileSync(path.join(folder, 'a.node'), addon);
    return (wanted) => {
      if (wanted.startsWith(`${name}/`)) return path.join(path.dirname(folder), wanted);
      throw new Error(`Cannot find module '${wanted}'`);
    };
  }
  const name = PLATFORM_PACKAGES.find((each) => each.startsWith(own))!;
  const other = PLATFORM_PACKAGES.find((each) => !each.startsWith(own))!;

  it.each(['7 bytes', '9  bytes.', ''])('of another length than it was packed with is refused (%j)', (addon) => {
    expect(() => requireWholeAddon(install(name, addon))).toThrow(
      new RegExp(`a\\.node has ${addon.length} bytes, and should have 8; install again$`),
    );
  });

  it.each([
    ['is whole', name, '8 bytes.'],
    ["is missing, which is the loader's to report", name, undefined],
    ['is for another system', other, '7 bytes'],
  ])('passes where it %s', (_what, installed, addon) => {
    expect(() => requireWholeAddon(install(installed, addon))).not.toThrow();
  });
});
