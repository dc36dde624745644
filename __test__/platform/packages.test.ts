import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, type TestContext } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { root, scratch } from '../cli/command.js';

const addon = readdirSync(root).find((name) => /^narrowcast\..*\.node$/.test(name))!;
const own = addon.slice('narrowcast.'.length, -'.node'.length);

/** Packs a platform's package with this machine's addon in it. */
function packed(platform: string, more: object = {}): string {
  const folder = scratch();
  const at = join(folder, 'package');
  mkdirSync(at);
  const main = `narrowcast.${platform}.node`;
  copyFileSync(join(root, addon), join(at, main));
  for (const name of ['LICENSE', 'NOTICE', 'licenses']) cpSync(join(root, name), join(at, name), { recursive: true });
  const [os, cpu, abi] = platform.split('-');
  const libc = os === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined;
  const { version } = packageJson;
  const manifest = { name: `narrowcast-${platform}`, version, os: [os], cpu: [cpu], libc, main };
  const addonBytes = statSync(join(at, main)).size;
  writeFileSync(join(at, 'package.json'), JSON.stringify({ ...manifest, addonBytes, ...more }));
  const file = `narrowcast-${platform}-${version}.tgz`;
  expect(spawnSync('tar', ['-czf', file, 'package'], { cwd: folder }).status).toBe(0);
  return folder;
}

function lint(folder: string, context: TestContext): { status: number | null; stderr: string } {
  const script = join(root, 'scripts', 'lint-package.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { cwd: root, encoding: 'utf8' });
  if (status === 3) context.skip('what looks at addons is not to be had from PyPI here');
  return { status, stderr };
}

/** Windows has one, Wine has none. */
const noTar = spawnSync('tar', ['--version']).error !== undefined;

describe.skipIf(noTar)('npm run lint:package -- FOLDER', () => {
  test('refuses a package for musl with an addon for glibc', (context) => {
    const musl = own.endsWith('musl') ? own.replace('musl', 'gnu') : 'linux-x64-musl';
    const { status, stderr } = lint(packed(musl), context);
    expect(stderr).toContain(`narrowcast.${musl}.node: `);
    expect(stderr).toMatch(
      own.startsWith('linux-x64') ? /loads .*, which not each machine of/ : /and its package is for/,
    );
    expect(status).toBe(1);
  });

  test('refuses a package for another system or processor', (context) => {
    const other = own === 'darwin-arm64' ? 'darwin-x64' : 'darwin-arm64';
    const { status, stderr } = lint(packed(other), context);
    expect(stderr).toContain(`narrowcast.${other}.node: is for `);
    expect(status).toBe(1);
  });

  test.each([
    ['says os ["plan9"], and is for', { os: ['plan9'] }],
    ['says version "9.9.9", and is for', { version: '9.9.9' }],
    ['says addonBytes 7, and is for', { addonBytes: 7 }],
  ])('refuses a package that %s', (says, more) => {
    const script = join(root, 'scripts', 'lint-package.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, packed(own, more)], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(status === 3 || stderr.includes(`narrowcast-${own}-${packageJson.version}.tgz: ${says}`)).toBe(true);
    expect([1, 3]).toContain(status);
  });

  test('says where there are none', () => {
    const script = join(root, 'scripts', 'lint-package.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, scratch()], { cwd: root, encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('has no platform packages of this version.\n')]);
  });
});
