// `npm start [-- options]`: brings the checkout up to date, then runs `narrowcast meeting` in this very process,
// so that its signals and its exit status are the program's own.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDist, ensureNative, root } from './setup.mjs';

ensureNative();
ensureDist();

// Under npm a Ctrl-C arrives twice: from the terminal, and forwarded by npm. The program sees the first.
const DUPLICATE_MS = 300;
const lastSeen = { SIGINT: -Infinity, SIGTERM: -Infinity };
const emit = process.emit;
process.emit = function (event, ...args) {
  if (!Object.hasOwn(lastSeen, event)) return emit.call(this, event, ...args);
  const now = performance.now();
  if (now - lastSeen[event] < DUPLICATE_MS) return true;
  lastSeen[event] = now;
  if (process.listenerCount(event) > 1) return emit.call(this, event, ...args);
  process.removeAllListeners(event); // the program has no handler: Node's default action
  return process.kill(process.pid, event);
};
// Keeps that default action off a duplicate that comes after the program's own handler is gone.
for (const signal of Object.keys(lastSeen)) process.on(signal, () => {});

// A signal sent to npm alone ends the shell between npm and this process; the program must not go on without them.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
}, 500).unref();

const program = path.join(root, 'dist', 'cli', 'main.cjs');
process.argv.splice(1, 1, program, 'meeting');
await import(pathToFileURL(program).href);
