// Makes the project that `npm run bench -- agent` runs its jobs in, and prints its folder. `@livekit/agents` is 285 MB with
// what it needs, and no dependency of the checkout: it is installed once for all checkouts, in the user's cache folder. The
// project, in `target`, has links to it and to this checkout's narrowcast.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../scripts/cache-folder.mjs';
import { fail, npm, root, say } from '../../scripts/setup.mjs';

const here = import.meta.dirname ?? path.join(root, 'bench', 'agent');
const MANIFESTS = ['package.json', 'package-lock.json'];

/** The folder of the packages, installed if it is not there. */
function installed() {
  const cache = cacheFolder() ?? fail('bench: found no folder to keep @livekit/agents in.');
  const hash = createHash('sha256');
  for (const file of MANIFESTS) hash.update(fs.readFileSync(path.join(here, file)));
  const folder = path.join(cache, `agents-${hash.digest('hex').slice(0, 12)}`);
  if (fs.existsSync(folder)) return folder;

  say('installing @livekit/agents for the benchmark (285 MB, once) …');
  // Each checkout that installs at the same time has a folder of its own; the last one stays.
  const making = fs.mkdtempSync(path.join(cache, 'agents-installing-'));
  for (const file of MANIFESTS) fs.copyFileSync(path.join(here, file), path.join(making, file));
  // Not its packages' scripts: they are of no use here.
  const flags = ['--prefix', making, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = npm('ci', ...flags);
  if (status !== 0) {
    fs.rmSync(making, { recursive: true, force: true });
    fail(`bench: @livekit/agents could not be installed:\n${stderr}`);
  }
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(making, folder);
  return folder;
}

const packages = path.join(installed(), 'node_modules');
const project = path.join(root, 'target', 'agent-bench');
const modules = path.join(project, 'node_modules');
fs.rmSync(project, { recursive: true, force: true });
fs.mkdirSync(modules, { recursive: true });
const links = { '@livekit': path.join(packages, '@livekit'), narrowcast: root };
for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, path.join(modules, name), 'junction');
fs.writeFileSync(path.join(project, 'package.json'), '{"private":true,"type":"module"}');
for (const file of ['job.mjs', 'worker.mjs']) fs.copyFileSync(path.join(here, file), path.join(project, file));
console.log(project);
