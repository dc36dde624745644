// `npm run test:container -- IMAGE [FOLDER]`: installs the packages in FOLDER (target/packages) in an empty container of IMAGE,
// which needs Node and nothing else, and runs examples/werift-track there. Needs Docker. Imports nothing but Node itself.

import fs from 'node:fs';
import path from 'node:path';
import { fail, root, run } from './setup.mjs';

const [image, from = 'target/packages', ...others] = process.argv.slice(2);
if (!image || others.length > 0) fail('test:container: `npm run test:container -- IMAGE [FOLDER]`.', 2);
const folder = path.resolve(root, from);
const packages = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith('.tgz')) : [];
if (packages.length === 0)
  fail(`test:container: ${from} has no packages: make them with \`npm run pack:all -- --out ${from}\`.`);

// npm takes the platform's own package by its name, and leaves the others; none of them is in a registry yet.
const steps = [
  'cp -r /example /app && cd /app && rm -rf node_modules && npm pkg delete dependencies.narrowcast',
  'libc=$(ldd /bin/sh | grep -q musl && echo musl || echo gnu)',
  'arch=$(node -p process.arch)',
  'npm install --no-audit --no-fund --ignore-scripts /packages/narrowcast-linux-$arch-$libc-*.tgz /packages/narrowcast-[0-9]*.tgz',
  'npm start',
];
const mounts = [
  '--volume',
  `${folder}:/packages:ro`,
  '--volume',
  `${path.join(root, 'examples/werift-track')}:/example:ro`,
];
run('the example in the container', 'docker', ['run', '--rm', ...mounts, image, 'sh', '-euc', steps.join('\n')], {
  stdio: 'inherit',
});
