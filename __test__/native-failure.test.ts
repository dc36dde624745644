import { parseTriple } from '@napi-rs/cli';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { PLATFORM_PACKAGES, addonFailure, nodeTooOld, type Tried } from '../src/native-failure.js';
import { failure } from './support/expect.js';

describe('an installation without an addon that loads', () => {
  /** As index.cjs throws it. */
  const failed = (...tried: Tried[]) => Object.assign(new Error('no native addon of narrowcast loads here'), { tried });
  const missing: Tried[] = [
    { candidate: '/app/narrowcast.linux-x64-gnu.node', why: 'not there' },
    { candidate: 'narrowcast-linux-x64-gnu', why: 'not installed' },
    { candidate: '/app/narrowcast.linux-x64-musl.node', why: 'not there' },
    { candidate: 'narrowcast-linux-x64-musl', why: 'not installed' },
  ];
  const nothing = (name: string): string => {
    throw new Error(`Cannot find module '${name}'`);
  };
  const only = (installed: string) => (name: string) => (name.startsWith(`${installed}/`) ? name : nothing(name));

  it('says which package is missing', () => {
    const { message } = addonFailure(failed(...missing), nothing);
    expect(message).toContain(
      ': its package narrowcast-linux-x64-gnu is not installed; install again, without omitting',
    );
  });

  it('names each file and each package that was tried, in order', () => {
    expect(addonFailure(failed(...missing), nothing).message).toContain(
      ' Tried: /app/narrowcast.linux-x64-gnu.node (not there), narrowcast-linux-x64-gnu (not installed), ' +
        '/app/narrowcast.linux-x64-musl.node (not there), narrowcast-linux-x64-musl (not installed). Prebuilt',
    );
  });

  it.each(PLATFORM_PACKAGES)('says that node_modules came from another system (%s)', (name) => {
    const { message } = addonFailure(failed(...missing), only(name));
    expect(message).toContain(`installed is ${name}, for another system`);
  });

  it.each([
    'file too short',
    'invalid ELF header',
    "version `GLIBC_2.28' not found",
    'libc.musl-x86_64.so.1: No such file',
  ])('says why the one that is there does not load, in the words of the system (%s)', (why) => {
    const cause = failed(missing[0]!, { candidate: 'narrowcast-linux-x64-gnu', why, error: new Error(why) });
    const error = addonFailure(cause, nothing);
    expect(error.message).toContain(`: one is there, and does not load: ${why}. Tried: `);
    expect(error.message).toContain(`narrowcast-linux-x64-gnu (${why}). Prebuilt`);
    expect(error.cause).toBe(cause);
  });

  it('says in one sentence that this Node loads no addons', () => {
    const error = Object.assign(new Error('Cannot load native addon because loading addons is disabled.'), {
      code: 'ERR_DLOPEN_DISABLED',
    });
    expect(addonFailure(failed({ candidate: 'x', why: error.message, error }), nothing).message).toBe(
      'narrowcast is a native addon, and this Node may load none: start it without `--no-addons`, or with ' +
        '`--allow-addons` beside `--permission`.',
    );
  });

  it('says what the error says that is not of the loader', () => {
    const error = addonFailure(new Error("Cannot find module '/app/index.cjs'\nRequire stack:\n- /app/x.js"), nothing);
    expect(error.message).toContain(": Cannot find module '/app/index.cjs'. Prebuilt");
  });

  it('says that the file is not there that the environment names', () => {
    const cause = failed({ candidate: '/none.node', why: 'not there' });
    expect(addonFailure(cause, nothing).message).toContain(
      ': NAPI_RS_NATIVE_LIBRARY_PATH names /none.node, which is not there. Tried',
    );
  });

  it('says that none is installed where no package is made for the system', () => {
    const cause = failed({ candidate: 'narrowcast-linux-riscv64-gnu', why: 'not installed' });
    expect(addonFailure(cause, nothing).message).toContain(': none is installed. Tried');
  });

  it('names every package that came from another system, and what to do', () => {
    const some = (name: string) => (name.includes('darwin') ? name : nothing(name));
    expect(addonFailure(failed(...missing), some).message).toContain(
      'installed is narrowcast-darwin-x64, narrowcast-darwin-arm64, for another system: node_modules was made there and ' +
        'copied here; install again on this one. Tried',
    );
  });

  const supported =
    'Linux x64 and arm64 (glibc 2.28 or newer, or musl), macOS x64 and arm64, Windows x64 and arm64; Node 20 or newer. ';

  it('says where it is, and where it could be', () => {
    expect(addonFailure(failed(...missing), nothing).message).toMatch(
      `narrowcast has no native addon that loads on ${process.platform} ${process.arch}, Node ${process.version}: `,
    );
    expect(addonFailure(failed(...missing), nothing).message).toContain(
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
