import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as nodeModule from 'node:module';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secondCopyBeside } from '../../src/livekit/find-rtc-node.js';
import { REMOVED_FOLDER } from '../support/removed-folder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rtcNode = path.join(root, 'node_modules', '@livekit', 'rtc-node');
/** Within the checkout, so that its packages are found from here. */
const folder = path.join(root, 'target', `register-${process.pid}`);

/** What an agent does with rtc-node, not knowing of narrowcast: listens to itself. Prints what it found. */
const agent = (load: string) => `
  ${load}
  const { AudioFrame, AudioSource, AudioStream, LocalAudioTrack, VideoStream, AudioResampler, AudioMixer, Room } = rtc;
  void (async () => {
    const source = new AudioSource(48_000, 1, 0);
    const track = LocalAudioTrack.createAudioTrack('me', source);
    const reader = new AudioStream(track, 16_000).getReader();
    const heard = reader.read();
    let done = false;
    void heard.then(() => (done = true));
    while (!done) await source.captureFrame(new AudioFrame(new Int16Array(480), 48_000, 1, 480));
    const { value } = await heard;
    await reader.cancel();
    await track.close();
    console.log(JSON.stringify({
      frame: value instanceof AudioFrame && value.samplesPerChannel,
      ours: [AudioSource, AudioStream, VideoStream, AudioResampler, AudioMixer].map((each) => 'stats' in each.prototype || 'latencyMs' in each.prototype),
      room: new Room().isConnected,
      client: Object.keys(globalThis._ffiClientInstance).includes('waitFor'),
    }));
    process.exit();
  })();`;

const works = { frame: 160, room: false, client: true, ours: [true, true, true, true, true] };

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

/** A package that depends on rtc-node and hands it on: `node_modules/NAME`, with a copy of its own or the application's. */
function addPackage(name: string, ownCopy: boolean): void {
  const exports = { import: './index.mjs', require: './index.cjs' };
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', exports }));
  write(`node_modules/${name}/index.mjs`, "export * from '@livekit/rtc-node';");
  write(`node_modules/${name}/index.cjs`, "module.exports = require('@livekit/rtc-node');");
  if (!ownCopy) return;
  const copy = path.join(folder, 'node_modules', name, 'node_modules', '@livekit', 'rtc-node');
  fs.cpSync(rtcNode, copy, { recursive: true, filter: (source) => !source.endsWith('.map') });
}

beforeAll(() => {
  addPackage('agents', false);
  addPackage('agents-with-their-own', true);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function run(file: string, flags: readonly string[], cwd = folder): { stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return { stdout, stderr };
}

const flag = ['--import', 'narrowcast/livekit/register'];

describe('node --import narrowcast/livekit/register', () => {
  test.each([
    ['an ES module', 'a.mjs', "import * as rtc from '@livekit/rtc-node';"],
    ['a CommonJS module', 'a.cjs', "const rtc = require('@livekit/rtc-node');"],
    ['an ES module that imports it later', 'b.mjs', "const rtc = await import('@livekit/rtc-node');"],
    ['an ES module, through a package', 'c.mjs', "import * as rtc from 'agents';"],
    ['a CommonJS module, through a package', 'c.cjs', "const rtc = require('agents');"],
    [
      'an ES module, through a package with a copy of its own',
      'd.mjs',
      "import * as rtc from 'agents-with-their-own';",
    ],
    ['a CommonJS module, through such a package', 'd.cjs', "const rtc = require('agents-with-their-own');"],
    [
      'an ES module that needs it in both ways',
      'e.mjs',
      `import * as rtc from '@livekit/rtc-node';
       import { createRequire } from 'node:module';
       if (createRequire(import.meta.url)('@livekit/rtc-node').AudioStream !== rtc.AudioStream) throw new Error('two');`,
    ],
  ])('%s gets narrowcast', (_, name, load) => {
    expect(JSON.parse(run(write(name, agent(load)), flag).stdout)).toEqual(works);
  });

  test('without it, the same program works, and has none of it', () => {
    const file = write('plain.mjs', agent("import * as rtc from '@livekit/rtc-node';"));
    const found = JSON.parse(run(file, []).stdout) as object;
    expect(found).toEqual({ ...works, client: false, ours: [false, false, false, false, false] });
  });

  test('--require does the same', () => {
    const file = write('required.cjs', agent("const rtc = require('@livekit/rtc-node');"));
    const flags = ['--require', path.join(root, 'dist', 'livekit', 'register.cjs')];
    expect(JSON.parse(run(file, flags).stdout)).toEqual(works);
  });

  test('a child process that the program forks has it, too', () => {
    write('child.mjs', agent("import * as rtc from '@livekit/rtc-node';"));
    const file = write('parent.mjs', "import { fork } from 'node:child_process'; fork('./child.mjs');");
    expect(JSON.parse(run(file, flag).stdout)).toEqual(works);
  });

  // Windows removes no working folder.
  test.skipIf(process.platform === 'win32').each(['--import', '--require'])(
    '%s works where the working folder was removed, as by a new release',
    (flag) => {
      const gone = write('gone.cjs', REMOVED_FOLDER);
      const register = path.join(root, 'dist', 'livekit', flag === '--import' ? 'register.js' : 'register.cjs');
      const run = (program: string, report: string) =>
        spawnSync(process.execPath, ['--require', gone, flag, register, write('homeless.mjs', program)], {
          cwd: folder,
          encoding: 'utf8',
          timeout: 60_000,
          env: { ...process.env, NODE_ENV: 'production', NARROWCAST_REPORT: report, NARROWCAST_TRACE: '1' },
        });
      const report = path.join(folder, `report${flag}.jsonl`);
      const required = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)";
      // Node 20 has no hooks for a second copy of rtc-node there.
      const twoBuilds = secondCopyBeside(createRequire(import.meta.url).resolve('@livekit/rtc-node')) !== undefined;
      const hooked = 'registerHooks' in nodeModule || !twoBuilds;
      const noHooks = hooked ? '' : /^.*NARROWCAST_NO_WORKING_FOLDER.*\n.*--trace-warnings.*\n/m;
      for (const asked of ['', `10ms:${report}`]) {
        const { status, stdout, stderr } = run(agent(`${required}; const rtc = require('@livekit/rtc-node');`), asked);
        expect([stderr.replace(noHooks, ''), status]).toEqual(['', 0]);
        expect(JSON.parse(stdout)).toEqual(works);
        const imported = run(agent("import * as rtc from '@livekit/rtc-node';"), asked);
        expect([imported.stderr.replace(noHooks, ''), imported.status]).toEqual(['', 0]);
        const ours = JSON.parse(imported.stdout) as object;
        expect(ours).toEqual(hooked ? works : { ...works, client: false, ours: [false, false, false, false, false] });
      }
      expect(fs.readFileSync(report, 'utf8')).toContain('"ended":true');
      // A file in that folder can't be.
      const warned = `
        ${required};
        const { AudioSource } = require('@livekit/rtc-node');
        const source = new AudioSource(48_000, 1);
        process.on('warning', ({ message }) => (console.log(message), process.exit()));
        setTimeout(() => {}, 50_000);`;
      expect(run(warned, '10ms:report.jsonl').stdout).toMatch(
        /^NARROWCAST_REPORT: the report can't be written to report.jsonl: ENOENT.* The program goes on$/m,
      );
    },
  );

  test('a program that uses no LiveKit loads none', () => {
    const file = write(
      'other.mjs',
      `import { createRequire } from 'node:module';
       const { cache } = createRequire(import.meta.url);
       console.log(Object.keys(cache).some((file) => file.includes('@livekit')));`,
    );
    expect(run(file, flag).stdout).toBe('false\n');
  });

  test('it does no harm to be given twice, once as each of its files', () => {
    const file = write('twice.mjs', agent("import * as rtc from '@livekit/rtc-node';"));
    const flags = [...flag, '--import', pathToFileURL(path.join(root, 'dist', 'livekit', 'register.cjs')).href];
    expect(JSON.parse(run(file, flags).stdout)).toEqual(works);
  });

  test.each([
    ['a.cjs', "const { install } = require('narrowcast/livekit');", "require('@livekit/rtc-node')"],
    ['a.mjs', "import { install } from 'narrowcast/livekit';", "await import('@livekit/rtc-node')"],
  ])('install() before rtc-node is loaded makes one engine, and the program ends (%s)', (name, load, rtc) => {
    const file = write(
      `first-${name}`,
      `${load}
       const engine = install();
       ${rtc};
       const { subscribers } = engine.stats().events;
       console.log(install() === engine, subscribers, globalThis._ffiClientInstance.listenerCount('newListener'));
       engine.uninstall();
       console.log(globalThis._ffiClientInstance, engine.stats().events.subscribers);`,
    );
    expect(run(file, flag).stdout).toBe('true 1 1\nundefined 0\n');
  });

  test('where narrowcast cannot work with what is installed, the program runs as it is, and is warned', () => {
    const bindings = 'node_modules/strange/node_modules/@livekit/rtc-ffi-bindings';
    addPackage('strange', true);
    write(`${bindings}/package.json`, JSON.stringify({ name: '@livekit/rtc-ffi-bindings', main: 'index.js' }));
    write(
      `${bindings}/index.js`,
      `module.exports = { ...require(${JSON.stringify(`${rtcNode}/../rtc-ffi-bindings`)}), FfiEvent: class {} };`,
    );
    const file = write(
      'warned.cjs',
      "const rtc = require('strange'); console.log('stats' in rtc.AudioStream.prototype);",
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flag, file], { cwd: folder, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, 'false\n']);
    expect(stderr).toMatch(/NarrowcastWarning: .*strange.*index\.cjs is used as it is, without narrowcast: .*FfiEvent/);
  });
});

test('a program that did not ask for it does not load it', () => {
  const dist = path.join(root, 'dist');
  const files = fs.readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => /\.c?js$/.test(file));
  const others = files.filter((file) => !file.includes('register'));
  expect(others.length).toBeGreaterThan(4);
  for (const file of others)
    expect(fs.readFileSync(path.join(dist, file), 'utf8')).not.toMatch(/livekit\/register\.c?js"/);
});

test('no bundler drops a bare import of it', () => {
  const { exports, sideEffects } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, Record<'import' | 'require', { default: string }>>;
    sideEffects: string[];
  };
  const { import: esm, require: cjs } = exports['./livekit/register']!;
  expect(sideEffects).toEqual(expect.arrayContaining([esm.default, cjs.default]));
});
