import type { Leftovers } from './leftovers.js';
import { RING_FRAMES, type Aftermath, type NeverRead } from './meeting.js';
import type { RoomAftermath } from './room-meeting.js';

/** The most that memory may grow or shrink, in MB/min, by `--assert-slope`. */
const MAX_SLOPE = 0.2;

/** What of a meeting with narrowcast should not be, in words. By the counts alone, which no other load disturbs. */
export function wrongCounts(aftermath: Aftermath): string[] {
  return [...wrongLeftovers(aftermath), ...wrongNeverRead(aftermath.neverRead), ...aftermath.faults];
}

/** The same of a meeting in a room on a real server. */
export function wrongRoomCounts(aftermath: RoomAftermath): string[] {
  return [...wrongLeftovers(aftermath), ...wrongSlowlyRead(aftermath), ...aftermath.faults];
}

function wrongLeftovers({ handles, listeners, streams }: Leftovers): string[] {
  const left = {
    'handles of frames left': handles.frames,
    'handles of streams left': handles.streams,
    'listeners left': listeners,
    'streams left open': streams.open,
    'streams not collected': streams.notCollected,
  };
  return Object.entries(left).flatMap(([what, count]) => (count === 0 ? [] : [`${what}: ${count}`]));
}

function wrongNeverRead({ played, counts, waiting, droppedBefore }: NeverRead): string[] {
  if (!counts) return ['the unread stream counted nothing'];
  const { framesIn, framesOut, framesDropped, framesBuffered } = counts;
  const rules: [boolean, string][] = [
    [framesIn === played, `${played} frames were played, and ${framesIn} came in`],
    [framesIn === framesOut + framesDropped + framesBuffered, `frames are unaccounted for: ${JSON.stringify(counts)}`],
    [framesBuffered <= RING_FRAMES, `${framesBuffered} frames are buffered, and there is room for ${RING_FRAMES}`],
    [waiting === framesBuffered, `${framesBuffered} frames are buffered, and ${waiting} were there to read`],
    [droppedBefore === framesDropped, `${framesDropped} frames are dropped, and the next says ${droppedBefore}`],
  ];
  return rules.flatMap(([holds, what]) => (holds ? [] : [`the unread stream: ${what}`]));
}

function wrongSlowlyRead({ slow: { framesRead, droppedBefore, counts, unaccounted }, did }: RoomAftermath): string[] {
  if (!counts) return ['the streams that were read slowly counted nothing'];
  const { framesOut, framesDropped } = counts;
  const rules: [boolean, string][] = [
    [unaccounted === 0, `frames of ${unaccounted} of ${did.opened} are unaccounted for: ${JSON.stringify(counts)}`],
    [framesRead === framesOut, `${framesRead} frames were read, and ${framesOut} are counted`],
    [droppedBefore === framesDropped, `${framesDropped} frames are dropped, and those after them say ${droppedBefore}`],
  ];
  return rules.flatMap(([holds, what]) => (holds ? [] : [`the streams that were read slowly: ${what}`]));
}

/** What of the memory of a meeting with narrowcast should not be. For a quiet machine, and long enough. */
export function wrongSlope({ memory }: Leftovers): string[] {
  if (Math.abs(memory.slopeMbPerMin) <= MAX_SLOPE) return [];
  return [`memory changes by ${memory.slopeMbPerMin.toFixed(2)} MB/min, and at most ${MAX_SLOPE} is right`];
}
