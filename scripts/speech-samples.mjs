// Makes the speech that `narrowcast meeting` plays, assets/*.wav: said by espeak-ng, a program of the system's, and kept as
// µ-law of 8 kHz, which is what a telephone carries.
//
//   node scripts/speech-samples.mjs

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ensureDist, ensureNative, fail, root, say } from './setup.mjs';

/** Hz. */
const RATE = 8000;

/** Most bytes of all of them: they are part of the package. */
const MOST = 30_000;

/** What is said, in which voice of espeak-ng, at how many words a minute. */
const SAID = {
  agent: ['en-us', 180, 'Your table is booked for Friday.'],
  caller: ['en-gb+f3', 190, 'Can we make it Saturday?'],
};

ensureNative();
ensureDist();
const { AudioFrame, AudioResampler, g711 } = await import('../dist/index.js');

let bytes = 0;
for (const [name, [voice, speed, text]] of Object.entries(SAID)) {
  const file = path.join(root, 'assets', `${name}.wav`);
  const wav = muLawWav(leveled(trimmed(spoken(voice, speed, text))));
  fs.writeFileSync(file, wav);
  bytes += wav.length;
  say(`${file}: ${wav.length} bytes, ${((wav.length - 58) / RATE).toFixed(1)} s`);
}
if (bytes > MOST) fail(`speech-samples: ${bytes} bytes are more than ${MOST}.`);

function spoken(voice, speed, text) {
  const { error, status, stdout, stderr } = spawnSync(
    'espeak-ng',
    ['-v', voice, '-s', String(speed), '--stdout', text],
    { maxBuffer: 2 ** 26 },
  );
  if (error) fail(`speech-samples: espeak-ng can't be run (${error.message}); the samples that are there stay.`);
  if (status !== 0) fail(`speech-samples: espeak-ng -v ${voice}: ${stderr}`);
  // A WAVE file whose length is not in its head.
  const rate = stdout.readUInt32LE(24);
  const pcm = Int16Array.from({ length: (stdout.length - 44) >> 1 }, (_, i) => stdout.readInt16LE(44 + 2 * i));
  const resampler = new AudioResampler(rate, RATE);
  const frames = [...resampler.push(new AudioFrame(pcm, rate, 1, pcm.length)), ...resampler.flush()];
  resampler.close();
  return Int16Array.from(frames.flatMap(({ data }) => [...data]));
}

/** Without what is silent before and after it: below a 300th of its peak. 60 ms of it stay, and 150 at the end. */
function trimmed(pcm) {
  const least = peakOf(pcm) / 300;
  const first = pcm.findIndex((sample) => Math.abs(sample) > least) - 0.06 * RATE;
  const last = pcm.findLastIndex((sample) => Math.abs(sample) > least) + 0.15 * RATE;
  return pcm.subarray(Math.max(0, first), last);
}

/** Its peak at half of full scale. */
function leveled(pcm) {
  const gain = 16_384 / peakOf(pcm);
  return pcm.map((sample) => Math.round(sample * gain));
}

function peakOf(pcm) {
  return pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

function muLawWav(pcm) {
  const even = pcm.length - (pcm.length % 2);
  const head = Buffer.alloc(58);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(50 + even, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(18, 16);
  head.writeUInt16LE(7, 20); // µ-law
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('fact', 38, 'latin1');
  head.writeUInt32LE(4, 42);
  head.writeUInt32LE(even, 46);
  head.write('data', 50, 'latin1');
  head.writeUInt32LE(even, 54);
  return Buffer.concat([head, g711.encode(pcm.subarray(0, even), 'mulaw')]);
}
