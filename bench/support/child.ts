import { fork } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('../..', import.meta.url));

export interface ChildOptions {
  /** How long it may take, in ms. Default: 2 min. */
  readonly limitMs?: number;
  /** Of Node, beside what it takes to run TypeScript. */
  readonly nodeArgs?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The checkout that the module belongs to. Default: this one. */
  readonly folder?: string;
}

/** Runs a TypeScript module in a process of its own; resolves with what it sends, once it has ended well. */
export function inProcess<T>(module: URL, args: readonly string[], options: ChildOptions = {}): Promise<T> {
  const { limitMs = 120_000, nodeArgs = [], env = process.env, folder = HERE } = options;
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(module);
    const child = fork(path, args, {
      execArgv: ['--expose-gc', ...nodeArgs, '--import', 'tsx'],
      // Where tsx is found.
      cwd: folder,
      env,
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    let sent: { result: T } | undefined;
    child.on('message', (result: T) => (sent = { result }));
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      clearTimeout(limit);
      if (sent && status === 0) resolve(sent.result);
      else reject(new Error(`${[basename(path), ...args].join(' ')} ended with ${signal ?? `status ${status}`}`));
    });
  });
}
