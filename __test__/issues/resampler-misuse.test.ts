import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

/** A process that has not ended by then hangs: what it is to do takes less than 1 ms. */
const HANGS_MS = 2000;

/** How the process ended that misused a resampler so: by what it printed, or that it crashed. */
async function outcome(side: 'plain' | 'narrowcast', misuse: string, mayHang = false): Promise<string> {
  const script = fileURLToPath(new URL('./programs/resampler-misuse.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, side, misuse], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  await once(child.stdout, 'data');
  const result = ended.then(([status, signal]) =>
    signal !== null || status !== 0 ? 'crashes' : printed.replace('ready\n', ''),
  );
  if (!mayHang) return result;
  return Promise.race([result, new Promise<string>((resolve) => setTimeout(resolve, HANGS_MS, 'hangs'))]);
}

// Of these, livekit/rust-sdks has mended some crashes of its resampler (#486, #678), but checks no argument. How the
// process crashes, and after what, is the engine's affair.
test.each([
  ['both rates 0', /^crashes$/, 'INVALID_ARGUMENT'],
  ['a rate that is no number', /^hangs$/, 'INVALID_ARGUMENT'],
  ['an infinite rate', /^hangs$/, 'INVALID_ARGUMENT'],
  ['no channels', /^crashes$/, 'INVALID_ARGUMENT'],
  ['half a frame of two channels', /^accepted$/, 'INVALID_ARGUMENT'],
  ['a frame of two channels where one is expected', /^accepted$/, 'INVALID_ARGUMENT'],
  ['a frame after close', /^GenericFailure$/, 'CLOSED'],
])(
  'a resampler refuses %s with an error that has a code',
  async (misuse, plain, code) => {
    expect(await outcome('plain', misuse, plain.source.includes('hangs'))).toMatch(plain);
    expect(await outcome('narrowcast', misuse)).toBe(code);
  },
  150_000,
);
