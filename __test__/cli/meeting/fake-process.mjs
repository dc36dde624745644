/**
 * Stands in for a process that holds a meeting.
 *
 * @param start is given the message that opens it, and says what becomes of it: `refuses`, `crashes` or `is interrupted`, for one;
 *   and its result
 */
export function standIn(start) {
  let behaviour;
  let result;
  process.on('disconnect', () => process.exit(1));
  process.on('message', (message) => {
    const { kind } = message;
    if (kind === 'open') {
      ({ behaviour, result } = start(message));
      if (behaviour === 'refuses') process.send({ kind: 'failed', reason: 'it does not want to' });
      else process.send({ kind: 'opened' });
    } else if (kind === 'hold') {
      if (behaviour === 'crashes') process.kill(process.pid, 'SIGKILL');
      else if (behaviour === 'is interrupted') process.send({ kind: 'interrupted', status: 130 });
      else process.send({ kind: 'result', result });
    } else if (kind === 'stop') {
      process.send({ kind: 'result', result });
    }
  });
}

/** A participant's result. */
export const participant = (identity, samplesLost, intact) => ({
  identity,
  samplesPlayed: 4000,
  framesReceived: 40,
  framesDropped: null,
  samplesLost,
  intact,
});

/** What it cost. */
export const cost = {
  events: null,
  mainThreadPercent: 5,
  idlePercent: 0.5,
  mainThreadUsPerFrame: 50,
  mainThreadClock: 'processor',
  wakesPerSecond: 210,
  lagMs: { p50: 0.1, p99: 1, max: 2 },
  rssMb: { start: 70, end: 80 },
  cpuPercent: 12,
  halfOfSeconds: { mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null },
  samples: [{ at: 0, rssMb: 70, lagMs: null, mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null }],
};
