import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

/** Runtimes from npm, each the package of one platform with the program in it: no script of theirs is run. */
const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const RUNTIMES = {
  'node-20': { from: `node-${platform}@20.20.2`, program: 'bin/node' },
  'node-22': { from: `node-${platform}@22.23.3`, program: 'bin/node' },
  'node-24': { from: `node-${platform}@24.21.0`, program: 'bin/node' },
  'node-26': { from: `node-${platform}@26.10.0`, program: 'bin/node' },
  'node-18': { from: `node-${platform}@18.20.8`, program: 'bin/node' },
  bun: { from: `@oven/bun-${platform}@1.4.5`, program: 'bin/bun' },
  deno: { from: `@deno/${platform}-glibc@2.9.6`, program: 'deno' },
} as const;

/** The path of a runtime's program, which is fetched once and kept in the user's cache folder. */
export function runtime(name: keyof typeof RUNTIMES): string {
  const { from, program } = RUNTIMES[name];
  const [, major] = /^node-(\d+)$/.exec(name) ?? [];
  // The Node that runs the tests is as good as another of the same major version.
  if (major !== undefined && process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const caches = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'narrowcast', 'runtimes');
  const kept = join(caches, from.replaceAll('/', '+'));
  if (!existsSync(kept)) {
    mkdirSync(caches, { recursive: true });
    const making = mkdtempSync(join(caches, 'making-'));
    const flags = ['--prefix', making, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['install', from, ...flags], { stdio: ['ignore', 'ignore', 'inherit'], cwd: making });
    // Somebody else may have been quicker.
    if (existsSync(kept)) rmSync(making, { recursive: true });
    else renameSync(making, kept);
  }
  return join(kept, 'node_modules', from.slice(0, from.lastIndexOf('@')), program);
}
