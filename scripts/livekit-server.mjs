// A LiveKit server of one's own, on this machine's loopback interface only, for tests and for trying things out.
//
//   npm run livekit:server [-- --port N]     until Ctrl-C
//
// The server is built from the Go module proxy, once for all checkouts, into the user's cache folder.
// For other programs: `--json` prints one line of JSON instead; `--with-stdin` ends when standard input does, and so with
// the process that holds its other end, in whatever way that ends; `--build` only builds. Exit status 3: it can't be had here.

import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './cache-folder.mjs';
import { socketsElsewhere } from './loopback-only.mjs';
import { fail, say, UNAVAILABLE } from './setup.mjs';

const MODULE = 'github.com/livekit/livekit-server';
const VERSION = 'v1.13.5';
/** What Go's checksum database says of this version. */
const SUM = 'h1:HWfxfKvi5k1czMVqLV/htGmPgEBhrqHMxpfyMvfhyVo=';

const KEY = 'devkey';
/** No secret: all who can reach the server can read it here. */
const SECRET = 'a-secret-of-at-least-32-characters';

const START_MS = 30_000;

// ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The server's file, built if it is not there. */
function serverProgram() {
  const folder = cacheFolder() ?? fail('livekit:server: found no folder to keep the server in.');
  const program = path.join(folder, `livekit-server-${VERSION}${process.platform === 'win32' ? '.exe' : ''}`);
  if (fs.existsSync(program)) return program;

  if (spawnSync('go', ['version']).error) {
    fail(`livekit:server: building LiveKit's server needs Go, and there is none: see https://go.dev/dl.`, UNAVAILABLE);
  }
  // Each checkout that builds at the same time has its own folder; the last one to be ready wins.
  const source = fs.mkdtempSync(path.join(folder, 'livekit-server-build-'));
  try {
    say(`downloading the source of LiveKit's server ${VERSION} …`);
    const download = go(['mod', 'download', '-json', `${MODULE}@${VERSION}`], source, ['ignore', 'pipe', 2]);
    if (download.status !== 0) {
      fail(`livekit:server: its source could not be downloaded:\n${download.stdout}`, UNAVAILABLE);
    }
    const { Dir: module, Sum: sum } = JSON.parse(download.stdout);
    if (sum !== SUM) fail(`livekit:server: the source of ${VERSION} is not the one that was pinned: ${sum}.`);
    // A copy: Go builds a program in its module cache only if no \`replace\` is in its go.mod.
    copyFiles(module, source);
    const dependencies = go(['mod', 'download'], source, ['ignore', 2, 2]);
    if (dependencies.status !== 0) {
      fail('livekit:server: its dependencies could not be downloaded.', UNAVAILABLE);
    }
    say("building LiveKit's server (takes some minutes, once) …");
    const output = path.join(source, 'built');
    const build = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', output, './cmd/server'];
    if (go(build, source, ['ignore', 2, 2]).status !== 0) fail("livekit:server: LiveKit's server could not be built.");
    fs.renameSync(output, program);
    return program;
  } finally {
    fs.rmSync(source, { recursive: true, force: true });
  }
}

function go(args, cwd, stdio) {
  return spawnSync('go', args, { cwd, stdio, encoding: 'utf8', env: { ...process.env, GOFLAGS: '', GOWORK: 'off' } });
}

/** Modes stay behind: Go's own copy is read-only, folders included. */
function copyFiles(from, to) {
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (!entry.isDirectory()) fs.copyFileSync(source, target);
    else {
      fs.mkdirSync(target);
      copyFiles(source, target);
    }
  }
}

// ── running it ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every address is loopback's: left to itself, the server would listen on all interfaces and ask public STUN servers. */
const configuration = (port, udpPort) => ({
  port,
  bind_addresses: ['127.0.0.1'],
  rtc: {
    udp_port: udpPort,
    tcp_port: 0,
    use_external_ip: false,
    enable_loopback_candidate: true,
    node_ip: '127.0.0.1',
    stun_servers: ['127.0.0.1:3478'],
    interfaces: { includes: [process.platform === 'darwin' ? 'lo0' : 'lo'] },
    ips: { includes: ['127.0.0.1/32'] },
  },
  room: { enable_remote_unmute: true }, // for tests
  keys: { [KEY]: SECRET },
  logging: { level: 'warn' },
});

function freeTcpPort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function freeUdpPort() {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4').once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Starts the server, and waits until it answers. Rejects with what it printed. */
async function startServer(program, port) {
  // JSON is YAML. In the environment, so that no file is left behind, however this process ends.
  const config = JSON.stringify(configuration(port, await freeUdpPort()));
  const child = spawn(program, ['--config-body', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const note = (chunk) => (printed = `${printed}${chunk}`.slice(-20_000));
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const failed = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`it ended at once:\n${printed}`)));
  });
  failed.catch(() => {});
  const answers = async () => {
    for (const end = Date.now() + START_MS; Date.now() < end;) {
      const response = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
      if (response?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it did not answer within ${START_MS / 1000} s:\n${printed}`);
  };
  try {
    await Promise.race([answers(), failed]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { child, port, printed: () => printed };
}

/** Another process may take a free port before the server does. */
async function startSomewhere(program, port) {
  if (port !== undefined) return startServer(program, port);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(program, await freeTcpPort());
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function main() {
  const { port, json, build, 'with-stdin': withStdin } = options();
  const program = serverProgram();
  if (build) return;
  const { child, port: listening, printed } = await startSomewhere(program, port);

  let stopping = false;
  const stop = () => {
    // Asked twice, it goes on waiting for rooms to empty.
    child.kill(stopping ? 'SIGKILL' : 'SIGTERM');
    stopping = true;
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  process.on('exit', () => child.kill('SIGKILL'));
  if (withStdin) process.stdin.on('end', stop).on('error', stop).resume();
  child.once('exit', (code) => {
    process.stdin.destroy();
    if (!stopping) fail(`livekit:server: it ended by itself (${code}):\n${printed()}`);
  });

  const elsewhere = socketsElsewhere(child.pid);
  if (elsewhere?.length > 0) fail(`livekit:server: it is not on loopback only: ${elsewhere.join(', ')}.`);
  const url = `ws://127.0.0.1:${listening}`;
  if (json) {
    console.log(JSON.stringify({ url, apiKey: KEY, apiSecret: SECRET, pid: child.pid }));
    return;
  }
  say(`LiveKit's server ${VERSION} runs, on loopback only${elsewhere ? '' : ' (as configured; not checked here)'}:`);
  console.log(`LIVEKIT_URL=${url}\nLIVEKIT_API_KEY=${KEY}\nLIVEKIT_API_SECRET=${SECRET}`);
}

function options() {
  const usage = '`npm run livekit:server [-- --port N]`';
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        port: { type: 'string' },
        json: { type: 'boolean', default: false },
        build: { type: 'boolean', default: false },
        'with-stdin': { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    fail(`livekit:server: ${error.message.split('. ')[0]}: ${usage}.`, 2);
  }
  if (values.port === undefined) return values;
  const port = /^\d+$/.test(values.port) ? Number(values.port) : NaN;
  if (!(port >= 1 && port <= 65_535)) {
    fail(`livekit:server: --port is ${values.port}, and must be a number from 1 to 65535: ${usage}.`, 2);
  }
  return { ...values, port };
}

try {
  await main();
} catch (error) {
  fail(`livekit:server: LiveKit's server did not start: ${error.message}`);
}
