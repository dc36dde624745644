import { expect, test } from 'vitest';
import { synthesizeVoice } from '../../../src/cli/meeting/synthetic-voice.js';
import { samePcm } from '../command.js';

const RATE = 16_000;

function levels(pcm: Int16Array, ms: number): number[] {
  const step = (RATE * ms) / 1000;
  return Array.from({ length: Math.floor(pcm.length / step) }, (_, at) => {
    const part = pcm.subarray(at * step, (at + 1) * step);
    return 10 * Math.log10(part.reduce((sum, sample) => sum + sample * sample, 0) / step / 32_768 ** 2);
  });
}

test('the same number says the same, in whole chunks of 10 ms', () => {
  for (const rate of [8000, RATE, 44_100, 48_000]) {
    const voice = synthesizeVoice(5, rate);
    expect(samePcm(voice, synthesizeVoice(5, rate))).toBe(true);
    expect(voice.length % (rate / 100)).toBe(0);
    expect(voice.length / rate).toBeGreaterThanOrEqual(6);
  }
});

test('everyone says something else, and nothing is said twice', () => {
  // 1.5 ms of it identify who speaks, and when: a frame that is lost, doubled or another's can't go unnoticed.
  const seen = new Set<string>();
  let windows = 0;
  for (let index = 0; index < 8; index++) {
    const voice = synthesizeVoice(index, RATE);
    for (let at = 0; at + 24 <= voice.length; at++, windows++) {
      seen.add(Buffer.from(voice.buffer, at * 2, 48).toString('latin1'));
    }
  }

  expect(seen.size).toBe(windows);
});

test('it has the level, the peaks and the pauses of a voice', () => {
  for (let index = 0; index < 32; index++) {
    const voice = synthesizeVoice(index, RATE);
    const [whole] = levels(voice, (voice.length / RATE) * 1000);
    const peak = voice.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    const short = levels(voice, 50);

    expect(peak).toBeGreaterThan(15_000);
    expect(peak).toBeLessThan(20_000);
    expect(whole).toBeGreaterThan(-27);
    expect(whole).toBeLessThan(-14);
    // Between phrases it is quiet for 150 ms.
    const inside = short.slice(4, -4);
    expect(inside.some((_, at) => at >= 2 && inside.slice(at - 2, at + 1).every((level) => level < -50))).toBe(true);
    expect(short.filter((level) => level > -30).length / short.length).toBeGreaterThan(0.4);
  }
});
