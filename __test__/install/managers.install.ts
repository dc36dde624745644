import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { packageFolder } from '../../scripts/runtimes.mjs';
import { emptyApp, installedApp, npmInstall, type App } from './apps.js';
import { runNpm } from './npm.js';
import type { Ended } from './run.js';

/** What both programs say where all of narrowcast works. */
const used = { status: 0, stdout: 'all used\n', stderr: '' };
const PROGRAMS = ['use.mjs', 'use.cjs'];

async function install(app: App, program: string, args: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await app.run([program, ...args]);
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stdout}${stderr}`);
}

describe('pnpm', () => {
  let app: App;
  beforeAll(async () => {
    app = emptyApp('pnpm');
    writeFileSync(
      join(app.folder, '.npmrc'),
      `registry=${inject('registry')}\nstore-dir=${join(app.folder, '.store')}\n`,
    );
    await install(app, join(packageFolder('pnpm@10.34.8'), 'bin', 'pnpm.cjs'), ['add', 'narrowcast']);
  });
  it.each(PROGRAMS)('what it installs works (%s)', async (file) => expect(await app.run([file])).toEqual(used));
});

describe('Yarn classic', () => {
  let app: App;
  beforeAll(async () => {
    app = emptyApp('yarn-classic');
    const yarn = join(packageFolder('yarn@1.22.22'), 'bin', 'yarn.js');
    const folders = ['--cache-folder', join(app.folder, '.cache'), '--registry', inject('registry')];
    await install(app, yarn, ['add', 'narrowcast', '--no-progress', '--non-interactive', ...folders]);
  });
  it.each(PROGRAMS)('what it installs works (%s)', async (file) => expect(await app.run([file])).toEqual(used));
});

describe("Yarn with Plug'n'Play", () => {
  let app: App;
  beforeAll(async () => {
    app = emptyApp('yarn-pnp');
    const settings = {
      npmRegistryServer: inject('registry'),
      unsafeHttpWhitelist: ['127.0.0.1'],
      npmMinimalAgeGate: 0,
      enableTelemetry: false,
      globalFolder: join(app.folder, '.yarn-global'),
      nodeLinker: 'pnp',
    };
    // JSON is YAML.
    writeFileSync(join(app.folder, '.yarnrc.yml'), JSON.stringify(settings));
    // The root of a project of its own.
    writeFileSync(join(app.folder, 'yarn.lock'), '');
    await install(app, join(packageFolder('@yarnpkg/cli-dist@4.18.1'), 'bin', 'yarn.js'), ['add', 'narrowcast']);
  });
  it.each(PROGRAMS)('what it installs works (%s)', async (file) => {
    const flags = ['--require', './.pnp.cjs', '--experimental-loader', './.pnp.loader.mjs', '--no-warnings'];
    expect(await app.run([...flags, file])).toEqual(used);
  });
});

describe('npm', () => {
  it('with --ignore-scripts: all works, for nothing has to run', async () => {
    const app = emptyApp();
    expect((await npmInstall(app, ['narrowcast'], '--ignore-scripts')).status).toBe(0);
    expect(await app.run(['use.mjs'])).toEqual(used);
  });

  it.each([
    ['darwin', 'arm64'],
    ['win32', 'x64'],
  ])('with a lock file that was made on %s %s: all works', async (os, cpu) => {
    const there = await installedApp('there', ['narrowcast', `--os=${os}`, `--cpu=${cpu}`]);
    const here = emptyApp('here');
    for (const file of ['package.json', 'package-lock.json']) cpSync(join(there.folder, file), join(here.folder, file));
    const { status, stderr } = await ci(here);
    expect([status, stderr]).toEqual([0, '']);
    expect(await here.run(['use.mjs'])).toEqual(used);
  });

  it('with a lock file that lacks the package of this platform, as npm has made some: says what to do', async () => {
    const there = await installedApp('there');
    const file = join(there.folder, 'package-lock.json');
    const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, object> };
    for (const { name } of inject('packed')) {
      if (name !== 'narrowcast') delete lock.packages[`node_modules/${name}`];
    }
    const here = emptyApp('here');
    cpSync(join(there.folder, 'package.json'), join(here.folder, 'package.json'));
    writeFileSync(join(here.folder, 'package-lock.json'), JSON.stringify(lock));
    await ci(here);
    const { status, stderr } = await here.run(['use.mjs']);
    // A newer npm mends the lock file, or refuses it.
    if (status === 0) return;
    expect(stderr).toMatch(
      /its package narrowcast-\S+ is not installed; install again|Cannot find package 'narrowcast'/,
    );
  });
});

const ci = ({ folder }: App): Promise<Ended> =>
  runNpm(folder, ['ci'], { registry: inject('registry'), cache: inject('cache') });
