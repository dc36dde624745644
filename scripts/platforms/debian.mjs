// Debian's packages, unpacked into a folder: nothing is installed, and the system's own lists stay as they are. apt checks
// what it downloads by Debian's signatures.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fail, UNAVAILABLE } from '../setup.mjs';

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Debian's server, as apt is configured here. */
function mirror() {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' });
  return stdout?.split('\n').find((uri) => /\/debian\/?$/.test(uri));
}

/**
 * Unpacks packages. Ends the process with {@link UNAVAILABLE} where it can't.
 *
 * @param {string} folder
 * @param {object} options
 * @param {string} options.suite as `trixie`
 * @param {string} options.architecture as `amd64`
 * @param {readonly string[]} options.packages
 * @param {boolean} [options.dependencies] whether with all that they depend on
 * @param {readonly string[]} [options.scripts] packages whose `postinst` is to lie in the folder, as `NAME.postinst`
 */
export function unpackDebian(folder, { suite, architecture, packages, dependencies = false, scripts = [] }) {
  const uri = mirror();
  const wanted = `${packages.join(', ')} of Debian's ${suite}`;
  if (uri === undefined || !fs.existsSync(KEYS))
    fail(`${wanted}: this is no Debian with its package servers.`, UNAVAILABLE);
  const apt = path.join(folder, 'apt');
  const inApt = (...parts) => path.join(apt, ...parts);
  for (const each of ['lists/partial', 'cache/archives/partial', 'none'])
    fs.mkdirSync(inApt(each), { recursive: true });
  fs.writeFileSync(inApt('status'), '');
  fs.writeFileSync(inApt('sources.list'), `deb [signed-by=${KEYS}] ${uri} ${suite} main\n`);
  const settings = {
    'Dir::State::lists': inApt('lists'),
    'Dir::State::status': inApt('status'),
    'Dir::Cache': inApt('cache'),
    'Dir::Etc::sourcelist': inApt('sources.list'),
    'Dir::Etc::sourceparts': inApt('none'),
    'Dir::Etc::preferences': inApt('none', 'preferences'),
    'Dir::Etc::preferencesparts': inApt('none'),
    'APT::Architecture': architecture,
    'APT::Architectures::': architecture,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`);
  const work = (command, args, cwd) => {
    const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
    if (status !== 0) fail(`${wanted}: \`${command} ${args.at(-1)}\` failed.`, UNAVAILABLE);
  };
  work('apt-get', ['--quiet=2', ...options, 'update'], apt);
  const archives = inApt('cache', 'archives');
  if (dependencies) work('apt-get', ['--quiet=2', ...options, '--yes', '--download-only', 'install', ...packages], apt);
  else work('apt-get', ['--quiet=2', ...options, 'download', ...packages], archives);
  const debs = fs.readdirSync(archives).filter((name) => name.endsWith('.deb'));
  for (const name of debs) {
    work('dpkg', ['--extract', name, folder], archives);
    const of = scripts.find((each) => name.startsWith(`${each}_`));
    if (of === undefined) continue;
    work('dpkg', ['--control', name, inApt(of)], archives);
    fs.copyFileSync(inApt(of, 'postinst'), path.join(folder, `${of}.postinst`));
  }
  fs.rmSync(apt, { recursive: true });
}
