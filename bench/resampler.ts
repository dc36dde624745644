// What a 10 ms frame costs to resample, and how long it is held back: ours beside rtc-node's resampler and two in
// WebAssembly. `npm run bench -- resampler`.

import { AudioFrame as RtcFrame, AudioResampler as RtcResampler, dispose } from '@livekit/rtc-node';
import { AudioFrame, AudioResampler, AudioResamplerQuality } from 'narrowcast';
import { testAddon } from '../__test__/support/load.mjs';
import { bench, median, row } from './support/harness.js';
import { libsamplerate, speex } from './support/other-resamplers.js';
import { rounds, time } from './support/rounds.js';

const PAIRS = [
  [48_000, 16_000],
  [48_000, 24_000],
  [44_100, 16_000],
  [24_000, 48_000],
] as const;
/** Many and short, for their median: on a busy machine most of them are not interrupted. */
const ROUNDS = 101;

/** 10 ms of noise. */
const noise = (rate: number) => Int16Array.from({ length: rate / 100 }, (_, i) => ((i * 7919) % 60_000) - 30_000);

/** What is held back at worst after a push of 10 ms, in ms, and how many pushes of 1,000 returned nothing. */
function latency(push: () => number, rate: number): { worst: number; empty: number } {
  let [samples, worst, empty] = [0, 0, 0];
  for (let i = 1; i <= 1000; i++) {
    const returned = push();
    samples += returned;
    if (returned === 0 && i > 10) empty++;
    worst = Math.max(worst, i * 10 - (samples / rate) * 1000);
  }
  return { worst, empty };
}

await bench('resampler', async (add) => {
  const us = (ns: number[]) => ns.map((each) => each / 1000);

  for (const [from, to] of PAIRS) {
    const input = noise(from);
    const frame = new AudioFrame(input, from, 1, input.length);
    const rtcFrame = new RtcFrame(input, from, 1, input.length);
    const [ours, rtc] = [new AudioResampler(from, to), new RtcResampler(from, to)];
    const others = { speex: await speex(from, to, input), libsamplerate: await libsamplerate(from, to, input) };
    const times = rounds(ROUNDS, {
      ours: () => time(() => ours.push(frame), 100),
      rtc: () => time(() => rtc.push(rtcFrame), 50),
      speex: () => time(others.speex, 20),
      libsamplerate: () => time(others.libsamplerate, 20),
    });
    const name = `push/${from}-${to}`;
    add(row(name, 'µs a frame', us(times.ours), us(times.rtc), "rtc-node's, medium quality, as ours"));
    add(
      row(`${name}/speex`, 'µs a frame', us(times.ours), us(times.speex), 'speex in WebAssembly with SIMD, quality 7'),
    );
    const note = 'libsamplerate in WebAssembly, its fastest sinc filter, without conversion from and to integers';
    add(row(`${name}/libsamplerate`, 'µs a frame', us(times.ours), us(times.libsamplerate), note));
    ours.close();
    rtc.close();
  }

  {
    const input = noise(48_000);
    const frame = new AudioFrame(input, 48_000, 1, input.length);
    const resampler = new AudioResampler(48_000, 16_000);
    const output = new Int16Array(resampler.maxOutput(input.length));
    const times = rounds(3 * ROUNDS, {
      raw: () => testAddon.timeLibsoxr(48_000, 16_000, input, output, 100),
      pushInto: () => time(() => resampler.pushInto(input, output), 100),
      push: () => time(() => resampler.push(frame), 100),
    });
    // Of a machine that does other things, too, and by turns slower: what the fastest tenth of the rounds took.
    const fastest = (ns: number[]) => ns.toSorted((a, b) => a - b).slice(0, Math.ceil(ns.length / 10));
    const raws = fastest(times.raw);
    const over = (ns: number[]) => fastest(ns).map((each, i) => each - raws[i]!);
    const note =
      `fastest tenth of the rounds, over libsoxr called in a loop of native code, ` +
      `which takes ${median(raws).toFixed(0)} ns`;
    add(row('overhead/push-into', 'ns', over(times.pushInto), undefined, `${note}; at most 250`));
    add(row('overhead/push', 'ns', over(times.push), undefined, `${note}; at most 700`));
    resampler.close();
  }

  {
    const input = noise(48_000);
    const frame = new AudioFrame(input, 48_000, 1, input.length);
    const rtcFrame = new RtcFrame(input, 48_000, 1, input.length);
    const [ours, rtc] = [new AudioResampler(48_000, 48_000), new RtcResampler(48_000, 48_000)];
    if (ours.push(frame)[0] !== frame) throw new Error('another frame came back');
    const times = rounds(ROUNDS, {
      ours: () => time(() => ours.push(frame), 5000),
      rtc: () => time(() => rtc.push(rtcFrame), 50),
    });
    add(row('equal/push', 'ns', times.ours, times.rtc, 'equal rates: the very frame comes back; at most 50'));
    rtc.close();
  }

  for (const [from, to] of PAIRS) {
    const input = noise(from);
    const rtc = new RtcResampler(from, to);
    const rtcFrame = new RtcFrame(input, from, 1, input.length);
    const theirs = latency(() => rtc.push(rtcFrame)[0]?.samplesPerChannel ?? 0, to);
    rtc.close();
    for (const [which, most] of [
      ['default', 18],
      ['low', 10],
    ] as const) {
      const resampler = new AudioResampler(from, to, 1, AudioResamplerQuality.MEDIUM, { latency: which });
      const output = new Int16Array(resampler.maxOutput(input.length));
      const ours = latency(() => resampler.pushInto(input, output), to);
      const note = `worst of 1,000 pushes: ${ours.empty} returned nothing, and ${theirs.empty} of rtc-node's; at most ${most}`;
      add(row(`latency/${which}/${from}-${to}`, 'ms', [ours.worst], [theirs.worst], note));
      resampler.close();
    }
  }

  {
    const input = noise(48_000);
    const resampler = new AudioResampler(48_000, 16_000);
    const output = new Int16Array(resampler.maxOutput(input.length));
    const memory = () => (globalThis.gc!(), process.memoryUsage());
    const push = () => resampler.pushInto(input, output);
    time(push, 10_000);
    const before = memory();
    time(push, 1_000_000);
    const after = memory();
    const grown = (key: keyof NodeJS.MemoryUsage) => [(after[key] - before[key]) / 1e6];
    for (const key of ['heapUsed', 'external', 'rss'] as const) {
      add(row(`memory/${key}`, 'MB', grown(key), undefined, 'grown by 1,000,000 calls of pushInto'));
    }
    resampler.close();
  }
});

// LiveKit's engine would keep the process alive.
await dispose();
