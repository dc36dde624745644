// A registry of its own for a test: on loopback, in a temporary folder, gone with the process that asked for it. What was not
// published to it comes from the registry that npm is configured with.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { bin, npm } from './setup.mjs';

/** How long it may take to start, in ms: a machine that does other things makes it slow. */
const START_MS = 120_000;

/**
 * @param {string} folder for its files
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startRegistry(folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const ours = { access: '$all', publish: '$all', unpublish: '$all' };
  const config = {
    storage: path.join(folder, 'storage'),
    auth: { htpasswd: { file: path.join(folder, 'htpasswd') } },
    uplinks: { configured: { url: npm('config', 'get', 'registry').stdout.trim(), timeout: '120s', maxage: '60m' } },
    packages: { narrowcast: ours, 'narrowcast-*': ours, '**': { access: '$all', proxy: 'configured' } },
    // It must ask no host but the uplink.
    middlewares: { audit: { enabled: false } },
    web: { enable: false },
    max_body_size: '20mb',
    log: { type: 'stdout', format: 'json', level: 'warn' },
  };
  fs.mkdirSync(folder, { recursive: true });
  // JSON is YAML.
  fs.writeFileSync(path.join(folder, 'config.yaml'), JSON.stringify(config));
  const args = ['--config', path.join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [bin('verdaccio'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (said = `${said}${data}`.slice(-10_000)));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);

  for (const limit = Date.now() + START_MS; !(await answers(url));) {
    if (child.exitCode !== null || Date.now() > limit) {
      child.kill('SIGKILL');
      throw new Error(`the registry did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(kill);
      process.off('exit', killWithUs);
    },
  };
}

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
