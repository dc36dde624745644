import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { onlyNode, runNpm } from './npm.js';
import { run, type Ended } from './run.js';

const PROGRAMS = fileURLToPath(new URL('app', import.meta.url));

/** An application in a folder of its own. */
export interface App {
  readonly folder: string;
  /** Runs one of the programs of `__test__/install/app` in it, by this runtime. */
  run(args: readonly string[], runtime?: string, limitMs?: number): Promise<Ended>;
}

/** An application with the programs, and nothing installed. `name` is part of its path. */
export function emptyApp(name = 'app'): App {
  const folder = join(mkdtempSync(join(inject('folder'), 'tests-')), name);
  mkdirSync(folder);
  cpSync(PROGRAMS, folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies: {} }));
  return {
    folder,
    run: (args, runtime = process.execPath, limitMs?: number) =>
      run(runtime, args, { cwd: folder, env: { PATH: onlyNode(folder, process.execPath), HOME: folder }, limitMs }),
  };
}

/** Runs `npm install` in an application; other arguments than `packages` are npm's. */
export function npmInstall({ folder }: App, packages: readonly string[], ...flags: string[]): Promise<Ended> {
  return runNpm(folder, ['install', ...packages, ...flags], { registry: inject('registry'), cache: inject('cache') });
}

/** An application with narrowcast in it. */
export async function installedApp(name?: string, packages: readonly string[] = ['narrowcast']): Promise<App> {
  const app = emptyApp(name);
  const { status, stderr } = await npmInstall(app, packages);
  if (status !== 0) throw new Error(`npm install failed: ${stderr}`);
  return app;
}
