import { expect, test } from 'vitest';
import { synthesizeVoice } from '../../../src/cli/meeting/synthetic-voice.js';
import { compare } from '../../../src/cli/meeting/verify.js';

// The limit of the last test, and not vitest's, is what it tests.

const FRAME = 160;
const loop = synthesizeVoice(0, 16_000);
/** Two and a run times around. */
const EXPECTED = Math.floor((loop.length * 2.5) / FRAME) * FRAME;
const played = Int16Array.from({ length: EXPECTED }, (_, at) => loop[at % loop.length]!);

/** What was played, with `by` in place of `remove` samples from `at` on. */
function spliced(at: number, remove: number, by: Iterable<number> = []): Int16Array {
  return Int16Array.from([...played.subarray(0, at), ...by, ...played.subarray(at + remove)]);
}

test('what was played is intact', () => {
  expect(compare(loop, EXPECTED, played)).toEqual({ expected: EXPECTED, lost: 0, surplus: 0, intact: true });
});

test.each([0, 1, 100, 700, EXPECTED / FRAME - 1])('a missing frame is one frame lost: number %i', (frame) => {
  const { lost, surplus, intact } = compare(loop, EXPECTED, spliced(frame * FRAME, FRAME));

  expect({ lost, surplus, intact }).toEqual({ lost: FRAME, surplus: 0, intact: false });
});

test('frames missing in several places add up', () => {
  const twice = Int16Array.from(spliced(90_000, 3 * FRAME)).filter((_, at) => at < 5000 || at >= 5000 + 2 * FRAME);

  expect(compare(loop, EXPECTED, twice).lost).toBe(5 * FRAME);
});

test.each([0, 1, 100, EXPECTED / FRAME - 2])('a doubled frame loses nothing, and is not intact: number %i', (frame) => {
  const at = frame * FRAME;
  const doubled = spliced(at, 0, played.subarray(at, at + FRAME));
  const { lost, surplus, intact } = compare(loop, EXPECTED, doubled);

  expect({ lost, surplus, intact }).toEqual({ lost: 0, surplus: FRAME, intact: false });
});

test('a changed sample is one sample lost', () => {
  const changed = spliced(12_345, 1, [played[12_345]! ^ 1]);

  expect(compare(loop, EXPECTED, changed)).toMatchObject({ lost: 1, surplus: 1, intact: false });
});

test('a frame of silence in place of speech is one frame lost', () => {
  const silenced = spliced(20 * FRAME, FRAME, new Int16Array(FRAME));

  expect(compare(loop, EXPECTED, silenced)).toMatchObject({ lost: FRAME, surplus: FRAME, intact: false });
});

test('frames in the wrong order are not intact', () => {
  const at = 50 * FRAME;
  const swapped = spliced(at, 2 * FRAME, [
    ...played.subarray(at + FRAME, at + 2 * FRAME),
    ...played.subarray(at, at + FRAME),
  ]);

  expect(compare(loop, EXPECTED, swapped)).toMatchObject({ lost: FRAME, surplus: FRAME, intact: false });
});

test('frames that come late, beside lost ones, count as what they are', () => {
  const order = [0, 1, 2, 3, 5, 4, 8, 9, 10, 13, 11, 12, 14, 15];
  const frame = (number: number) => played.subarray(number * FRAME, (number + 1) * FRAME);
  const mixed = Int16Array.from([...order.flatMap((number) => [...frame(number)]), ...played.subarray(16 * FRAME)]);

  // 6 and 7 are lost; 4 and 5 have changed places, and so have 13 and the two before it.
  expect(compare(loop, EXPECTED, mixed)).toMatchObject({ lost: 4 * FRAME, surplus: 2 * FRAME });
});

test('an end that is missing, and one that is too much', () => {
  expect(compare(loop, EXPECTED, played.subarray(0, -FRAME))).toMatchObject({ lost: FRAME, surplus: 0, intact: false });
  expect(compare(loop, EXPECTED - FRAME, played)).toMatchObject({ lost: 0, surplus: FRAME, intact: false });
  expect(compare(loop, EXPECTED, new Int16Array(0))).toMatchObject({ lost: EXPECTED, intact: false });
  expect(compare(loop, 0, new Int16Array(0))).toMatchObject({ lost: 0, intact: true });
});

test('what would have come after the end is surplus, wherever it is', () => {
  const next = Int16Array.from({ length: FRAME }, (_, at) => loop[(EXPECTED + at) % loop.length]!);

  expect(compare(loop, EXPECTED, spliced(EXPECTED - FRAME, 0, next))).toMatchObject({ lost: 0, surplus: FRAME });
});

test('a loss in silence is counted where sound comes back', () => {
  const speech = Int16Array.from([...loop.subarray(3200, 4800), ...new Int16Array(3200), ...loop.subarray(4800, 8000)]);
  const recorded = Int16Array.from([...speech.subarray(0, 2000), ...speech.subarray(2160)]);

  expect(compare(speech, speech.length, recorded)).toMatchObject({ lost: FRAME, surplus: 0 });
});

test('a recording of something else takes no more than a moment', () => {
  const start = performance.now();
  const { lost, intact } = compare(loop, EXPECTED, Int16Array.from(synthesizeVoice(1, 16_000)));

  expect(intact).toBe(false);
  expect(lost).toBeGreaterThan(EXPECTED * 0.99);
  expect(performance.now() - start).toBeLessThan(20_000);
});
