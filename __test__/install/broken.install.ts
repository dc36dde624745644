import {
  chmodSync,
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { emptyApp, installedApp, npmInstall, type App } from './apps.js';

const platform = inject('packed')[0]!.name;
const addonName = `${platform.replace('narrowcast-', 'narrowcast.')}.node`;
const inModules = ({ folder }: App, ...parts: string[]) => join(folder, 'node_modules', ...parts);
const addonOf = (app: App) => inModules(app, platform, addonName);

/** How the first line of a program fails that imports narrowcast; the message, and the code. */
async function failure(app: App): Promise<string> {
  for (const file of ['use.cjs', 'smoke.mjs']) {
    const { status, stderr } = await app.run([file]);
    expect(stderr).toMatch(/NarrowcastError: /);
    expect(status).toBe(1);
    if (file === 'smoke.mjs') return stderr;
  }
  throw new Error('not reached');
}

describe('an installation that can not work says why, what is supported, and what to do', () => {
  const WHAT_TO_DO = /Linux x64 and arm64 .* macOS .* Windows .* Node 20 .* `npm run build`/;

  it('without optional dependencies', async () => {
    const app = emptyApp();
    expect((await npmInstall(app, ['narrowcast'], '--omit=optional')).status).toBe(0);
    const said = await failure(app);
    expect(said).toContain(`its package ${platform} is not installed; install again, without omitting optional`);
    expect(said).toMatch(WHAT_TO_DO);
  });

  it('with a node_modules that was made on another system', async () => {
    const app = await installedApp();
    renameSync(inModules(app, platform), inModules(app, 'narrowcast-win32-arm64-msvc'));
    const said = await failure(app);
    expect(said).toContain('installed is narrowcast-win32-arm64-msvc, for another system');
    expect(said).toMatch(WHAT_TO_DO);
  });

  it('with an addon that is missing', async () => {
    const app = await installedApp();
    rmSync(addonOf(app));
    expect(await failure(app)).toMatch(WHAT_TO_DO);
  });

  it.each([
    ['cut off in the middle', (file: string) => truncateSync(file, 1000)],
    ['empty', (file: string) => truncateSync(file, 0)],
    ['something else', (file: string) => writeFileSync(file, 'Not found')],
  ])('with an addon that is %s', async (_what, spoil) => {
    const app = await installedApp();
    spoil(addonOf(app));
    const said = await failure(app);
    expect(said).toMatch(/one is there, and does not load: .* has \d+ bytes, and should have \d+; install again/);
    expect(said).toContain(addonName);
    expect(said).toMatch(WHAT_TO_DO);
  });

  it('with an addon whose content was damaged', async () => {
    const app = await installedApp();
    writeFileSync(addonOf(app), Buffer.alloc(statSync(addonOf(app)).size, 'x'));
    const said = await failure(app);
    expect(said).toMatch(/one is there, and does not load: .*invalid|not a valid|slice is not valid/);
    expect(said).toMatch(WHAT_TO_DO);
  });

  describe.runIf(process.platform === 'linux')('on Linux', () => {
    const other = platform.endsWith('gnu') ? platform.replace(/gnu$/, 'musl') : platform.replace(/musl$/, 'gnu');

    it('with an addon for another C library', async () => {
      const app = await installedApp();
      // Asks the loader for musl's library where it asked for glibc's; the names are equally long.
      const file = readFileSync(addonOf(app)).toString('latin1');
      writeFileSync(addonOf(app), Buffer.from(file.replaceAll('libc.so.6\0', 'libc.musl\0'), 'latin1'));
      const said = await failure(app);
      expect(said).toMatch(/one is there, and does not load: libc\.musl: cannot open shared object file/);
      expect(said).toMatch(WHAT_TO_DO);
    });

    it('with an addon for another processor', async () => {
      const app = await installedApp();
      const file = readFileSync(addonOf(app));
      // ELF's e_machine: RISC-V's.
      file.writeUInt16LE(243, 18);
      writeFileSync(addonOf(app), file);
      const said = await failure(app);
      expect(said).toMatch(new RegExp(`one is there, and does not load: \\S*${addonName}: \\w+`));
      expect(said).toMatch(WHAT_TO_DO);
    });

    it('with two packages, and neither loads: both are named, with the words of the system', async () => {
      const app = await installedApp();
      writeFileSync(addonOf(app), Buffer.alloc(statSync(addonOf(app)).size, 'x'));
      cpSync(inModules(app, platform), inModules(app, other), { recursive: true });
      const said = await failure(app);
      for (const name of [platform, other]) expect(said).toMatch(new RegExp(`${name} \\(\\S+: invalid ELF header\\)`));
    });
  });

  it('with an addon of another version', async () => {
    const app = await installedApp();
    const loader = inModules(app, 'narrowcast', 'dist');
    // A later narrowcast beside an addon that stayed.
    const { version } = JSON.parse(readFileSync(inModules(app, 'narrowcast', 'package.json'), 'utf8')) as {
      version: string;
    };
    for (const name of readdirSync(loader).filter((each) => /\.c?js$/.test(each))) {
      const code = readFileSync(join(loader, name), 'utf8');
      writeFileSync(
        join(loader, name),
        code.replaceAll(`\`${version}\``, '`99.0.0`').replaceAll(`"${version}"`, '"99.0.0"'),
      );
    }
    const said = await failure(app);
    expect(said).toContain(`this is narrowcast 99.0.0, and the native addon that it found is that of ${version}`);
    expect(said).toContain(addonName);
    expect(said).toContain("code: 'VERSION_MISMATCH'");
  });
});

describe('an installation works', () => {
  it.runIf(process.platform === 'linux')('with the package of the other C library alone, where it loads', async () => {
    const app = await installedApp();
    const other = platform.endsWith('gnu') ? platform.replace(/gnu$/, 'musl') : platform.replace(/musl$/, 'gnu');
    renameSync(inModules(app, platform), inModules(app, other));
    expect(await app.run(['use.mjs'])).toEqual({ status: 0, stdout: 'all used\n', stderr: '' });
  });

  it('in a folder with spaces and letters of other alphabets in its path', async () => {
    const app = await installedApp('Ünïcode and späces 日本語 🎧');
    expect(await app.run(['use.mjs'])).toEqual({ status: 0, stdout: 'all used\n', stderr: '' });
    expect(await app.run(['use.cjs'])).toEqual({ status: 0, stdout: 'all used\n', stderr: '' });
  });

  it('in a node_modules without permission to write', async () => {
    const app = await installedApp();
    const folders = ['', ...readdirSync(inModules(app), { recursive: true, encoding: 'utf8' })].map((each) =>
      inModules(app, each),
    );
    const before = readdirSync(inModules(app), { recursive: true }).length;
    for (const each of folders) chmodSync(each, 0o555);
    try {
      expect(await app.run(['use.mjs'])).toEqual({ status: 0, stdout: 'all used\n', stderr: '' });
      // Where root runs this, the folders are no obstacle: nothing was written all the same.
      expect(readdirSync(inModules(app), { recursive: true })).toHaveLength(before);
    } finally {
      for (const each of folders) chmodSync(each, 0o755);
    }
  });

  it('twice in a process, from two folders: each is a world of its own', async () => {
    const app = await installedApp();
    cpSync(inModules(app), join(app.folder, 'other', 'node_modules'), { recursive: true });
    copyFileSync(join(app.folder, 'use-all.cjs'), join(app.folder, 'other', 'use-all.cjs'));
    copyFileSync(join(app.folder, 'worker.mjs'), join(app.folder, 'other', 'worker.mjs'));
    writeFileSync(
      join(app.folder, 'twice.mjs'),
      `import assert from 'node:assert/strict';
       import { createRequire } from 'node:module';
       import * as one from 'narrowcast';
       import { useAll } from './use-all.cjs';
       const fromOther = createRequire(new URL('other/x.js', import.meta.url));
       const other = fromOther('narrowcast');
       assert.notEqual(fromOther.resolve('narrowcast'), createRequire(import.meta.url).resolve('narrowcast'));
       await Promise.all([useAll(one), fromOther('./use-all.cjs').useAll(other)]);
       const { id } = new one.FfiQueue({ types: ['a'] });
       assert.throws(() => other.RingBuffer.open(12345n), { code: 'NOT_FOUND' });
       assert.throws(() => other.FfiQueue.open(id + 1000n, { types: ['a'] }), { code: 'NOT_FOUND' });
       console.log('both');`,
    );
    expect(await app.run(['twice.mjs'])).toEqual({ status: 0, stdout: 'all used\nall used\nboth\n', stderr: '' });
  });
});
