import { join } from 'node:path';
import { nodeFor, nodePackage, packageFolder } from '../../scripts/runtimes.mjs';

const { platform, arch } = process;
const exe = platform === 'win32' ? '.exe' : '';
const BUN_PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

const OTHERS = {
  bun: {
    from: `@oven/bun-${BUN_PLATFORMS[platform] ?? platform}-${arch === 'arm64' ? 'aarch64' : arch}@1.4.5`,
    program: `bin/bun${exe}`,
  },
  deno: { from: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}@2.9.6`, program: `deno${exe}` },
} as const;

type Runtime = `node-${number}` | keyof typeof OTHERS;

const lineOf = (name: Runtime) => /^node-(\d+)$/.exec(name)?.[1];
/** The Node that runs the tests is as good as another of the same line. */
const isOwn = (line: string | undefined) => line !== undefined && process.versions.node.startsWith(`${line}.`);

/** Whether npm has it for this platform. */
export function hasRuntime(name: Runtime): boolean {
  const line = lineOf(name);
  return line === undefined || isOwn(line) || nodePackage(platform, arch, line) !== undefined;
}

/** The path of a runtime's program, which is fetched once and kept in the user's cache folder. */
export function runtime(name: Runtime): string {
  const line = lineOf(name);
  if (isOwn(line)) return process.execPath;
  if (line !== undefined) return nodeFor(platform, arch, line)!;
  const { from, program } = OTHERS[name as keyof typeof OTHERS];
  return join(packageFolder(from), program);
}
