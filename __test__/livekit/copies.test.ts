import fs from 'node:fs';
import path from 'node:path';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { noLinks } from '../support/platform.js';
import { makeTree, type Tree } from '../support/tree.js';

vi.setConfig({ testTimeout: 90_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const hear = new URL('../support/hear.mjs', import.meta.url).href;
const REGISTER = ['--import', 'narrowcast/livekit/register'];
const trees: Tree[] = [];
afterAll(() => trees.forEach((tree) => tree.remove()));

/** A tree within the checkout, whose packages it has, too; or elsewhere. */
function tree(elsewhere = false): Tree {
  const base = elsewhere ? os.tmpdir() : path.join(root, 'target');
  const made = makeTree(fs.realpathSync(fs.mkdtempSync(path.join(base, 'copies-'))));
  trees.push(made);
  return made;
}

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs an ES module in a tree, to its end. */
function run(app: Tree, text: string, flags: readonly string[] = []): Ended {
  const file = app.write('program.mjs', text);
  const env = { ...process.env, NODE_ENV: 'production' };
  const options = { cwd: app.folder, encoding: 'utf8', timeout: 60_000, env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], options);
  return { status, stdout, stderr };
}

/** A package `dep` that uses a rtc-node of its own, and hands it on. */
function addDependency(app: Tree, options: { version?: string; engine?: boolean }): void {
  const exports = { import: './index.mjs', require: './index.cjs' };
  app.addPackage(
    'dep',
    { name: 'dep', exports },
    {
      'index.mjs': "export * from '@livekit/rtc-node';",
      'index.cjs': "module.exports = require('@livekit/rtc-node');",
    },
  );
  app.addRtcNode('dep/node_modules', options);
}

describe('two copies of rtc-node that share an engine', () => {
  const app = tree();
  app.addRtcNode('');
  addDependency(app, { version: '0.13.34' });
  app.addNarrowcast('narrowcast');
  const program = (classes: string) => `
    import * as app from '@livekit/rtc-node';
    import * as dep from 'dep';
    import * as ours from 'narrowcast/livekit';
    import { classesOf, hear } from ${JSON.stringify(hear)};
    const engine = ours.install();
    const found = {};
    for (const [name, rtc] of Object.entries({ app, dep })) found[name] = classesOf(await hear(rtc, ${classes}), { app, dep });
    console.log(JSON.stringify({ ...found, differ: app.AudioStream !== dep.AudioStream, subscribers: engine.stats().events.subscribers }));
    process.exit();`;
  const each = { app: 'app app app app', dep: 'dep dep dep dep', differ: true, subscribers: 1 };

  test("under register each copy's user gets that copy's classes", () => {
    const { status, stdout, stderr } = run(app, program('rtc'), REGISTER);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(each);
  });

  test("narrowcast's own classes give frames of the track's copy", () => {
    const { status, stdout, stderr } = run(app, program('ours'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(each);
  });

  test("under register a class gives frames of its own copy, whichever copy the track is of, as rtc-node's does", () => {
    const { status, stdout, stderr } = run(
      app,
      `import * as app from '@livekit/rtc-node';
       import * as dep from 'dep';
       import { classesOf, hear } from ${JSON.stringify(hear)};
       for (const [track, classes] of [[app, dep], [dep, app]]) {
         console.log(classesOf(await hear(track, { ...classes, AudioSource: track.AudioSource }), { app, dep }));
       }
       process.exit();`,
      REGISTER,
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'dep dep dep dep\napp app app app\n', stderr: '' });
  });
});

describe('two copies of rtc-node with an engine each', () => {
  const app = tree();
  app.addRtcNode('');
  addDependency(app, { version: '0.13.25', engine: true });
  app.addNarrowcast('narrowcast');
  const engines = /rtc-ffi-bindings\S*\.node\b.*dep\S*rtc-ffi-bindings\S*\.node\b/;

  test.each(['app', 'dep'])(
    'under register the one that is loaded first (%s) has narrowcast, and the other one goes on by itself, with a warning',
    (first) => {
      const order = first === 'app' ? ['app', 'dep'] : ['dep', 'app'];
      const { status, stdout, stderr } = run(
        app,
        `import { createRequire } from 'node:module';
         const require = createRequire(import.meta.url);
         const rtc = {};
         for (const name of ${JSON.stringify(order)}) rtc[name] = require(name === 'app' ? '@livekit/rtc-node' : name);
         const { classesOf, hear } = await import(${JSON.stringify(hear)});
         const isOurs = ({ AudioStream }) => 'stats' in AudioStream.prototype;
         const { app, dep } = rtc;
         for (let i = 0; i < 3; i++) for (const each of [app, dep]) console.log(isOurs(each), classesOf(await hear(each, each), rtc));
         globalThis.gc();
         process.exit();`,
        [...REGISTER, '--expose-gc'],
      );
      const lines = [`${first === 'app'} app app app app`, `${first === 'dep'} dep dep dep dep`];
      expect({ status, stdout: stdout.trim().split('\n') }).toEqual({
        status: 0,
        stdout: [...lines, ...lines, ...lines],
      });
      expect(stderr).toContain('goes on with an engine of its own, without narrowcast');
      expect(stderr.match(/\S+\.node\b/g)).toHaveLength(2);
    },
  );

  test('a stream on a track of the other one is refused, and both engines are named', () => {
    const { status, stdout } = run(
      app,
      `import * as app from '@livekit/rtc-node';
       import { createRequire } from 'node:module';
       import { AudioStream, VideoStream, install } from 'narrowcast/livekit';
       install();
       const dep = await import('dep');
       // One of that engine, which this client can't ask for it.
       const { FfiHandle } = createRequire(import.meta.resolve('dep'))('@livekit/rtc-ffi-bindings');
       const track = Object.create(dep.LocalAudioTrack.prototype, { ffi_handle: { value: new FfiHandle(1n) } });
       for (const Stream of [AudioStream, VideoStream]) try { new Stream(track) } catch ({ code, message }) { console.log(code, message) }
       process.exit()`,
    );
    expect(status).toBe(0);
    const [audio, video] = stdout.trim().split('\n');
    expect(audio).toMatch(/^ENGINE_INCOMPATIBLE /);
    expect(audio).toMatch(engines);
    expect(video).toBe(audio);
  });

  test('install() uses the engine that the program has loaded, not the one of the rtc-node beside it', () => {
    const { status, stdout } = run(
      app,
      `import * as dep from 'dep';
       import { install } from 'narrowcast/livekit';
       import { createRequire } from 'node:module';
       const engines = () => Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('rtc-ffi') && file.endsWith('.node'));
       const before = engines();
       install();
       console.log(before.length, engines().length, /[\\\\/]dep[\\\\/]/.test(engines()[0]));
       process.exit()`,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1 1 true\n' });
  });
});

describe.skipIf(noLinks)('narrowcast linked into an application', () => {
  const app = tree(true);
  app.addRtcNode('', { engine: true });
  app.linkDependencies();
  // Run also where the tests are skipped.
  if (!noLinks) fs.symlinkSync(root, path.join(app.folder, 'node_modules', 'narrowcast'), 'junction');

  const program = (first: string, then: string) => `
    import { createRequire } from 'node:module';
    import { hear } from ${JSON.stringify(hear)};
    const load = { rtc: () => import('@livekit/rtc-node'), ours: async () => (await import('narrowcast/livekit')).install() };
    const found = { ${first}: await load.${first}(), ${then}: await load.${then}() };
    const ours = await import('narrowcast/livekit');
    const { audio } = await hear(found.rtc, ours);
    const { cache } = createRequire(import.meta.url);
    const engines = Object.keys(cache).filter((file) => file.includes('rtc-ffi') && file.endsWith('.node'));
    console.log(JSON.stringify({ own: audio instanceof found.rtc.AudioFrame, engines: engines.map((file) => file.startsWith(import.meta.dirname)) }));
    process.exit();`;
  const works = { own: true, engines: [true] };

  test.each([
    ['after it loaded rtc-node', 'rtc', 'ours', []],
    ['before it loads rtc-node', 'ours', 'rtc', []],
    ['under register', 'rtc', 'ours', REGISTER],
  ])("uses the application's rtc-node, and no second engine: %s", (_, first, then, flags) => {
    const { status, stdout, stderr } = run(app, program(first, then), flags);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(works);
  });

  test('refuses to load a second engine, where all that it finds would be one', () => {
    const other = tree();
    addDependency(other, { version: '0.13.25', engine: true });
    // As a package has it that bundles rtc-node: an engine, and no rtc-node to be found.
    fs.rmSync(path.join(other.folder, 'node_modules/dep/node_modules/@livekit/rtc-node'), { recursive: true });
    other.addNarrowcast('narrowcast');
    const { status, stdout } = run(
      other,
      `import { createRequire } from 'node:module';
       import { install } from 'narrowcast/livekit';
       const require = createRequire(import.meta.url);
       require(require.resolve('@livekit/rtc-ffi-bindings', { paths: [${JSON.stringify(path.join(other.folder, 'node_modules/dep/x'))}] }));
       try { install() } catch ({ code, message }) { console.log(code, message) }`,
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ENGINE_INCOMPATIBLE .*dep\S*\.node\b.*rtc-ffi-bindings\S*\.node\b/);
    expect(stdout.match(/\S+\.node\b/g)).toHaveLength(2);
  });
});

describe('two copies of narrowcast', () => {
  const app = tree();
  app.addNarrowcast('narrowcast');
  app.addNarrowcast('same/node_modules/narrowcast');
  app.addNarrowcast('other/node_modules/narrowcast', '9.9.9');
  for (const name of ['same', 'other']) {
    app.addPackage(
      name,
      { name, type: 'module', exports: './index.js' },
      {
        'index.js': "export * from 'narrowcast/livekit'; export { AudioStream as Pcm, RingBuffer } from 'narrowcast';",
      },
    );
  }
  const load = `
    import * as rtc from '@livekit/rtc-node';
    import { hear } from ${JSON.stringify(hear)};
    import * as mine from 'narrowcast/livekit';
    import * as same from 'same';`;

  test.each([
    ['mine', 'same'],
    ['same', 'mine'],
  ])('of one version share an engine, and work with what the other one made (%s first)', (first, second) => {
    const { status, stdout, stderr } = run(
      app,
      `${load}
       const engine = ${first}.install();
       if (mine.AudioStream === same.AudioStream) throw new Error('not two');
       if (${second}.install() !== engine) throw new Error('two engines');
       for (const [a, b] of [[mine, same], [same, mine], [mine, mine], [same, same]]) {
         const { audio, video } = await hear(rtc, { ...b, AudioSource: a.AudioSource });
         if (!(audio instanceof rtc.AudioFrame && video instanceof rtc.VideoFrame)) throw new Error('of another class');
         const idle = new b.VideoStream(rtc.LocalVideoTrack.createVideoTrack('v', new rtc.VideoSource(64, 48)));
         while (idle.tryRead() !== null);
         idle.close();
         if (idle.tryRead() !== null) throw new Error('not ended');
       }
       const { stolen, panics } = engine.stats();
       console.log(stolen, panics);
       engine.uninstall();`,
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0 0\n', stderr: '' });
  });

  test('of one version share an engine in threads, too', () => {
    app.write(
      'worker.mjs',
      `import { parentPort, workerData } from 'node:worker_threads';
       import { AudioStream } from 'same';
       const { value } = await AudioStream.fromHandle(workerData, { sampleRate: 16_000 }).getReader().read();
       parentPort.postMessage(value.data.length);`,
    );
    const { status, stdout, stderr } = run(
      app,
      `import * as rtc from '@livekit/rtc-node';
       import { install } from 'narrowcast/livekit';
       import { Worker } from 'node:worker_threads';
       install();
       const source = new rtc.AudioSource(48_000, 1, 0);
       const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
       let heard;
       new Worker(new URL('./worker.mjs', import.meta.url), { workerData: track.ffi_handle.handle }).on('message', (samples) => (heard = samples));
       while (!heard) await source.captureFrame(new rtc.AudioFrame(new Int16Array(480), 48_000, 1, 480));
       console.log(heard);
       process.exit();`,
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '160\n', stderr: '' });
  });

  test('of two versions: the second is refused at install(), and both folders are named; all but LiveKit works', () => {
    const { status, stdout, stderr } = run(
      app,
      `${load}
       import * as other from 'other';
       mine.install();
       try { other.install() } catch ({ code, message }) { console.log(code, message) }
       const ring = new other.RingBuffer({ capacity: 2 });
       console.log(ring.write(new Int16Array(3)));
       mine.install().uninstall();
       try { other.install() } catch ({ code }) { console.log(code) }`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [refused, written, still] = stdout.trim().split('\n');
    const folder = (...names: string[]) => path.join(app.folder, 'node_modules', ...names);
    expect(refused).toMatch(/^VERSION_MISMATCH /);
    expect(refused).toContain(`in ${folder('narrowcast')} `);
    expect(refused).toContain(`in ${folder('other', 'node_modules', 'narrowcast')} `);
    expect([written, still]).toEqual(['2', 'VERSION_MISMATCH']);
  });

  test('of two versions: a thread of the second is refused, too', () => {
    app.write(
      'worker.mjs',
      `import { parentPort } from 'node:worker_threads';
       import { AudioStream, install } from 'other';
       for (const use of [install, () => AudioStream.fromHandle(1n)]) try { use() } catch ({ code }) { parentPort.postMessage(code) }`,
    );
    const { status, stdout, stderr } = run(
      app,
      `import { install } from 'narrowcast/livekit';
       import { Worker } from 'node:worker_threads';
       const engine = install();
       new Worker(new URL('./worker.mjs', import.meta.url)).on('message', (code) => console.log(code)).on('exit', () => engine.uninstall());`,
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'VERSION_MISMATCH\nVERSION_MISMATCH\n',
      stderr: '',
    });
  });
});
