// Stands in for a process that holds an agent's meeting. FAKE_SIDE says what becomes of it: `narrowcast=refuses`, for one.
import { cost, participant, standIn } from './fake-process.mjs';

const [who, what] = (process.env.FAKE_SIDE ?? '').split('=');

standIn(({ client, options }) => {
  const name = client === 'narrowcast' ? client : `rtc-node-${options.agent.queueMs}`;
  const behaviour = who === name ? what : undefined;
  return { behaviour, result: resultOf(name === 'rtc-node-200' || behaviour === 'has gaps') };
});

function resultOf(gaps) {
  return {
    participants: ['caller-1', 'caller-2', 'agent'].map((identity) =>
      participant(identity, 0, identity !== 'agent' || !gaps),
    ),
    ...cost,
    lagMs: { p50: 0.1, p99: 297.4, max: 301 },
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
