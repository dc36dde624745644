import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gather } from '../../../src/cli/meeting/participants.js';
import { samePcm, scratch } from '../command.js';
import { bytesOf, wavBytes } from '../wav.js';

function input(samples: number[]): string {
  const path = join(scratch(), 'input.wav');
  writeFileSync(path, wavBytes({ sampleRate: 8000 }, bytesOf(Int16Array.from(samples))));
  return path;
}

const cast = { participants: 4, sampleRate: 8000, seconds: 10, input: [] };

test('everyone has a name and a voice of their own', async () => {
  const participants = await gather(cast);

  expect(participants.map(({ identity }) => identity)).toEqual([
    'participant-01',
    'participant-02',
    'participant-03',
    'participant-04',
  ]);
  for (const one of participants) {
    expect(participants.filter((other) => samePcm(one.pcm, other.pcm))).toEqual([one]);
  }
});

test('names sort by number however many there are', async () => {
  const names = (await gather({ ...cast, participants: 120, input: [input([1])] })).map(({ identity }) => identity);

  expect(names.toSorted()).toEqual(names);
});

test('participants take files in turn, padded with silence to whole chunks of 10 ms', async () => {
  const participants = await gather({ ...cast, participants: 3, input: [input([1, 2, 3]), input([4])] });

  expect(participants.map(({ pcm }) => pcm.length)).toEqual([80, 80, 80]);
  expect(participants.map(({ pcm }) => [...pcm.subarray(0, 4)])).toEqual([
    [1, 2, 3, 0],
    [4, 0, 0, 0],
    [1, 2, 3, 0],
  ]);
});
