import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const example = path.join(root, 'examples', 'phone');
/** Below the checkout, where `narrowcast` is what was built. */
const folder = path.join(root, 'target', 'phone');

/** Why the example can't run: `ws` is no dependency of the checkout, and comes from npm, once. */
const missing = wsMissing();

function wsMissing(): string | undefined {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(example, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const wanted = dependencies['ws']!;
  fs.mkdirSync(folder, { recursive: true });
  try {
    const installed = createRequire(path.join(folder, 'main.mjs'))('ws/package.json') as { version: string };
    if (installed.version === wanted) return undefined;
  } catch {
    // Not yet.
  }
  const args = [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--prefix',
    folder,
    `ws@${wanted}`,
  ];
  const { status } = spawnSync('npm', args, { cwd: folder, shell: process.platform === 'win32', timeout: 60_000 });
  return status === 0 ? undefined : 'npm could not install ws';
}

it.skipIf(missing)(
  `examples/phone: an echo over ws, with all frames, marks and numbers in order${missing ? `: ${missing}` : ''}`,
  async () => {
    for (const name of fs.readdirSync(example).filter((name) => name.endsWith('.mjs'))) {
      fs.copyFileSync(path.join(example, name), path.join(folder, name));
    }
    const child = spawn(process.execPath, [path.join(folder, 'main.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
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
