// `npm start [-- options]`: brings the checkout up to date, then runs `narrowcast meeting` in this very process,
// so that its signals and its exit status are the program's own.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { ensureDist, ensureNative, fail, root } from './setup.mjs';

ensureNative();
ensureDist();

const given = process.argv.slice(2);
if (given.at(-1) === '--agents' || given.some((each, at) => each === '--agents' && given[at + 1].startsWith('-'))) {
  // As `npm run bench -- agent` has them, and the tests: agents in the user's cache folder, a server on loopback.
  const installer = path.join(root, 'bench', 'agent', 'install.mjs');
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  const folder = execFileSync(process.execPath, [installer], options).trim();
  process.argv[process.argv.indexOf('--agents')] = `--agents=${folder}`;
  if (!given.some((each) => /^--url\b/.test(each))) process.argv.push('--url', await startServer());
}

/** The server ends with this process: its standard input does. */
async function startServer() {
  const program = path.join(root, 'scripts', 'livekit-server.mjs');
  const server = spawn(process.execPath, [program, '--json', '--with-stdin'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(server, 'exit');
  const [line] = await Promise.race([once(createInterface(server.stdout), 'line'), exit.then(() => [])]);
  if (line === undefined) fail('the meeting needs that server; --url takes another one.', (await exit)[0]);
  for (const each of [server, server.stdin, server.stdout]) each.unref();
  const { url, apiKey, apiSecret } = JSON.parse(line);
  Object.assign(process.env, { LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret });
  return url;
}

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
