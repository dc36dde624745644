import { chmodSync, copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageFolder } from '../../scripts/runtimes.mjs';
import { emptyApp, installedApp, type App } from './apps.js';
import { run, type Ended } from './run.js';
import { runtime } from './runtimes.js';

const bundled = { status: 0, stdout: 'bundled\n', stderr: '' };
const exe = process.platform === 'win32' ? '.exe' : '';

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

/** Runs what needs the application after it was moved from where it was built. */
async function whileMoved<T>(work: (there: string) => Promise<T>): Promise<T> {
  const there = join(dirname(app.folder), 'moved');
  renameSync(app.folder, there);
  try {
    return await work(there);
  } finally {
    renameSync(there, app.folder);
  }
}

/** Runs a program of the application where that was moved to, from another folder, with nothing in its environment. */
const runMoved = (program: string, args: readonly string[] = []): Promise<Ended> =>
  whileMoved((there) => {
    const runs = program === process.execPath ? program : join(there, program);
    const files = args.map((file) => join(there, file));
    return run(runs, files, { cwd: dirname(there), env: { HOME: there, PATH: '' } });
  });

describe('an application for Node is bundled with narrowcast in it, and works where it is moved to', () => {
  it.each([
    { format: 'esm', file: 'bundle.mjs' },
    { format: 'cjs', file: 'bundle.cjs' },
  ] as const)('by rolldown, into $file', async ({ format, file }) => {
    const bundle = await rolldown({ input: join(app.folder, 'bundled.mjs'), platform: 'node' });
    await bundle.write({ format, file: join(app.folder, file), codeSplitting: false });
    await bundle.close();
    expect(await app.run([file])).toEqual(bundled);
    expect(await runMoved(process.execPath, [file])).toEqual(bundled);
  });

  it('by esbuild, as CommonJS', async () => {
    const { build } = (await import(pathToFileURL(join(packageFolder('esbuild@0.28.2'), 'lib', 'main.js')).href)) as {
      build(options: object): Promise<unknown>;
    };
    await build({
      entryPoints: [join(app.folder, 'bundled.cjs')],
      outfile: join(app.folder, 'esbuild.cjs'),
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
    expect(await app.run(['esbuild.cjs'])).toEqual(bundled);
    expect(await runMoved(process.execPath, ['esbuild.cjs'])).toEqual(bundled);
  });

  it.each([
    { input: 'bundled.mjs', file: 'webpack.mjs', experiments: { outputModule: true } },
    { input: 'bundled.cjs', file: 'webpack.cjs', experiments: {} },
  ])('by webpack, into $file', async ({ input, file, experiments }) => {
    writeFileSync(
      join(app.folder, 'pack.cjs'),
      `const webpack = require(${JSON.stringify(packageFolder('webpack@5.113.0'))});
       webpack(
         {
           entry: './${input}', context: __dirname, target: 'node20', mode: 'production',
           output: { path: __dirname, filename: '${file}', module: ${file.endsWith('.mjs')}, chunkFormat: '${file.endsWith('.mjs') ? 'module' : 'commonjs'}' },
           experiments: ${JSON.stringify(experiments)},
         },
         (error, stats) => {
           if (error || stats.hasErrors()) throw error ?? new Error(stats.toString('errors-only'));
         },
       );`,
    );
    expect(await app.run(['pack.cjs'])).toMatchObject({ status: 0, stderr: '' });
    expect(await app.run([file])).toEqual(bundled);
    expect(await runMoved(process.execPath, [file])).toEqual(bundled);
  });
});

describe('a single executable, with node_modules beside it, works where it is moved to', () => {
  it('of Bun', async () => {
    const bun = runtime('bun');
    const file = `app-of-bun${exe}`;
    const { status, stderr } = await app.run(['build', '--compile', 'bundled.mjs', '--outfile', file], bun);
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(await runMoved(file)).toEqual(bundled);
  });

  // On macOS it has to be signed anew.
  it.skipIf(process.platform === 'darwin')('of Node', async () => {
    const bundle = await rolldown({ input: join(app.folder, 'bundled.mjs'), platform: 'node' });
    await bundle.write({ format: 'cjs', file: join(app.folder, 'sea.cjs'), codeSplitting: false });
    await bundle.close();
    const settings = { main: 'sea.cjs', output: 'sea.blob', disableExperimentalSEAWarning: true };
    writeFileSync(join(app.folder, 'sea.json'), JSON.stringify(settings));
    expect(await app.run(['--experimental-sea-config', 'sea.json'])).toMatchObject({ status: 0 });
    const file = `app-of-node${exe}`;
    copyFileSync(process.execPath, join(app.folder, file));
    chmodSync(join(app.folder, file), 0o755);
    const postject = join(packageFolder('postject@1.0.0-alpha.6'), 'dist', 'cli.js');
    // What Node looks for.
    const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
    const { status, stdout } = await app.run([postject, file, 'NODE_SEA_BLOB', 'sea.blob', '--sentinel-fuse', fuse]);
    expect([status, stdout]).toEqual([0, expect.any(String)]);
    expect(await runMoved(file)).toEqual(bundled);
  });

  it('alone: says what it needs', async () => {
    const file = `app-of-bun${exe}`;
    const alone = emptyApp('alone');
    copyFileSync(join(app.folder, file), join(alone.folder, file));
    const { status, stderr } = await whileMoved(() =>
      run(join(alone.folder, file), [], { cwd: alone.folder, env: { PATH: '' } }),
    );
    expect(status).toBe(1);
    expect(stderr).toContain(
      'this is a bundle, and neither beside it nor beside the program is a node_modules folder with narrowcast',
    );
  });
});
