import { expect, test } from 'vitest';
import { renderRecordReport } from '../../../src/cli/record/report.js';
import type { RecordedVoice, RecordFigures } from '../../../src/cli/record/result.js';
import { recordSummary } from '../../../src/cli/record/summary.js';
import { meetingFigures, sideResult } from '../meeting/figures.js';

const voice = (change: Partial<RecordedVoice>): RecordedVoice => ({
  identity: 'alice',
  source: 'voice',
  file: 'out/alice.wav',
  begin: 0,
  heard: 60,
  framesReceived: 6000,
  framesDropped: 0,
  ...change,
});

function figures(...voices: RecordedVoice[]): RecordFigures {
  const { participants: _, ...measured } = sideResult();
  return {
    recording: { room: 'stand-up', seconds: 3725, sampleRate: 48_000, end: 'the room was deleted' },
    result: { ...measured, voices },
    machine: meetingFigures().machine,
  };
}

const two = figures(
  voice({}),
  voice({ identity: 'bob <b>', source: 'screen', begin: 65, file: 'out/bob.screen.wav', framesDropped: 1200 }),
);

/** The words of the page, without its scripts. */
const wordsOf = (html: string) =>
  html
    .replace(/<(script|style)[^]*?<\/\1>/g, ' ')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

test('the report says who is in which file, from when on, and what was lost', () => {
  const html = renderRecordReport(two, new Date('2026-11-21T14:05:00Z'));
  const words = wordsOf(html);

  expect(words).toContain('1:02:05 · 48 kHz · until the room was deleted · 2026-11-21 14:05 UTC');
  expect(words).toContain('alice voice out/alice.wav 00:00 01:00 6,000 0');
  expect(words).toContain('bob &#60;b&#62; screen out/bob.screen.wav 01:05 01:00 6,000 1,200');
  expect(words).toContain('1,200 frames were lost');
  expect(words).toContain('1,200 frames lost of 13,200');
  expect(words).toContain(
    '… per frame 10.0 µs wakes, a second 210 all threads 8.00 % … half of seconds 7.00–9.00 % event-loop lag p50',
  );
  expect(words).toContain('0.5 before the recording');
  // Its charts have one side.
  expect(html).not.toContain('class="key peer"');
  expect(html).not.toContain('class="key peer"');
});

test('a report of a recording without a loss has no warning', () => {
  expect(wordsOf(renderRecordReport(figures(voice({})), new Date()))).not.toContain('were lost');
});

test('the summary fits the terminal, and tells the same', () => {
  const lines = recordSummary(two, 'out', 70);

  expect(lines.filter((line) => line.length >= 70)).toEqual([]);
  const words = lines.join(' ').replace(/\s+/g, ' ');
  expect(words).toMatch(/│ bob\.screen\.wav +│ +01:05 │ +01:00 │ +6,000 │ +1,200 │/);
  expect(words).toContain('1:02:05 recorded, until the room was deleted: 2 participants, 12,000 frames, 1,200 dropped');
});
