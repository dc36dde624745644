import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** The checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The command as it is installed. */
const program = join(root, 'dist', 'cli', 'main.cjs');

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `narrowcast` to its end. `onOutput` sees everything printed so far, each time there is more. */
export function narrowcast(
  args: readonly string[],
  options: {
    cwd?: string;
    program?: string;
    /** Beside this process's own. */
    env?: NodeJS.ProcessEnv;
    /** How long it may take, in ms. */
    limitMs?: number;
    onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [options.program ?? program, ...args], {
    cwd: options.cwd ?? scratch(),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that hangs fails its test, and does not stay behind.
    timeout: options.limitMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(stdout, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/** Whether two pieces of audio are the same. vitest's own comparison takes seconds for long ones. */
export function samePcm(one: Int16Array, other: Int16Array): boolean {
  return bytesOf(one).equals(bytesOf(other));
}

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

const folders: string[] = [];

/** An empty folder, removed after the tests of the file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-test-'));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
