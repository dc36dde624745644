import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { frameBudget, setFrameBudget } from '../../src/livekit/frame-budget.js';
import { install } from '../../src/livekit/index.js';
import { failure } from '../support/expect.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const VARIABLES = ['NARROWCAST_FRAME_MS', 'NARROWCAST_MAX_FRAME_MS'] as const;

beforeEach(() => {
  for (const variable of VARIABLES) vi.stubEnv(variable, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** What the process warns of while it reads the environment twice, as two streams do. */
function warnings(environment: object): string[] {
  for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value as string);
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  frameBudget();
  frameBudget();
  return warned.mock.calls.map(([warning]) => String(warning));
}

describe('NARROWCAST_FRAME_MS', () => {
  test.each([
    [undefined, 1],
    ['', 1],
    [' ', 1],
    ['10', 1],
    ['20', 2],
    [' 50 ', 5],
    ['100', 10],
  ])('%o joins the frames of 10 ms by %i', (value, usual) => {
    expect(warnings({ NARROWCAST_FRAME_MS: value })).toEqual([]);
    expect(frameBudget()).toEqual({ usual, longest: usual });
  });

  test.each(['0', '-10', '7', '15', '20.5', '110', '1000', 'Infinity', 'NaN', 'abc', '20ms'])(
    '%o is one warning that names it, and 10 ms',
    (value) => {
      const [warning, ...others] = warnings({ NARROWCAST_FRAME_MS: value });
      expect(warning).toMatch(
        new RegExp(`^NARROWCAST_FRAME_MS=${value} is ignored, and frames have 10 ms: .* from 10 to 100 `),
      );
      expect(others).toEqual([]);
      expect(frameBudget()).toEqual({ usual: 1, longest: 1 });
    },
  );
});

describe('NARROWCAST_MAX_FRAME_MS', () => {
  test('lets a late reader have longer frames', () => {
    expect(warnings({ NARROWCAST_MAX_FRAME_MS: '1000' })).toEqual([]);
    expect(frameBudget()).toEqual({ usual: 1, longest: 100 });
    vi.stubEnv('NARROWCAST_FRAME_MS', '20');
    expect(frameBudget()).toEqual({ usual: 2, longest: 100 });
    // Shorter than a frame: no frame is longer than the others.
    vi.stubEnv('NARROWCAST_FRAME_MS', '50');
    vi.stubEnv('NARROWCAST_MAX_FRAME_MS', '20');
    expect(frameBudget()).toEqual({ usual: 5, longest: 5 });
  });

  test.each(['0', '7', '1010', 'abc'])('%o is one warning that names it, and is ignored', (value) => {
    const [warning, ...others] = warnings({ NARROWCAST_FRAME_MS: '20', NARROWCAST_MAX_FRAME_MS: value });
    expect(warning).toMatch(new RegExp(`^NARROWCAST_MAX_FRAME_MS=${value} is ignored, .* from 10 to 1000 `));
    expect(others).toEqual([]);
    expect(frameBudget()).toEqual({ usual: 2, longest: 2 });
  });
});

describe('install({ frameMs, maxFrameMs })', () => {
  test('goes before the environment, and into it, for threads and children', () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '50');
    setFrameBudget({ frameMs: 20, maxFrameMs: 200 });
    expect(frameBudget()).toEqual({ usual: 2, longest: 20 });
    expect(VARIABLES.map((variable) => process.env[variable])).toEqual(['20', '200']);
    setFrameBudget({});
    expect(frameBudget()).toEqual({ usual: 2, longest: 20 });
  });

  test.each([0, 7, -10, 110, 1000, NaN, Infinity, '20', null])('%o is refused, and nothing is set', (frameMs) => {
    const options = { maxFrameMs: 100, frameMs } as never;
    expect(() => install(options)).toThrow(failure('INVALID_ARGUMENT', 'frameMs is'));
    expect(VARIABLES.map((variable) => process.env[variable])).toEqual([undefined, undefined]);
  });

  test.each([0, 7, 1010, '100'])('{ maxFrameMs: %o } is refused', (maxFrameMs) => {
    expect(() => install({ maxFrameMs } as never)).toThrow(failure('INVALID_ARGUMENT', 'maxFrameMs is'));
  });

  test('a misspelled option is refused, with the one that was meant', () => {
    expect(() => install({ frameSizeMs: 20 } as never)).toThrow(/frameSizeMs is not known: did you mean frameMs\?/);
  });
});

describe('under the flag', () => {
  const folder = path.join(root, 'target', `frame-budget-${process.pid}`);
  /** Hears itself, in a thread and in a child process, too; prints how many samples a frame of 16 kHz has in each. */
  const program = `
    import { fork } from 'node:child_process';
    import { Worker } from 'node:worker_threads';
    import * as rtc from '@livekit/rtc-node';
    const child = process.argv[2] === 'child';
    const source = new rtc.AudioSource(48_000, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
    const samples = async (heard) => {
      let found;
      void heard.then((value) => (found = value));
      for (const limit = Date.now() + 20_000; found === undefined && Date.now() < limit; ) {
        await source.captureFrame(new rtc.AudioFrame(new Int16Array(480), 48_000, 1, 480));
      }
      return found;
    };
    const first = async (...options) => {
      const reader = new rtc.AudioStream(track, ...options).getReader();
      const { value } = await reader.read();
      await reader.cancel();
      return value.samplesPerChannel;
    };
    const found = { main: await samples(first(16_000, 1)) };
    if (!child) {
      found.asked = await samples(first({ sampleRate: 16_000, frameSizeMs: 10 }));
      const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: track.ffi_handle.handle });
      found.worker = await samples(new Promise((resolve) => worker.once('message', resolve)));
      await worker.terminate();
      const forked = fork(new URL(import.meta.url), ['child']);
      found.child = await new Promise((resolve) => forked.once('message', ({ main }) => resolve(main)));
      console.log(JSON.stringify(found));
      process.exit();
    }
    process.send(found, () => process.exit());`;
  const worker = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { AudioStream } from 'narrowcast/livekit';
    for await (const frame of AudioStream.fromHandle(workerData, { sampleRate: 16_000 })) {
      parentPort.postMessage(frame.samplesPerChannel);
      break;
    }`;

  beforeAll(() => {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'program.mjs'), program);
    fs.writeFileSync(path.join(folder, 'worker.mjs'), worker);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  function run(frameMs: string) {
    const flags = ['--import', 'narrowcast/livekit/register', path.join(folder, 'program.mjs')];
    const { status, stdout, stderr } = spawnSync(process.execPath, flags, {
      cwd: root,
      encoding: 'utf8',
      timeout: 50_000,
      env: { ...process.env, NODE_ENV: 'production', NARROWCAST_FRAME_MS: frameMs },
    });
    expect(status === 0 ? 0 : stderr).toBe(0);
    return { found: JSON.parse(stdout) as object, warnings: stderr.split('\n').filter((line) => /Warning/.test(line)) };
  }

  test('a program, its threads and its children have it, but not a stream that asks for a length', () => {
    expect(run('20')).toEqual({ found: { main: 320, asked: 160, worker: 320, child: 320 }, warnings: [] });
  });

  test('a length that it can not have is warned about once in each process', () => {
    const { found, warnings } = run('abc');
    expect(found).toEqual({ main: 160, asked: 160, worker: 160, child: 160 });
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining('NarrowcastWarning: NARROWCAST_FRAME_MS=abc ')));
  });
});
