// Lets the same tests run with another version of rtc-node, or of its engine: a copy of this checkout, in which that version is
// the one that is installed. No hook, no alias: also its child processes and workers find it where an application has it.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { packageFolder } from './runtimes.mjs';
import { root } from './setup.mjs';

const modules = path.join(root, 'node_modules');
const RTC_NODE = path.join('@livekit', 'rtc-node');
const BINDINGS = path.join('@livekit', 'rtc-ffi-bindings');

/** A newer engine than any rtc-node asks for. Not in package.json: npm's mirrors lack its packages for some platforms. */
export const newerEngines = ['0.12.75'];

/**
 * The other versions to test with: `rtc-node-VERSION` of package.json's devDependencies, each with its own engine, and
 * `engine-VERSION`, a newer engine with the rtc-node that all other tests have.
 */
export const otherVersions = [
  ...Object.keys(JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).devDependencies).filter((name) =>
    /^rtc-node-\d/.test(name),
  ),
  ...newerEngines.map((version) => `engine-${version}`),
];

/** What depends on rtc-node's JavaScript; and, with an engine that no other test runs with, on that. */
const tests = {
  rtcNode: ['livekit/client', 'livekit/register', 'livekit/audio-', 'livekit/video-stream', 'cli/doctor'],
  engine: ['livekit/', 'cli/doctor', 'e2e/exit', 'e2e/workers', 'e2e/video-orphans'],
};
/** Not the watchdog's: 0.12.75 answers a capture at once, so its answer can't be taken away. */
const newerEngine = [
  ...['audio-', 'client', 'copies', 'engine', 'install', 'ownership', 'rooms', 'schema', 'speech', 'video-stream'].map(
    (name) => `livekit/${name}`,
  ),
  ...tests.engine.slice(1),
];
/** With a real server. */
const server = { rtcNode: ['server/audio', 'server/handles'], engine: ['server/audio', 'server/handles'] };
/** The same programs with it alone and with narrowcast. */
const conformance = {
  rtcNode: ['conformance/server', '-t', 'idle'],
  // Its own rtc-node does not do the same twice: whether a room that was left is still connected.
  engine: [],
};

const isEngine = (version) => version.startsWith('engine-');

/** The tests to run with `version`, as vitest takes them: `of` it those with a real server, those without, or conformance. */
export function testsWith(version, of = 'alone') {
  if (isEngine(version) && of === 'alone') return newerEngine;
  const own = isEngine(version) || fs.existsSync(path.join(modules, version, 'node_modules', BINDINGS));
  return { alone: tests, server, conformance }[of][own ? 'engine' : 'rtcNode'];
}

/** Makes the copy, and returns its folder. */
export function checkoutWith(version) {
  const folder = path.join(root, 'target', 'versions', version);
  fs.rmSync(folder, { recursive: true, force: true });
  const folders = ['__test__', 'assets', 'dist', 'scripts', 'src'];
  const copied = [...folders, 'package.json', 'tsconfig.json', 'index.cjs', 'index.d.ts'];
  const alike = fs.readdirSync(root).filter((name) => /^vitest\..*\.ts$|\.node$/.test(name));
  for (const name of [...copied, ...alike, path.join('target', 'ledger', 'narrowcast.node')]) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  linkModules(path.join(folder, 'node_modules'), version);
  return folder;
}

function linkModules(into, version) {
  const link = (from, name) => fs.symlinkSync(from, path.join(into, name), 'junction');
  const scoped = fs.readdirSync(modules).filter((name) => name.startsWith('@'));
  for (const scope of scoped) fs.mkdirSync(path.join(into, scope), { recursive: true });
  const names = fs.readdirSync(modules).filter((name) => !name.startsWith('@') && !name.startsWith('.'));
  const inScopes = scoped.flatMap((scope) =>
    fs.readdirSync(path.join(modules, scope)).map((name) => path.join(scope, name)),
  );
  for (const name of [...names, ...inScopes]) {
    if (name !== RTC_NODE && name !== BINDINGS) link(path.join(modules, name), name);
  }
  const alias = path.join(modules, isEngine(version) ? RTC_NODE : version);
  // A copy, for a link is followed: it has to be seen in a folder of its right name. Its own packages are found beside it.
  for (const name of ['package.json', 'dist']) {
    fs.cpSync(path.join(alias, name), path.join(into, RTC_NODE, name), { recursive: true });
  }
  const bindings = isEngine(version)
    ? packageFolder(version.replace('engine-', '@livekit/rtc-ffi-bindings@'))
    : path.dirname(createRequire(path.join(alias, 'index.js')).resolve('@livekit/rtc-ffi-bindings'));
  link(bindings, BINDINGS);
}
