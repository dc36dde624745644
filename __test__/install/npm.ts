import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, type Ended } from './run.js';

/** npm's own file: the one that runs the tests, or the one that is in the PATH. */
const NPM =
  process.env['npm_execpath'] ?? join(execSync('npm root -g', { encoding: 'utf8' }).trim(), 'npm/bin/npm-cli.js');

/**
 * Runs npm in a folder as on a machine where nothing but Node is installed: no compiler, no shell, no npmrc of its user.
 *
 * @param node the Node that runs it
 */
export function runNpm(
  folder: string,
  args: readonly string[],
  { registry, cache, node = process.execPath }: { registry: string; cache: string; node?: string },
): Promise<Ended> {
  const flags = [
    `--registry=${registry}`,
    `--cache=${cache}`,
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=warn',
  ];
  // It takes every publication, but npm wants to have logged in.
  const token = `--${registry.replace(/^http:/, '')}:_authToken=nobody`;
  const env = { PATH: onlyNode(folder, node), HOME: folder, npm_config_userconfig: join(folder, 'none') };
  return run(node, [NPM, ...args, ...flags, token], { cwd: folder, env, limitMs: 280_000 });
}

/** A folder for the PATH with Node in it, and nothing else. */
export function onlyNode(folder: string, node: string): string {
  // There a symbolic link needs a privilege.
  if (process.platform === 'win32') return dirname(node);
  const bin = join(folder, '.only-node', dirname(node).replaceAll(/[^\w]/g, '-'));
  if (!existsSync(join(bin, 'node'))) {
    mkdirSync(bin, { recursive: true });
    symlinkSync(node, join(bin, 'node'));
  }
  return bin;
}
