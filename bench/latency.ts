// How long an AudioStream with the option `from` holds back what is written to it, for each pair of the usual rates, with pieces
// of 20 ms: what was written and can't be read, after each write. The table of docs/audio.md. `npm run bench -- latency`.

import { AudioResampler, AudioStream } from 'narrowcast';
import { bench, row } from './support/harness.js';

const RATES = [8000, 16_000, 22_050, 24_000, 44_100, 48_000];
const PIECE_MS = 20;
const PIECES = 500;

/** The latency after each write, in ms, from when the first sample came out. */
function latencies(from: number, to: number): number[] {
  const stream = new AudioStream({ from: { sampleRate: from }, sampleRate: to });
  const piece = new Int16Array((from * PIECE_MS) / 1000);
  const target = new Int16Array(to);
  let read = 0;
  const all: number[] = [];
  for (let i = 1; i <= PIECES; i++) {
    stream.write(piece);
    read += stream.readInto(target);
    if (read > 0) all.push(i * PIECE_MS - (read / to) * 1000);
  }
  return all;
}

await bench('latency', async (add) => {
  const table = RATES.map((from) => {
    const cells = RATES.map((to) => {
      if (from === to) return '0';
      const all = latencies(from, to);
      const [least, most] = [Math.min(...all), Math.max(...all)];
      const note = `AudioResampler holds back up to ${new AudioResampler(from, to).latencyMs.toFixed(1)} ms by default`;
      add({ ...row(`${from}-${to}`, 'ms', [most], undefined, note), spread: { peer: null, ours: [least, most] } });
      return most.toFixed(1);
    });
    return `| ${from / 1000} kHz | ${cells.join(' | ')} |`;
  });
  const head = `| from, to | ${RATES.map((rate) => `${rate / 1000} kHz`).join(' | ')} |`;
  console.log([head, `| --- ${'| --- '.repeat(RATES.length)}|`, ...table].join('\n'));
});
