import { RING_FRAMES, type Aftermath, type NeverRead } from './meeting.js';

/** The most that memory may grow or shrink, in MB/min, by `--assert-slope`. */
const MAX_SLOPE = 0.3;

/** What of a meeting with narrowcast should not be, in words. By the counts alone, which no other load disturbs. */
export function wrongCounts({ handles, listeners, streams, neverRead, faults }: Aftermath): string[] {
  const left = {
    'handles of frames left': handles.frames,
    'handles of streams left': handles.streams,
    'listeners left': listeners,
    'streams left open': streams.open,
    'streams not collected': streams.notCollected,
  };
  return [
    ...Object.entries(left).flatMap(([what, count]) => (count === 0 ? [] : [`${what}: ${count}`])),
    ...wrongNeverRead(neverRead),
    ...faults,
  ];
}

function wrongNeverRead({ played, counts, waiting, droppedBefore }: NeverRead): string[] {
  if (!counts) return ['the stream that nobody read counted nothing'];
  const { framesIn, framesOut, framesDropped, framesBuffered } = counts;
  const rules: [boolean, string][] = [
    [framesIn === played, `${played} frames were played, and ${framesIn} came in`],
    [framesIn === framesOut + framesDropped + framesBuffered, `frames are unaccounted for: ${JSON.stringify(counts)}`],
    [framesBuffered <= RING_FRAMES, `${framesBuffered} frames are buffered, and there is room for ${RING_FRAMES}`],
    [waiting === framesBuffered, `${framesBuffered} frames are buffered, and ${waiting} were there to read`],
    [droppedBefore === framesDropped, `${framesDropped} frames are dropped, and the next says ${droppedBefore}`],
  ];
  return rules.flatMap(([holds, what]) => (holds ? [] : [`the stream that nobody read: ${what}`]));
}

/** What of the memory of a meeting with narrowcast should not be. For a quiet machine, and long enough. */
export function wrongSlope({ memory }: Aftermath): string[] {
  if (Math.abs(memory.slopeMbPerMin) <= MAX_SLOPE) return [];
  return [`memory changes by ${memory.slopeMbPerMin.toFixed(2)} MB/min, and at most ${MAX_SLOPE} is right`];
}
