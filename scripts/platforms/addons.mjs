// What an addon must be, to load on each machine that its platform package is for. Looked at, not loaded: on any machine.
//
//   npm run lint:addons [-- FOLDER] [--record]
//
// --record: writes that they are right into docs/platforms.json.
// FOLDER: where the addons are, at any depth; target/addons by default, where `npm run build:target -- --all` puts them.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonWith } from '../python.mjs';
import { fail, root, say } from '../setup.mjs';
import { record, stamp } from './results.mjs';
import { MACOS, PLATFORMS } from './targets.mjs';

/** It reads programs of all systems, and is well kept. */
const LIEF = 'lief==1.0.0';

/** The newest glibc that an addon may need: Node 20's. */
export const GLIBC = [2, 28];

/** Most bytes of an addon; with its licences it has to be within `LIMITS.platformUnpacked` of pack.mjs. */
const MOST_BYTES = 1_790_000;

/** What may be loaded: what each machine of that platform has. */
const LIBRARIES = {
  gnu: /^(lib(c|m|pthread|dl)\.so\.\d|ld-linux-[\w-]+\.so\.\d|libgcc_s\.so\.1)$/,
  musl: /^libc\.so$/,
  darwin: /^\/usr\/lib\/(libSystem\.B|libiconv\.2|libcharset\.1|libc\+\+\.1)\.dylib$|^\/System\/Library\/Frameworks\//,
  win32: /^(kernel32|ntdll|bcryptprimitives|advapi32|ws2_32|userenv|api-ms-win-[\w-]+)\.dll$/i,
};

/**
 * Whatever is wrong with addons, a line each.
 *
 * @param {readonly { platform: string, file: string }[]} addons `platform` as napi-rs calls it, like `linux-x64-musl`
 * @returns {string[]}
 */
export function faultsOf(addons) {
  const python = path.join(pythonWith([LIEF]), 'python3');
  const script = fileURLToPath(new URL('facts.py', import.meta.url));
  // What no addon may tell: where it was built.
  const places = [root, homedir()];
  const { status, stdout, stderr } = spawnSync(
    python,
    [script, JSON.stringify({ files: addons.map(({ file }) => file), places })],
    {
      encoding: 'utf8',
      maxBuffer: 1e8,
    },
  );
  if (status !== 0) fail(`the addons can't be looked at: ${stderr}`);
  const facts = JSON.parse(stdout);
  return addons.flatMap(({ platform, file }, i) =>
    faults(platform, facts[i]).map((fault) => `${path.basename(file)}: ${fault}`),
  );
}

/** The same of one addon, by what facts.py tells of it. */
export function faults(platform, facts) {
  const [system, arch, abi] = platform.split('-');
  if (facts.system !== system || facts.arch !== arch) {
    const is = facts.system ? `is for ${facts.system} ${facts.arch}` : 'is no addon for any system';
    return [`${is}, and its package is for ${platform}`];
  }
  const found = [];
  const want = (good, fault) => good || found.push(fault);
  const allowed = LIBRARIES[system === 'linux' ? abi : system];
  const others = facts.libraries.filter((name) => !allowed.test(name));
  want(others.length === 0, `loads ${others.join(', ')}, which not each machine of ${platform} has`);
  want(facts.exports.includes('napi_register_module_v1'), 'does not export napi_register_module_v1');
  const uv = facts.imports.filter((name) => name.startsWith('uv_'));
  want(uv.length === 0, `imports ${uv.join(', ')}, which is Node's alone`);
  want(facts.paths.length === 0, `names files of the machine that built it: ${facts.paths.join(', ')}`);
  want(facts.bytes <= MOST_BYTES, `has ${facts.bytes} bytes, and may have ${MOST_BYTES}`);
  if (system === 'linux') {
    want(!facts.staticTls, 'wants static thread-local storage; there is little of it for what is loaded late');
    const [major, minor] = facts.glibc ?? [0, 0];
    const new_ = major > GLIBC[0] || (major === GLIBC[0] && minor > GLIBC[1]);
    want(!new_, `needs glibc ${major}.${minor}, and ${GLIBC.join('.')} is promised`);
  }
  if (system === 'darwin') {
    want(facts.oldest === MACOS, `is for macOS ${facts.oldest}, and ${MACOS} is promised`);
    want(
      facts.name === null || facts.name.startsWith('@rpath/'),
      `is called ${facts.name}, a path of the machine that built it`,
    );
    want(facts.unbound.length === 0, `does not say whose ${facts.unbound.join(', ')} it wants`);
    const { adHoc = false, pages = 0, wrongPages = 0 } = facts.signature ?? {};
    // Without a right one, macOS on arm64 ends the process.
    want(arch !== 'arm64' || (adHoc && pages > 0), 'has no ad-hoc signature');
    want(wrongPages === 0, `has another content than its signature says, in ${wrongPages} of ${pages} pages`);
  }
  return found;
}

/** The addons below a folder; of the checkout itself, those that were built into it. */
export function addonsIn(folder) {
  const names = new Map(Object.values(PLATFORMS).map((platform) => [`narrowcast.${platform}.node`, platform]));
  return fs
    .readdirSync(folder, { recursive: folder !== root })
    .filter((file) => names.has(path.basename(file)))
    .map((file) => ({ platform: names.get(path.basename(file)), file: path.join(folder, file) }));
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const given = args.find((arg) => arg !== '--record');
  const folder = path.resolve(given ?? path.join(root, 'target', 'addons'));
  const addons = fs.existsSync(folder) ? addonsIn(folder) : [];
  if (addons.length === 0)
    fail(`lint:addons: there are none below ${folder}: \`npm run build:target -- --all\` builds them.`);
  const wrong = faultsOf(addons);
  for (const fault of wrong) say(fault);
  if (wrong.length > 0) process.exit(1);
  say(`${addons.length} addons are as they must be.`);
  if (args.includes('--record')) {
    for (const { platform, file } of addons) {
      record(platform, { checked: { bytes: fs.statSync(file).size, ...stamp() } });
    }
  }
}
