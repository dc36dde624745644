// Loaded before a program: says in the end whether narrowcast carried the engine's events.
import { trace } from './programs/trace.mjs';

const engine = () => globalThis[Symbol.for('narrowcast.livekit.engine')];
process.on('exit', () => {
  const { received = 0n } = engine()?.stats() ?? {};
  trace('at work')('narrowcast', received > 0n);
});
