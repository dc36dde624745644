// Packs what is published: the root package, and a package for each platform whose addon is there.
//
//   node scripts/pack.mjs [--out FOLDER] [--addons FOLDER | --all] [--release]
//
// The checkout's package.json names no platform packages, for `npm ci` would look for versions that are not published yet:
// they come in here. --addons: where the .node files are, at any depth; by default, the one that was built here.
// Those are looked at: each must run where it is promised to. --all: builds all eight, on Linux. --release: all must be there.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseTriple } from '@napi-rs/cli';
import { minifySync } from 'rolldown/experimental';
import { addonsIn, faultsOf } from './platforms/addons.mjs';
import { buildAll } from './platforms/targets.mjs';
import { ensureDist, ensureNative, fail, npm, root } from './setup.mjs';

/** Most bytes: of the root package as it is downloaded, of a platform package on the disk, of JavaScript without the command. */
export const LIMITS = { rootPacked: 258_000, platformUnpacked: 1_850_000, library: 279_000 };

/** What every platform package has beside its addon. */
export const NOTICES = ['LICENSE', 'NOTICE', 'licenses'];

/** What package.json says for a checkout only. */
const FOR_DEVELOPMENT = ['private', 'scripts', 'devDependencies', 'overrides', 'napi'];

/**
 * @typedef {object} Packed
 * @property {string} name
 * @property {string} file the tarball
 * @property {number} size of the tarball, in bytes
 * @property {number} unpackedSize in bytes
 * @property {readonly { path: string, size: number }[]} files
 */

/**
 * Packs into the folder `out`, which is emptied.
 *
 * @param {{ out: string, addons?: string, release?: boolean }} options
 * @returns {Packed[]} the platforms', then the root's: the order in which they are to be published
 */
export function pack({ out, addons, release = false }) {
  if (addons === undefined) ensureNative();
  ensureDist();
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const platforms = manifest.napi.targets.map((triple) => parseTriple(triple));
  const files = new Map(addonsIn(addons ?? root).map(({ platform, file }) => [platform, file]));
  const found = platforms
    .map((platform) => ({ platform, addon: files.get(platform.platformArchABI) }))
    .filter(({ platform, addon }) => {
      if (addon === undefined && release)
        fail(`pack: there is no addon for ${platform.triple} below ${addons ?? root}.`);
      return addon !== undefined;
    });
  // One that was linked here asks for this machine's glibc, which is no harm unless it is published.
  if (addons !== undefined) check(found);
  const staged = found.map(({ platform, addon }) => stagePlatform(out, manifest, platform, addon));
  staged.push(stageRoot(out, manifest, platforms));
  const packed = staged.map((folder) => packFolder(folder, out));
  fs.rmSync(path.join(out, 'stage'), { recursive: true });
  return packed;
}

function stage(out, name, manifest, files) {
  const folder = path.join(out, 'stage', name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of files) fs.cpSync(path.join(root, file), path.join(folder, file), { recursive: true });
  return folder;
}

function stageRoot(out, manifest, platforms) {
  const kept = Object.entries(manifest).filter(([key]) => !FOR_DEVELOPMENT.includes(key));
  const names = platforms.map(({ platformArchABI }) => [`${manifest.name}-${platformArchABI}`, manifest.version]);
  const optionalDependencies = Object.fromEntries(names);
  const files = [...manifest.files, 'README.md', 'LICENSE'];
  const folder = stage(out, manifest.name, { ...Object.fromEntries(kept), optionalDependencies }, files);
  // Most of the loader is about platforms that there is no addon for.
  const loader = path.join(folder, 'index.cjs');
  const { code, errors } = minifySync(loader, fs.readFileSync(loader, 'utf8'), { module: false, mangle: true });
  if (errors.length > 0) fail(`pack: index.cjs: ${errors[0].message}`);
  fs.writeFileSync(loader, code);
  return folder;
}

/** The package that holds one addon, as napi-rs' loader looks for it. */
function stagePlatform(out, whole, { platformArchABI, platform, arch, abi, triple }, addon) {
  const name = `${whole.name}-${platformArchABI}`;
  const main = `${whole.name}.${platformArchABI}.node`;
  const libc = { gnu: ['glibc'], musl: ['musl'] }[platform === 'linux' ? abi : ''];
  const { version, license, engines, repository } = whole;
  const manifest = {
    name,
    version,
    description: `The native addon of ${whole.name} for ${triple}`,
    license: `${license} AND LGPL-2.1-or-later`,
    engines,
    ...(repository && { repository }),
    os: [platform],
    cpu: [arch],
    ...(libc && { libc }),
    main,
    // Looked at before it is loaded: src/native-failure.ts
    addonBytes: fs.statSync(addon).size,
    files: [main, ...NOTICES],
  };
  const folder = stage(out, name, manifest, NOTICES);
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# ${name}\n\nThe native addon of \`${whole.name}\` for \`${triple}\`, which installs it by itself. It contains libsoxr, ` +
      'linked statically: NOTICE says under which licence, and how to build it with a libsoxr of your own.\n',
  );
  fs.copyFileSync(addon, path.join(folder, main));
  return folder;
}

function check(found) {
  const faults = faultsOf(found.map(({ platform, addon }) => ({ platform: platform.platformArchABI, file: addon })));
  if (faults.length > 0) fail(`pack: ${faults.join('\n')}`);
}

function packFolder(folder, out) {
  const { status, stdout, stderr } = npm('pack', folder, '--json', '--pack-destination', out);
  if (status !== 0) fail(`pack: npm could not pack ${path.basename(folder)}: ${stderr}`);
  const [{ name, filename, size, unpackedSize, files }] = JSON.parse(stdout);
  return { name, file: path.join(out, filename), size, unpackedSize, files };
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: path.join(root, 'target', 'packed') },
      addons: { type: 'string' },
      all: { type: 'boolean', default: false },
      release: { type: 'boolean', default: false },
    },
  });
  if (values.all) values.addons = buildAll();
  const packed = pack({
    release: values.release || values.all,
    out: path.resolve(values.out),
    addons: values.addons && path.resolve(values.addons),
  });
  for (const { name, file, size, unpackedSize, files } of packed) {
    console.log(`${name}: ${size} bytes, ${unpackedSize} unpacked, ${files.length} files: ${path.relative('', file)}`);
  }
}
