import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { cacheFolder } from '../../scripts/cache-folder.mjs';
import type { AgentMeetingFigures } from '../../src/cli/meeting/agent/sides.js';
import { narrowcast, root, scratch } from '../cli/command.js';

/** Whether `npm run bench -- agent` or `npm start -- --agents` was run: what it installs is 285 MB. */
const installed = readdirSync(cacheFolder() ?? root).some((name) => /^agents-[0-9a-f]{12}$/.test(name));
if (!installed) process.stderr.write('the meeting with @livekit/agents is skipped: run npm start -- --agents once.\n');

test.skipIf(!installed)(
  'meeting --agents: a job of @livekit/agents under the flag hears all callers, and they hear what it says',
  async () => {
    const server = inject('livekit');
    const installer = join(root, 'bench', 'agent', 'install.mjs');
    const agents = execFileSync(process.execPath, [installer], { encoding: 'utf8' }).trim();
    const folder = scratch();
    const { status, stdout, stderr } = await narrowcast(
      [
        'meeting',
        '--agents',
        agents,
        '--url',
        server.url,
        '--no-compare',
        '--participants',
        '2',
        '--seconds',
        '3',
        '--json',
        'a.json',
      ],
      {
        cwd: folder,
        env: { LIVEKIT_API_KEY: server.apiKey, LIVEKIT_API_SECRET: server.apiSecret },
        limitMs: 240_000,
      },
    );

    expect(stderr).toBe('');
    expect(stdout).toContain('jobs of @livekit/agents 1.9.0');
    // A machine that is busy with other things may make gaps, or lose frames: then it is 1.
    expect(status).toBeOneOf([0, 1]);
    const text = readFileSync(join(folder, 'a.json'), 'utf8');
    // Its keys are in no file.
    expect(text).not.toContain(server.apiSecret);
    const { meeting, sides } = JSON.parse(text) as AgentMeetingFigures;
    expect(meeting.agents).toEqual({ version: '1.9.0', url: server.url });
    const { voice, participants, lagMs, events } = sides[0]!.result!;
    // All that the agent said, and the gaps.
    expect(voice!.lengthMs).toBeGreaterThan(2800);
    expect(lagMs.max).toBeGreaterThan(250);
    expect(events).toBeNull();
    expect(participants.map(({ identity }) => identity)).toEqual(['caller-1', 'caller-2', 'agent']);
    for (const { framesReceived } of participants) expect(framesReceived).toBeGreaterThan(0);
    expect(existsSync(join(folder, 'report.html'))).toBe(true);
  },
  300_000,
);
