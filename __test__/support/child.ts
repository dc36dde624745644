import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a child process ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of `__test__/support`, or one by its absolute path, in a Node process of its own, to its end; kills it after `limitMs`. */
export function runNode(
  script: string,
  args: readonly string[] = [],
  { env = {}, cwd, limitMs = 60_000 }: { env?: NodeJS.ProcessEnv; cwd?: string; limitMs?: number } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const path = isAbsolute(script) ? script : fileURLToPath(new URL(script, import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', path, ...args], { env: { ...process.env, ...env }, cwd });
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      resolve({ status, signal, stdout, stderr });
    });
  });
}
