// `npm run lint:workflows`: actionlint over .github/workflows. It is built from the Go module proxy, once for all checkouts,
// into the user's cache folder; where there is no Go, this says so.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { fail, root, run, say } from './setup.mjs';

const VERSION = 'v1.7.12';

const folder = path.join(cacheFolder() ?? fail('lint:workflows: found no folder to keep actionlint in.'), 'actionlint');
const program = path.join(folder, VERSION, process.platform === 'win32' ? 'actionlint.exe' : 'actionlint');
if (!fs.existsSync(program) && !build()) {
  say('SKIPPED: .github/workflows was not checked: actionlint needs Go, and Go its module proxy.');
  process.exit(0);
}
// Nothing else that may be on this machine is asked, so that the result is the same everywhere.
run('actionlint', program, ['-shellcheck=', '-pyflakes='], { cwd: root, stdio: 'inherit' });

function build() {
  if (spawnSync('go', ['version']).error) return false;
  say(`building actionlint ${VERSION}, once …`);
  const env = { ...process.env, GOBIN: path.dirname(program), GOFLAGS: '', GOWORK: 'off' };
  const args = ['install', `github.com/rhysd/actionlint/cmd/actionlint@${VERSION}`];
  return spawnSync('go', args, { cwd: root, env, stdio: ['ignore', 2, 2] }).status === 0;
}
