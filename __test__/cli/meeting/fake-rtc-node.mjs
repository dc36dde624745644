// Stands in for the process of the other backend. FAKE_RTC_NODE says what becomes of it.
const behaviour = process.env.FAKE_RTC_NODE;

const result = {
  participants: ['participant-01', 'participant-02'].map((identity) => ({
    identity,
    samplesPlayed: 4000,
    framesReceived: 40,
    framesDropped: null,
    samplesLost: 800,
    intact: false,
  })),
  events: null,
  mainThreadPercent: 5,
  idlePercent: 0.5,
  mainThreadUsPerFrame: 50,
  mainThreadClock: 'processor',
  lagMs: { p50: 0.1, p99: 1, max: 2 },
  rssMb: { start: 70, end: 80 },
  wakesPerSecond: 210,
  cpuPercent: 12,
  halfOfSeconds: { mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null },
  samples: [{ at: 0, rssMb: 70, lagMs: null, mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null }],
};

process.on('disconnect', () => process.exit(1));
process.on('message', ({ kind }) => {
  if (kind === 'open') {
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
