// What an agent says, and when it comes out: `recv` beside a bare timer, the native thread that `pipeTo` starts while
// JavaScript is blocked, and what writing costs beside rtc-node's `captureFrame`. LiveKit's engine in this process, no
// server. `npm run bench -- audio-stream-track`.

import { inProcess } from './support/child.js';
import { bench, inTurn, row } from './support/harness.js';
import type { TrackResults, TrackSide } from './support/track-side.js';

const ROUNDS = 3;

await bench('audio-stream-track', async (add) => {
  const results: { [S in TrackSide]: TrackResults[S][] } = { recv: [], pipe: [], write: [], hour: [] };
  const measure = async <S extends TrackSide>(side: S) => {
    const result = await inProcess<TrackResults[S]>(new URL('support/track-side.ts', import.meta.url), [side]);
    (results[side] as TrackResults[S][]).push(result);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await inTurn(round, [() => measure('recv'), () => measure('pipe'), () => measure('write')]);
  }
  await measure('hour');

  const { recv, pipe, write, hour } = results;
  add(
    row(
      'recv/p99-idle',
      'ms late',
      recv.map(({ p99 }) => p99),
      recv.map(({ timerP99 }) => timerP99),
      'peer: an anchored loop of setTimeout in the same process at the same time',
    ),
  );
  add(
    row(
      'recv/p50-idle',
      'ms late',
      recv.map(({ p50 }) => p50),
      recv.map(({ timerP50 }) => timerP50),
    ),
  );
  add(
    row(
      'recv/cost',
      'main-thread µs a frame',
      recv.map(({ usPerFrame }) => usPerFrame),
      undefined,
      'of 50 tracks that are received from at the same time, each frame with its timer and its promise',
    ),
  );
  add(
    row(
      'pipe/p99-blocked',
      'ms late',
      pipe.map(({ p99 }) => p99),
      pipe.map(({ bareP99 }) => bareP99),
      'JavaScript is blocked for 300 ms in every second; when the native thread hands a chunk to the engine. ' +
        'Peer: a thread of the same process that does nothing but wait for every 10 ms',
    ),
  );
  add(
    row(
      'pipe/missing',
      'chunks',
      pipe.map(({ missing }) => missing),
      pipe.map(({ peerMissing }) => peerMissing),
      'of 1,000, not handed to the engine within 10 ms of their time; peer: captureFrame in an anchored loop',
    ),
  );
  add(
    row(
      'pipe/gaps',
      'samples',
      pipe.map(({ gaps }) => gaps),
      undefined,
      `of what was said, samples that were not heard in one piece with the one before; rtc-node: ${pipe.map(({ peerGaps }) => peerGaps).join(', ')}`,
    ),
  );
  for (const kind of ['same', 'resampled', 'float'] as const) {
    add(
      row(
        `write/${kind}`,
        'main-thread µs per 10 ms',
        write.map((each) => each[kind]),
        write.map(({ peer }) => peer),
        kind === 'same'
          ? "peer: rtc-node's captureFrame of the same frame, in the pace of real time, with the answer it waits for"
          : kind === 'resampled'
            ? '24 to 48 kHz'
            : '24 to 48 kHz, floating point',
      ),
    );
  }
  for (const kind of ['heapMb', 'externalMb', 'rssMb'] as const) {
    add(
      row(
        `hour/${kind.replace('Mb', '')}`,
        'MB more',
        hour.map((each) => each[kind]),
        undefined,
        'after an hour of audio than after its first 10 minutes; by a clock that needs no waiting',
      ),
    );
  }
});
