import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { exampleWith } from '../support/example.js';

const { missing, copied } = exampleWith('ws', 'phone');

it.skipIf(missing)(
  `examples/phone: an echo over ws, with all frames, marks and numbers in order${missing ? `: ${missing}` : ''}`,
  async () => {
    const child = spawn(process.execPath, [copied()], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    const [status] = (await once(child, 'close')) as [number | null];
    expect([status, stderr]).toEqual([0, '']);
    const result = JSON.parse(stdout) as { stats: object };
    expect(result).toMatchObject({ said: 149, inOrder: true, faults: [], marks: { cleared: 0 }, reason: 'stop' });
    expect(result.stats).toMatchObject({ mediaIn: 149, lost: 1, outOfOrder: 0, malformed: 0, stalls: 0 });
  },
  120_000,
);
