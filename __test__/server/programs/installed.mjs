// Loaded before a program, beside it: says in the end whether narrowcast carried the engine's events.
const engine = () => globalThis[Symbol.for('narrowcast.livekit.engine')];
process.on('exit', () => {
  const { received = 0n, events = { delivered: 0n } } = engine()?.stats() ?? {};
  process.stderr.write(`narrowcast: ${received > 0 && events.delivered > 0}\n`);
});
