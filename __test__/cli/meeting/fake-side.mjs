// Stands in for a process that holds an agent's meeting. FAKE_SIDE says what becomes of it: `narrowcast=refuses`, for one.
const [who, behaviour] = (process.env.FAKE_SIDE ?? '').split('=');

process.on('disconnect', () => process.exit(1));
let name = '';
let gaps = false;
process.on('message', ({ kind, client, options }) => {
  if (kind === 'open') {
    name = client === 'narrowcast' ? client : `rtc-node-${options.agent.queueMs}`;
    gaps = name === 'rtc-node-200' || behaviour === 'has gaps';
    if (who === name && behaviour === 'refuses') process.send({ kind: 'failed', reason: 'it does not want to' });
    else process.send({ kind: 'opened' });
  } else if (kind === 'hold') {
    if (who === name && behaviour === 'crashes') return process.kill(process.pid, 'SIGKILL');
    if (who === name && behaviour === 'is interrupted') return process.send({ kind: 'interrupted', status: 130 });
    process.send({ kind: 'result', result: result() });
  } else if (kind === 'stop') {
    process.send({ kind: 'result', result: result() });
  }
});

function result() {
  const participant = (identity) => ({
    identity,
    samplesPlayed: 4000,
    framesReceived: 40,
    framesDropped: null,
    samplesLost: 0,
    intact: identity !== 'agent' || !gaps,
  });
  return {
    participants: ['caller-1', 'caller-2', 'agent'].map(participant),
    events: null,
    mainThreadPercent: 5,
    idlePercent: 0.5,
    mainThreadUsPerFrame: 50,
    mainThreadClock: 'processor',
    wakesPerSecond: 210,
    lagMs: { p50: 0.1, p99: 297.4, max: 301 },
    rssMb: { start: 70, end: 80 },
    cpuPercent: 12,
    halfOfSeconds: { mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null },
    samples: [{ at: 0, rssMb: 70, lagMs: null, mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null }],
    voice: {
      gaps: gaps ? 2 : 0,
      missingMs: gaps ? 190 : 0,
      lengthMs: 600,
      list: gaps
        ? [
            { at: 200, ms: 90 },
            { at: 400, ms: 100 },
          ]
        : [],
      peaks: new Array(60).fill(0.25),
    },
  };
}
