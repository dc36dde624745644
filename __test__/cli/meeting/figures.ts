import type { MeetingFigures, MeetingResult, ParticipantResult } from '../../../src/cli/meeting/result.js';

/** One side of a meeting, as it comes out when nothing is lost. */
export function sideResult(change: Partial<MeetingResult> = {}): MeetingResult {
  return {
    participants: [participantResult('participant-01'), participantResult('participant-02')],
    events: { published: 4000, delivered: 4000, unwanted: 0, dropped: 0, wakes: 913 },
    mainThreadPercent: 2,
    idlePercent: 0.5,
    mainThreadUsPerFrame: 10,
    mainThreadClock: 'processor',
    lagMs: { p50: 0.1, p99: 1, max: 12 },
    rssMb: { start: 80, end: 90 },
    wakesPerSecond: 210,
    cpuPercent: 8,
    halfOfSeconds: { mainThreadPercent: [1.9, 2.2], mainThreadUsPerFrame: [9.5, 11], cpuPercent: [7, 9] },
    samples: [
      { at: 0, rssMb: 80, lagMs: null, mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null },
      {
        at: 0.95,
        rssMb: 85,
        lagMs: { p99: 1, max: 12 },
        mainThreadPercent: 2.3,
        mainThreadUsPerFrame: 11.5,
        cpuPercent: 9,
      },
      {
        at: 1.95,
        rssMb: 90,
        lagMs: { p99: 0.9, max: 3 },
        mainThreadPercent: 1.9,
        mainThreadUsPerFrame: 9.5,
        cpuPercent: 7,
      },
    ],
    ...change,
  };
}

export function participantResult(identity: string, change: Partial<ParticipantResult> = {}): ParticipantResult {
  return {
    identity,
    samplesPlayed: 32_000,
    framesReceived: 200,
    framesDropped: 0,
    samplesLost: 0,
    intact: true,
    ...change,
  };
}

/** What a meeting writes. */
export function meetingFigures(change: Partial<MeetingFigures> = {}): MeetingFigures {
  return {
    ours: sideResult(),
    peer: sideResult({ events: null, mainThreadPercent: 8, mainThreadUsPerFrame: 40, cpuPercent: 16 }),
    meeting: { participants: 2, seconds: 2, sampleRate: 16_000, frameMs: 10, stall: 0, forget: 0 },
    machine: {
      cpu: 'A processor',
      cores: 2,
      memoryGb: 16,
      system: 'Linux 6.1 x64',
      node: 'v20.20.2',
      narrowcast: '0.1.0',
      rtcNode: '1.1.0',
      engine: '0.12.73',
      load: { before: 0.5, after: 0.75 },
    },
    ...change,
  };
}
