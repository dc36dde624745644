// The platforms that can be had on this machine, and how a program of each runs here.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFor, nodePackage } from '../runtimes.mjs';
import { MUSL_NODES, muslNode, muslPrefix, namespaces, onMusl } from './musl.mjs';
import { arm64Libraries, qemu } from './qemu.mjs';
import { PLATFORMS } from './targets.mjs';
import { wine, wineRoot } from './wine.mjs';

/**
 * @typedef {object} Machine
 * @property {string} triple as in package.json
 * @property {string} by what runs its programs
 * @property {{ os: string, cpu: string, libc?: string }} npm what npm calls it
 * @property {boolean} engine whether LiveKit has an engine for it
 * @property {readonly string[]} lines of Node that there are
 * @property {readonly string[]} whole the lines that run the whole suite
 * @property {() => void} [prepare] fetches what runs its programs, or ends this process where that can't be had
 * @property {string} [runner] what cargo starts Rust's tests with
 * @property {(line: string) => string} version of a line's Node
 * @property {(line: string) => string} node its program
 * @property {(line: string) => string[]} [flags] that the test runner needs in that line
 * @property {(command: string[], options: object) => import('node:child_process').SpawnSyncReturns<Buffer>} run a program
 *   of that platform, with Node's own `options`
 * @property {(command: string[], options: object) => import('node:child_process').SpawnSyncReturns<Buffer>} [runTests] the
 *   same, for a test runner with addons of its own
 * @property {readonly string[]} rustSkipped Rust tests that can't run there
 */

const start = ([program, ...args], options) => spawnSync(program, args, options);
const onThis = (command, options) => start(command, { ...options, env: { ...process.env, ...options.env } });
const ofPackage = (platform, arch) => ({
  version: (line) => nodePackage(platform, arch, line).split('@').at(-1),
  node: (line) => nodeFor(platform, arch, line),
});
const underQemu = (libraries) => (command, options) =>
  start([qemu(), ...command], { ...options, env: { ...process.env, ...options.env, QEMU_LD_PREFIX: libraries() } });

/** Tests that start their own program again, which does not work by a runner of cargo's. */
const STARTS_ITSELF = ['so_it_is_without_simd'];

/** @type {Record<string, () => Machine>} */
export const MACHINES = {
  'linux-x64-gnu': () => ({
    triple: 'x86_64-unknown-linux-gnu',
    by: 'this machine',
    npm: { os: 'linux', cpu: 'x64', libc: 'glibc' },
    engine: true,
    lines: ['20', '22', '24', '26'],
    whole: ['20', '22', '24', '26'],
    ...ofPackage('linux', 'x64'),
    run: onThis,
    rustSkipped: [],
  }),
  'linux-x64-musl': () => ({
    triple: 'x86_64-unknown-linux-musl',
    by: "musl's own library",
    npm: { os: 'linux', cpu: 'x64', libc: 'musl' },
    engine: false,
    lines: Object.keys(MUSL_NODES.x64),
    whole: Object.keys(MUSL_NODES.x64),
    // Node 20.18 is older than what the test runner needs.
    flags: (line) => (line === '20' ? ['--experimental-require-module'] : []),
    version: (line) => MUSL_NODES.x64[line],
    node: (line) => muslNode('x64', line),
    run: onThis,
    prepare: namespaces,
    runTests: (command, options) => onThis(onMusl(...command), options),
    rustSkipped: [],
  }),
  'linux-arm64-gnu': () => ({
    triple: 'aarch64-unknown-linux-gnu',
    by: 'qemu',
    npm: { os: 'linux', cpu: 'arm64', libc: 'glibc' },
    engine: true,
    lines: ['20', '22', '24'],
    whole: [],
    runner: qemu(),
    ...ofPackage('linux', 'arm64'),
    run: underQemu(arm64Libraries),
    rustSkipped: STARTS_ITSELF,
  }),
  'linux-arm64-musl': () => ({
    triple: 'aarch64-unknown-linux-musl',
    by: 'qemu',
    npm: { os: 'linux', cpu: 'arm64', libc: 'musl' },
    engine: false,
    lines: Object.keys(MUSL_NODES.arm64),
    whole: [],
    runner: qemu(),
    version: (line) => MUSL_NODES.arm64[line],
    node: (line) => muslNode('arm64', line),
    run: underQemu(muslPrefix),
    rustSkipped: STARTS_ITSELF,
  }),
  'win32-x64': () => ({
    triple: 'x86_64-pc-windows-msvc',
    by: 'Wine 10',
    npm: { os: 'win32', cpu: 'x64' },
    engine: true,
    lines: ['20', '22', '24'],
    whole: ['24'],
    runner: `${process.execPath} ${fileURLToPath(new URL('wine.mjs', import.meta.url))}`,
    ...ofPackage('win32', 'x64'),
    prepare: wineRoot,
    run: wine,
    rustSkipped: STARTS_ITSELF,
  }),
};

/** This machine, whatever it is, with the Node that runs this. */
export function thisMachine() {
  const { platform, arch, report, versions } = process;
  report.excludeNetwork = true;
  const libc = { linux: report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl', win32: 'msvc' }[platform];
  const name = [platform, arch, ...(libc ? [libc] : [])].join('-');
  const [triple] = Object.entries(PLATFORMS).find(([, each]) => each === name) ?? [];
  return {
    triple,
    by: 'this machine',
    npm: { os: platform, cpu: arch, ...(platform === 'linux' && { libc: libc === 'gnu' ? 'glibc' : libc }) },
    engine: libc !== 'musl' && name !== 'win32-arm64-msvc',
    lines: [versions.node.split('.')[0]],
    whole: [],
    version: () => versions.node,
    node: () => process.execPath,
    run: onThis,
    rustSkipped: [],
  };
}

/** A path of this machine, as a program of `machine` takes it. */
export const pathFor = (machine, file) =>
  machine.run === wine ? `Z:${path.resolve(file).replaceAll('/', '\\')}` : file;
