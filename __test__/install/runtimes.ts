import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../scripts/cache-folder.mjs';

const { platform, arch } = process;
const exe = platform === 'win32' ? '.exe' : '';
const node = (version: string) => ({
  from: `node-${platform === 'win32' ? 'win' : platform}-${arch}@${version}`,
  program: `bin/node${exe}`,
});
const BUN_PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

/** Runtimes from npm, each the package of one platform with the program in it: no script of theirs is run. */
const RUNTIMES = {
  'node-18': node('18.20.8'),
  'node-20': node('20.20.2'),
  'node-22': node('22.23.3'),
  'node-24': node('24.21.0'),
  'node-26': node('26.10.0'),
  bun: {
    from: `@oven/bun-${BUN_PLATFORMS[platform] ?? platform}-${arch === 'arm64' ? 'aarch64' : arch}@1.4.5`,
    program: `bin/bun${exe}`,
  },
  deno: { from: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}@2.9.6`, program: `deno${exe}` },
} as const;

/** The path of a runtime's program, which is fetched once and kept in the user's cache folder. */
export function runtime(name: keyof typeof RUNTIMES): string {
  const { from, program } = RUNTIMES[name];
  const [, major] = /^node-(\d+)$/.exec(name) ?? [];
  // The Node that runs the tests is as good as another of the same major version.
  if (major !== undefined && process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const caches = join(cacheFolder() ?? tmpdir(), 'runtimes');
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
