import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An example to run. */
export interface Example {
  /** Why it can't run. */
  readonly missing: string | undefined;
  /** Copies its programs to where they run, and returns the path of main.mjs. */
  copied(): string;
}

/**
 * One of `examples`, whose dependency `needs` is none of the checkout, and comes from npm, once. It runs below the checkout, where
 * `narrowcast` is what was built, and other packages are the root's.
 */
export function exampleWith(needs: string, name: string): Example {
  const example = path.join(root, 'examples', name);
  const folder = path.join(root, 'target', name);
  return {
    missing: isThere() ? undefined : `npm could not install ${needs}`,
    copied() {
      for (const file of fs.readdirSync(example).filter((file) => file.endsWith('.mjs'))) {
        fs.copyFileSync(path.join(example, file), path.join(folder, file));
      }
      return path.join(folder, 'main.mjs');
    },
  };

  function isThere(): boolean {
    const { dependencies } = JSON.parse(fs.readFileSync(path.join(example, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const wanted = dependencies[needs]!;
    fs.mkdirSync(folder, { recursive: true });
    try {
      const installed = createRequire(path.join(folder, 'main.mjs'))(`${needs}/package.json`) as { version: string };
      if (installed.version === wanted) return true;
    } catch {
      // Not yet.
    }
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    const args = ['install', ...quiet, '--prefix', folder, `${needs}@${wanted}`];
    const { status } = spawnSync('npm', args, { cwd: folder, shell: process.platform === 'win32', timeout: 60_000 });
    return status === 0;
  }
}
