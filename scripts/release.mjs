// `npm run release -- TAG [FOLDER]`: publishes the packages in FOLDER (target/packages), if TAG is the version in
// package.json. The release workflow runs it, where npm trusts it; by hand it does what `npm publish` does. Imports nothing but
// Node itself.

import fs from 'node:fs';
import path from 'node:path';
import { fail, root, run, say } from './setup.mjs';

const [tag, from = 'target/packages', ...others] = process.argv.slice(2);
if (!tag || others.length > 0) fail('release: `npm run release -- TAG [FOLDER]`.', 2);
const { name, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
if (tag !== `v${version}`) fail(`release: the tag is ${tag}, and package.json says ${version}: these must agree.`);
const folder = path.resolve(root, from);
const packages = fs.existsSync(folder) ? fs.readdirSync(folder).filter((file) => file.endsWith('.tgz')) : [];
const main = `${name}-${version}.tgz`;
if (!packages.includes(main))
  fail(`release: ${from} has no ${main}: make it with \`npm run pack:all -- --out ${from}\`.`);

// The main package last: whoever installs it finds what it needs.
const tagged = version.includes('-') ? ['--tag', 'next'] : [];
for (const file of [...packages.filter((each) => each !== main), main]) {
  say(`publishing ${file} …`);
  run('npm publish', 'npm', ['publish', path.join(folder, file), '--provenance', '--access', 'public', ...tagged]);
}
