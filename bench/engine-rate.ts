// Who had better make 16 kHz of the 48 kHz that LiveKit's engine decodes: the engine itself, or soxr where its frames
// arrive? `npm run bench -- engine-rate`. Peer: the engine's converter; ours: soxr, as AudioStream uses it.

import { setTimeout as sleep } from 'node:timers/promises';
import { AudioResampler, AudioResamplerQuality } from 'narrowcast';
import { AudioStream, install } from 'narrowcast/livekit';
import { bench, row } from './support/harness.js';
import { spent } from './support/spent.js';
import { decibels, sine, tone } from './support/tones.js';
import { ENDLESS, openTracks, play, played } from './support/tracks.js';

const RATE = 48_000;
/** Which way each side converts. */
const WAYS = ['engine', 'soxr'] as const;
/** Full scale is 0 dB. Half of it leaves room for what a filter adds. */
const AMPLITUDE = 16_384;
/** The first tenth of the second fills the filters, and some of the last waits in them. */
const PART = 0.1;

type Side = Record<(typeof WAYS)[number], Int16Array>;

install();

/** Plays a second of each of these samples, all at once, and returns what either way makes of them. */
async function convert(pcms: readonly Int16Array[], sampleRate: number): Promise<Side[]> {
  const tracks = openTracks(pcms.length, RATE).map((track, at) => ({ ...track, pcm: pcms[at]! }));
  const open = tracks.map(({ track }) =>
    WAYS.map((resampler) => new AudioStream(track, { sampleRate, numChannels: 1, resampler })),
  );
  const pump = play(tracks, 100);
  while (pump.stats().some(({ captured }) => captured < 100)) await sleep(20);
  // The last chunk is on its way into the streams.
  await sleep(200);
  pump.stop();
  const results = open.map((streams) => {
    const [engine, soxr] = streams.map((stream) => {
      const target = new Int16Array(sampleRate);
      const samples = stream.readInto(target);
      stream.close();
      return target.slice(0, samples);
    });
    return { engine: engine!, soxr: soxr! };
  });
  await Promise.all(tracks.map(({ track }) => track.close()));
  return results;
}

/** Processor time of the whole process for each frame of 10 ms that a stream delivers, in µs. */
async function cost(resampler: (typeof WAYS)[number], sampleRate: number): Promise<number> {
  const tracks = openTracks(32, RATE);
  const pump = play(tracks, ENDLESS);
  await sleep(300);
  const without = await spent(1000);
  const streams = tracks.map(({ track }) => new AudioStream(track, { sampleRate, resampler, bufferMs: 100 }));
  await sleep(300);
  const withStreams = await spent(1000, () => played(pump));
  pump.stop();
  for (const stream of streams) stream.close();
  await Promise.all(tracks.map(({ track }) => track.close()));
  return (withStreams.cpuUs - without.cpuUs * (withStreams.ms / without.ms)) / withStreams.counted;
}

await bench('engine-rate', async (add) => {
  for (const to of [16_000, 24_000, 8_000]) {
    const nyquist = to / 2;
    const pair = `${RATE}-${to}`;
    const inside = (samples: Int16Array) => samples.subarray(to * PART, to * (1 - PART));
    const kept = [1000, 0.75 * nyquist, 0.875 * nyquist];
    const above = [1.0625 * nyquist, 1.125 * nyquist, 1.25 * nyquist, 1.5 * nyquist, 20_000];
    const results = await convert(
      [...kept, ...above].map((hertz) => tone(hertz, RATE, AMPLITUDE)),
      to,
    );

    for (const [at, hertz] of kept.entries()) {
      const { engine, soxr } = results[at]!;
      const [theirs, ours] = [sine(inside(engine), hertz, to), sine(inside(soxr), hertz, to)];
      const level = (amplitude: number) => decibels(amplitude / AMPLITUDE);
      add(row(`gain/${pair}/${hertz}`, 'dB', [level(ours.amplitude)], [level(theirs.amplitude)], 'best: 0'));
      add(row(`snr/${pair}/${hertz}`, 'dB', [ours.snr], [theirs.snr], 'what is not the tone; at most 98 with 16 bits'));
    }
    for (const [at, hertz] of above.entries()) {
      const { engine, soxr } = results[kept.length + at]!;
      const level = (samples: Int16Array) => {
        const power = inside(samples).reduce((sum, sample) => sum + sample * sample, 0) / inside(samples).length;
        return decibels(Math.sqrt(2 * power) / AMPLITUDE);
      };
      add(row(`alias/${pair}/${hertz}`, 'dB', [level(soxr)], [level(engine)], 'best: none, which counts as -120'));
    }

    const click = new Int16Array(RATE);
    click[RATE / 2] = AMPLITUDE;
    const [{ engine, soxr }] = (await convert([click], to)) as [Side];
    const delay = (samples: Int16Array) => {
      const loudest = samples.reduce((best, sample, i) => (Math.abs(sample) > Math.abs(samples[best]!) ? i : best), 0);
      return (loudest / to) * 1000 - 500;
    };
    const { latencyMs } = new AudioResampler(RATE, to, 1, AudioResamplerQuality.MEDIUM, { latency: 'low' });
    const note =
      "by how much a click is later; ours with what soxr holds back at worst, the engine's holds back nothing";
    add(row(`latency/${pair}`, 'ms', [delay(soxr) + latencyMs], [delay(engine)], note));

    const costs: Record<(typeof WAYS)[number], number[]> = { engine: [], soxr: [] };
    for (let round = 0; round < 5; round++) {
      for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) costs[way].push(await cost(way, to));
    }
    const what = 'processor time of all threads for a frame of 10 ms, from the source to the ring; 32 streams';
    add(row(`cpu/${pair}`, 'µs a frame', costs.soxr, costs.engine, what));
  }
});
process.exit(0);
