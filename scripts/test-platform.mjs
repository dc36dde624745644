// `npm run test:platform -- TARGET [FILE …] [--smoke | --only PARTS] [--node 22,24] [--record]`: builds the addon for another platform as a release
// does, packs it, and runs it there: in a Node for that platform, on this Linux x64 machine. With musl's own library; under
// qemu; in Wine. How long anything takes there says nothing about a real machine. Exit status 3: it can't be done here.
//
//   FILE      of the suite only the files whose path has this in it, and no other part
//   --smoke   each part of the package once, and no more
//   --only    these parts: smoke, engine, rust, suite
//   --node    these lines of Node
//   --record  writes what came of it into docs/platforms.json, from which `npm run platforms` makes the table
//
// `npm run test:platform -- here --packages FOLDER`: the packages of `npm run pack:all` on this machine, whatever it is.
//
// What is fetched is kept in the user's cache folder; what is made, in target/platforms.

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MACHINES, thisMachine } from './platforms/machines.mjs';
import {
  buildFor,
  copyCheckout,
  engineTests,
  installApp,
  packedIn,
  packFor,
  rustTests,
  smokeTests,
  wholeSuite,
} from './platforms/parts.mjs';
import { add, none, record, stamp, words } from './platforms/results.mjs';
import { PLATFORMS } from './platforms/targets.mjs';
import { fail, requireRust, root, say, UNAVAILABLE } from './setup.mjs';

const usage =
  '`npm run test:platform -- TARGET [FILE …] [--smoke | --only PARTS] [--node 22,24] [--record]`; ' +
  `TARGET is one of ${Object.keys(MACHINES).join(', ')}; or \`-- here --packages FOLDER\``;

const PARTS = ['smoke', 'engine', 'rust', 'suite'];

const { target, files, only, node, packages, recorded } = options();
const does = (name) => only.includes(name);
if (packages === undefined && (process.platform !== 'linux' || process.arch !== 'x64')) {
  fail('test:platform: runs on Linux on x64. On the platform itself, `npm test` is this test.', UNAVAILABLE);
}
const machine = packages === undefined ? MACHINES[target]() : thisMachine();
const lines = node === undefined ? machine.lines : node.split(',');
const unknown = lines.find((line) => !machine.lines.includes(line));
if (unknown !== undefined) {
  fail(`test:platform: there is no Node ${unknown} for ${target}; there are ${machine.lines.join(', ')}.`, 2);
}
// First: what is missing is known before anything is built.
machine.prepare?.();
if (packages === undefined) requireRust();
const folder = path.join(root, 'target', 'platforms', target);
fs.mkdirSync(folder, { recursive: true });

const total = none();
/** Prints, counts and remembers what came of a part. */
function part(name, counts, more = {}) {
  say(`${target}, ${name}: ${words(counts)}`);
  add(total, counts);
  return { ...more, ...counts, ...stamp() };
}

const parts = {};
const addon = packages === undefined ? buildFor(machine) : undefined;
const installs = does('smoke') || (machine.engine && does('engine'));
// Packing looks at the addon, too.
const packed =
  packages === undefined
    ? installs && (await packFor(machine, addon, folder))
    : packedIn(path.resolve(packages), machine);
if (addon && packed) parts.checked = { bytes: fs.statSync(addon).size, ...stamp() };
const app = packed && installApp(machine, packed, folder);
parts.by = machine.by;
if (does('smoke'))
  parts.smoke = lines.map((line) => {
    const version = machine.version(line);
    return part(`Node ${version}, smoke`, smokeTests(machine, app, folder, line), { node: version });
  });
if (machine.engine && does('engine')) {
  const line = lines.at(-1);
  parts.engine = part('engine', engineTests(machine, app, folder, line), { version: engineVersion() });
}
if (addon && does('rust')) parts.rust = part('Rust', rustTests(machine, folder));
if (addon && does('suite')) {
  const whole = machine.whole.filter((line) => lines.includes(line));
  if (whole.length > 0) {
    const copy = copyCheckout(machine, { plain: addon, ledger: buildFor(machine, { ledger: true }) }, folder);
    parts.suite = whole.map((line) => {
      const version = machine.version(line);
      const began = Date.now();
      const counts = wholeSuite(machine, copy, folder, line, files);
      const minutes = Number(((Date.now() - began) / 60_000).toFixed(1));
      return part(`Node ${version}, ${files.join(', ') || 'the whole suite'}`, counts, { node: version, minutes });
    });
  }
}
if (recorded) record(PLATFORMS[machine.triple], parts);
console.log(words(total));
process.exitCode = total.failed === 0 ? 0 : 1;

function engineVersion() {
  const manifest = path.join(app, 'node_modules', '@livekit', 'rtc-ffi-bindings', 'package.json');
  return JSON.parse(fs.readFileSync(manifest, 'utf8')).version;
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        smoke: { type: 'boolean', default: false },
        only: { type: 'string' },
        node: { type: 'string' },
        record: { type: 'boolean', default: false },
        packages: { type: 'string' },
      },
    });
    const [target, ...files] = positionals;
    const here = target === 'here' && values.packages !== undefined && !values.record;
    // What a part of the suite says is not what the whole says.
    const whole = files.length === 0 || !(here || values.record || values.smoke || values.only);
    if (!whole || !(here || (Object.hasOwn(MACHINES, target ?? '') && values.packages === undefined)))
      fail(`test:platform: ${usage}.`, 2);
    const only =
      files.length > 0 ? ['suite'] : (values.only?.split(',') ?? (values.smoke ? ['smoke', 'engine'] : PARTS));
    const unknown = only.find((name) => !PARTS.includes(name));
    if (unknown !== undefined) fail(`test:platform: no part is called ${unknown}; there are ${PARTS.join(', ')}.`, 2);
    return { target, files, only, node: values.node, packages: values.packages, recorded: values.record };
  } catch (error) {
    fail(`test:platform: ${error.message.split('. ')[0]}: ${usage}.`, 2);
  }
}
