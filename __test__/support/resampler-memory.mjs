// Uses resamplers for long, in one way, and says whether the process has grown meanwhile.
import { AudioFrame, AudioResampler } from '../../dist/index.js';
import { staysFlat, turn } from './growth.mjs';

const [what] = process.argv.slice(2);

const resampler = new AudioResampler(48_000, 16_000);
const input = new Int16Array(480).fill(1000);
const output = new Int16Array(resampler.maxOutput(480));
const frame = new AudioFrame(input, 48_000, 1, 480);

/** Some work, the same each time. */
const work = {
  pushInto() {
    for (let i = 0; i < 50_000; i++) resampler.pushInto(input, output);
  },
  push() {
    for (let i = 0; i < 25_000; i++) resampler.push(frame);
  },
  create() {
    for (let i = 0; i < 250; i++) {
      const made = new AudioResampler(48_000, 16_000, 2);
      made.pushInto(input, output.length >= made.maxOutput(480) ? output : new Int16Array(made.maxOutput(480)));
      made.close();
    }
  },
  async forget() {
    // Only the engine itself collects garbage for these, which has to be told what they hold.
    for (let i = 0; i < 250; i++) {
      new AudioResampler(48_000, 16_000, 2);
      if (i % 10 === 0) await turn();
    }
  },
}[what];

const forgets = what === 'forget';
// 5,000 that stayed would be 800 MB; 500,000 results that stayed, 160 MB; 1,000,000 leaks of 16 bytes, 16 MB.
await staysFlat(work, { collects: !forgets, limit: forgets ? 200e6 : 12e6 });
