import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { socketsElsewhere } from '../scripts/loopback-only.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const example = path.join(root, 'examples', 'werift-call');
/** Below the checkout, where `narrowcast` is what was built, and werift the root's. */
const folder = path.join(root, 'target', 'werift-call');

interface Side {
  heard: { loudMs: number; hertz: number };
  packets: number;
  late: number;
  lostMs: number;
}

/** Why the example can't run: its codec is no dependency of the checkout, and comes from npm, once. */
const missing = codecMissing();

function codecMissing(): string | undefined {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(example, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const wanted = dependencies['opusscript']!;
  fs.mkdirSync(folder, { recursive: true });
  try {
    const installed = createRequire(path.join(folder, 'main.mjs'))('opusscript/package.json') as { version: string };
    if (installed.version === wanted) return undefined;
  } catch {
    // Not yet.
  }
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const args = ['install', ...quiet, '--prefix', folder, `opusscript@${wanted}`];
  const { status } = spawnSync('npm', args, { cwd: folder, shell: process.platform === 'win32', timeout: 60_000 });
  return status === 0 ? undefined : 'npm could not install opusscript';
}

describe('examples/werift-call', () => {
  it.skipIf(missing)(
    `a call over WebRTC without LiveKit, on loopback alone: both sides hear each other${missing ? `: ${missing}` : ''}`,
    async () => {
      for (const name of fs.readdirSync(example).filter((name) => name.endsWith('.mjs'))) {
        fs.copyFileSync(path.join(example, name), path.join(folder, name));
      }
      const child = spawn(process.execPath, [path.join(folder, 'main.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => (stdout += data));
      child.stderr.on('data', (data) => (stderr += data));
      const elsewhere = new Set<string>();
      const look = setInterval(() => {
        for (const pid of [child.pid!, ...childrenOf(child.pid!)]) {
          for (const socket of socketsIn(pid)) elsewhere.add(socket);
        }
      }, 20);
      const limit = setTimeout(() => child.kill('SIGKILL'), 50_000);
      const [status] = (await once(child, 'close')) as [number | null];
      clearInterval(look);
      clearTimeout(limit);
      if (status !== 0) throw new Error(`it ended with ${status}: ${stdout}${stderr}`);

      const [agent, caller] = stdout.split('\n').map((line) => JSON.parse(/{.*}/.exec(line)?.[0] ?? '{}') as Side);
      for (const [side, hertz] of [
        [agent!, 440],
        [caller!, 660],
      ] as const) {
        // Two seconds were said; what a busy machine sends late is heard all the same.
        expect(side.heard.loudMs).toBeGreaterThan(1500);
        expect(side.heard.loudMs).toBeLessThan(2200);
        expect(Math.abs(side.heard.hertz - hertz)).toBeLessThan(hertz * 0.03);
        expect(side.packets).toBeGreaterThan(75);
      }
      expect([...elsewhere]).toEqual([]);
    },
  );
});

function childrenOf(pid: number): number[] {
  try {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function socketsIn(pid: number): string[] {
  try {
    return socketsElsewhere(pid) ?? [];
  } catch {
    return []; // It has ended meanwhile.
  }
}
