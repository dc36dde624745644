import { clock, count, people } from '../shared/format.js';
import type { MeetingShape } from './result.js';

/** What kind of meeting it is, in words. */
export function shapeParts({ participants, sampleRate, frameMs, stall, forget, quiet }: MeetingShape): string[] {
  return [
    people(participants),
    ...(quiet ? ['silence, which narrowcast does not deliver'] : []),
    `${sampleRate / 1000} kHz`,
    `${frameMs} ms frames`,
    ...(stall > 0 ? [`JavaScript blocked for ${count(stall)} ms each second`] : []),
    ...(forget > 0 ? [`${forget === 1 ? 'a stream' : `${count(forget)} streams`} forgotten each second`] : []),
  ];
}

/** The same, of a meeting that began `elapsed` s ago. */
export function headingParts(elapsed: number, shape: MeetingShape): string[] {
  const { seconds } = shape;
  return [`meeting: ${clock(Math.min(elapsed, seconds))} of ${clock(seconds)}`, ...shapeParts(shape)];
}
