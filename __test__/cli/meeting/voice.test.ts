import { expect, test } from 'vitest';
import { VoiceMeter } from '../../../src/cli/meeting/agent/voice.js';

const RATE = 8000;
/** So many ms of a voice, or of silence. */
const voice = (ms: number) => new Int16Array((RATE / 1000) * ms).fill(8192);
const silence = (ms: number) => new Int16Array((RATE / 1000) * ms);

/** A meter that has heard all of it, in frames of so many ms. */
function heard(parts: readonly Int16Array[], frameMs = 10): VoiceMeter {
  const all = Int16Array.from(parts.flatMap((part) => [...part]));
  const meter = new VoiceMeter(RATE);
  const frame = (RATE / 1000) * frameMs;
  for (let at = 0; at < all.length; at += frame) meter.add(all.subarray(at, at + frame));
  return meter;
}

test('VoiceMeter: silence within the voice is a gap, before and after it is none', () => {
  const meter = heard([silence(50), voice(100), silence(90), voice(40), silence(10), voice(20), silence(400)]);

  expect(meter.whole()).toMatchObject({
    gaps: 2,
    missingMs: 100,
    lengthMs: 260,
    list: [
      { at: 100, ms: 90 },
      { at: 230, ms: 10 },
    ],
  });
  expect(meter.soFar()).toMatchObject({ gaps: 2, missingMs: 100 });
});

test('VoiceMeter: how the voice is cut into frames makes no difference', () => {
  const parts = [voice(100), silence(90), voice(43), silence(12), voice(20)];

  expect(heard(parts, 1).whole()).toEqual(heard(parts, 1000).whole());
});

test('VoiceMeter: a few silent samples are the voice’s own', () => {
  expect(heard([voice(20), silence(4), voice(20)]).whole()).toMatchObject({ gaps: 0, missingMs: 0, lengthMs: 44 });
});

test('VoiceMeter: peaks and strip show the voice, and where it is missing', () => {
  const meter = heard([voice(300), silence(150), voice(150)]);

  expect(meter.soFar().strip).toEqual([0.25, 0.25, 0.25, -1, -1, 0.25]);
  const { peaks } = meter.whole();
  expect(peaks.slice(0, 30)).toEqual(new Array(30).fill(0.25));
  expect(peaks.slice(30, 45)).toEqual(new Array(15).fill(0));
  expect(peaks).toHaveLength(60);
});

test('VoiceMeter: a long voice has a bounded number of peaks, and no gap is lost in them', () => {
  const meter = new VoiceMeter(RATE);
  for (let second = 0; second < 60; second++) {
    meter.add(voice(990));
    meter.add(silence(10));
  }
  meter.add(voice(10));
  const whole = meter.whole();

  expect(whole.gaps).toBe(60);
  expect(whole.missingMs).toBe(600);
  expect(whole.peaks.length).toBeLessThanOrEqual(1200);
  expect(meter.soFar().strip).toHaveLength(60);
});

test('VoiceMeter: what was never heard has no gap', () => {
  expect(heard([silence(500)]).whole()).toEqual({ gaps: 0, missingMs: 0, lengthMs: 0, list: [], peaks: [] });
  expect(new VoiceMeter(RATE).soFar()).toEqual({ gaps: 0, missingMs: 0, strip: [] });
});

test('VoiceMeter: with a floor, what is no louder is a gap, and nothing else', () => {
  const meter = new VoiceMeter(16_000, 48);
  const part = (ms: number, of: (at: number) => number) =>
    meter.add(Int16Array.from({ length: ms * 16 }, (_, at) => of(at)));
  part(100, (at) => (at % 2 === 0 ? 400 : -400));
  part(30, (at) => (at % 97) - 48);
  part(100, (at) => (at % 2 === 0 ? 49 : -49));

  expect(meter.whole()).toMatchObject({ gaps: 1, missingMs: 30, lengthMs: 230, list: [{ at: 100, ms: 30 }] });
});
