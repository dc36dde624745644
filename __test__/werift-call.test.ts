import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { socketsElsewhere } from '../scripts/loopback-only.mjs';
import { exampleWith } from './support/example.js';

interface Side {
  heard: { loudMs: number; hertz: number };
  packets: number;
  late: number;
  lostMs: number;
}

const { missing, copied } = exampleWith('opusscript', 'werift-call');

describe('examples/werift-call', () => {
  it.skipIf(missing)(
    `a call over WebRTC without LiveKit, on loopback alone: both sides hear each other${missing ? `: ${missing}` : ''}`,
    async () => {
      const child = spawn(process.execPath, [copied()], { stdio: ['ignore', 'pipe', 'pipe'] });
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
