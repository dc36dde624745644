import type { Difference } from './trace.js';

/** 600 ms are 24 frames of 25 ms, but for what the engine's own filter holds back. */
const lastFrame = {
  program: 'engine/stream-formats',
  object: 'stream with 22,050 Hz and frames of 25 ms',
  sides: ['register'],
  reason: "An `AudioStream`'s last frame can be shorter than the others; rtc-node loses what fills no whole frame.",
};

/**
 * What a program does otherwise with narrowcast than with rtc-node alone. docs/guarantees.md has each reason; a fault is
 * not put here, but mended.
 */
export const differences: readonly Difference[] = [
  ...[20, 30].map((ms) => ({
    program: 'engine/source-capture',
    object: 'without a queue',
    what: `${ms} ms`,
    plain: { error: 'Error' },
    narrowcast: { value: 'undefined' },
    sides: ['register'],
    reason:
      'An `AudioSource` with a queue of 0 ms takes frames longer than 10 ms: it cuts them. rtc-node refuses them.',
  })),
  ...[
    ['format', [[22_050, 1, 551]], [22_050, 1, 527]],
    ['data', [['Int16Array', 0, 551]], ['Int16Array', 0, 527]],
  ].map(([what, plain, last]) => ({
    ...lastFrame,
    what: what as string,
    plain,
    narrowcast: [...(plain as unknown[]), last],
  })),
  // Under the other conditions, that count has a tolerance.
  { ...lastFrame, what: 'frames', plain: 23, narrowcast: 24, conditions: ['idle'] },
  {
    program: 'engine/stream-formats',
    object: 'frames',
    what: 'userdata',
    plain: [[]],
    narrowcast: [['position']],
    sides: ['register'],
    reason: 'A frame of an `AudioStream` has its `position` in its `userdata`.',
  },
  {
    program: 'engine/resampler',
    object: 'nothing',
    what: 'flushed',
    plain: 1,
    narrowcast: 0,
    sides: ['register'],
    reason:
      '`AudioResampler.flush()` gives no frame where there is nothing to flush; rtc-node gives one without samples.',
  },
  ...[
    {
      object: 'a stream that is late',
      what: 'mixed',
      plain: [[100, 1]],
      narrowcast: [
        [100, 1],
        [101, 1],
      ],
      reason: 'An `AudioMixer` mixes what a stream gives after `streamTimeoutMs` into later frames; rtc-node loses it.',
    },
    {
      object: 'of another rate',
      what: 'frames',
      plain: 10,
      narrowcast: 30,
      reason: 'An `AudioMixer` resamples streams of other rates; rtc-node mixes their samples as they are.',
    },
    {
      object: 'told that nothing comes, while it is read',
      what: 'ends',
      plain: false,
      narrowcast: true,
      reason:
        'An `AudioMixer` without streams ends at `endInput()` also for a reader that waits; with rtc-node, it waits on.',
    },
  ].map((difference) => ({ program: 'engine/mixer', sides: ['register'], ...difference })),
  ...[
    { program: 'server/disconnects', object: 'the server removes it' },
    { program: 'server/processors', object: 'the server removes the program' },
  ].map((where) => ({
    ...where,
    what: 'its streams end',
    plain: false,
    narrowcast: true,
    sides: ['register'],
    reason:
      'An `AudioStream` ends when the server ends its room, and closes its `FrameProcessor`; with rtc-node, it then waits for ever.',
  })),
  ...[['process'], []].map((process) => {
    const told = [
      ['onStreamInfoUpdated', true, 'caller', 'TR_'],
      ['onCredentialsUpdated', 'ws://'],
      ...process,
      'onStreamInfoCleared',
      'onCredentialsCleared',
    ];
    return {
      program: 'server/processors',
      object: 'the server removes the program',
      what: process.length > 0 ? 'read' : 'unread',
      plain: told,
      narrowcast: [...told, 'close'],
      sides: ['register'],
      reason:
        'An `AudioStream` ends when the server ends its room, and closes its `FrameProcessor`; with rtc-node, it then waits for ever.',
    };
  }),
  {
    program: 'engine/processors',
    object: 'whose close throws',
    what: 'cancel',
    plain: { error: 'RangeError' },
    narrowcast: { value: 'undefined' },
    sides: ['register'],
    reason:
      'A `FrameProcessor` that throws costs a warning, also in `close()`; with rtc-node, `cancel()` then rejects.',
  },
  {
    program: 'engine/processors',
    object: 'of a stream that is never read',
    what: 'processed',
    plain: true,
    narrowcast: false,
    sides: ['register'],
    reason: 'A `FrameProcessor` is given a frame when it is read, and not when it arrives.',
  },
  ...['handler', 'listener'].map((object) => ({
    program: 'server/context',
    object,
    what: 'runs in',
    plain: 'none',
    narrowcast: 'joins as agent',
    reason:
      "What a room calls runs in the AsyncLocalStorage context in which the room was connected, and not in the one in which the program's first request happened to be made.",
  })),
];
