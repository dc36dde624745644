// `npm run build:target -- TRIPLE …`, or `-- --all`: the addons for platforms in package.json, as they are published, into
// target/addons. On Linux for all of them, with Zig: glibc ones run with the oldest glibc that scripts/zig.mjs names. On macOS
// and Windows for those, with the system's own compiler.

import { buildAll, PLATFORMS } from './platforms/targets.mjs';
import { fail } from './setup.mjs';

const args = process.argv.slice(2);
const all = Object.keys(PLATFORMS);
const triples = args.length === 1 && args[0] === '--all' ? all : args;
if (triples.length === 0 || triples.some((triple) => !all.includes(triple))) {
  fail(`build:target: \`npm run build:target -- TRIPLE …\` or \`--all\`; TRIPLE is one of ${all.join(', ')}.`, 2);
}
buildAll(triples);
