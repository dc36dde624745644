// `npm run release -- TAG [FOLDER]`: publishes the packages in FOLDER (target/packages), if TAG is the version in package.json. The
// release workflow runs it, where npm trusts it; by hand it does what `npm publish` does.
//
// `npm run release -- --dry-run [FOLDER]`: the same up to the upload, which goes to a registry on loopback that ends with it; an
// application then installs narrowcast from there, and uses it. Without FOLDER it builds and packs all eight platforms first.
//
// Imports nothing but Node itself before it knows what to do: the workflow installs no packages.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fail, npm, root, run, say } from './setup.mjs';

const usage = 'release: `npm run release -- TAG [FOLDER]`, or `npm run release -- --dry-run [FOLDER]`.';
const [tag, from, ...others] = process.argv.slice(2);
if (!tag || others.length > 0) fail(usage, 2);
const { name, version, napi } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const dry = tag === '--dry-run';
if (!dry && tag !== `v${version}`)
  fail(`release: the tag is ${tag}, and package.json says ${version}: these must agree.`);
const folder = path.resolve(root, from ?? 'target/packages');
if (dry && from === undefined) {
  run('packing', process.execPath, [path.join(root, 'scripts', 'pack.mjs'), '--all', '--out', folder], {
    stdio: 'inherit',
  });
}
const packages = fs.existsSync(folder) ? fs.readdirSync(folder).filter((file) => file.endsWith('.tgz')) : [];
const main = `${name}-${version}.tgz`;
if (!packages.includes(main)) {
  fail(
    `release: ${folder} has no ${main}: make it with \`npm run pack:all -- --all --out ${from ?? 'target/packages'}\`.`,
  );
}
// One for each platform, and the main one.
if (packages.length !== napi.targets.length + 1) {
  fail(`release: ${folder} has ${packages.length} packages, and should have ${napi.targets.length + 1}.`);
}

// The main package last: its users find what it needs.
const files = [...packages.filter((each) => each !== main), main].map((file) => path.join(folder, file));
const tagged = version.includes('-') ? ['--tag', 'next'] : [];
if (dry) await rehearse();
else for (const file of files) publish(file, ['--provenance', '--access', 'public', ...tagged]);

function publish(file, options) {
  say(`publishing ${path.basename(file)} …`);
  const { status, stderr } = npm('publish', file, ...options);
  if (status !== 0) fail(`release: ${path.basename(file)} could not be published: ${stderr}`);
}

async function rehearse() {
  const { requireGoodPackages } = await import('./platforms/packages.mjs');
  requireGoodPackages(folder);
  const { startRegistry } = await import('./local-registry.mjs');
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-release-'));
  try {
    const registry = await startRegistry(path.join(scratch, 'registry'));
    // It takes every publication, but npm wants to have logged in.
    const to = [`--registry=${registry.url}`, `--${registry.url.replace(/^http:/, '')}:_authToken=none`];
    for (const file of files) publish(file, [...to, ...tagged]);
    const app = path.join(scratch, 'app');
    fs.mkdirSync(app);
    fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
    const cache = `--cache=${path.join(scratch, 'cache')}`;
    const { status, stderr } = npm('install', name, '--prefix', app, cache, ...to, '--no-audit', '--no-fund');
    if (status !== 0) fail(`release: what was published can't be installed: ${stderr}`);
    fs.copyFileSync(path.join(root, '__test__/install/app/smoke.mjs'), path.join(app, 'smoke.mjs'));
    run('what was installed', process.execPath, ['smoke.mjs'], { cwd: app });
    await registry.stop();
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  say(
    `${files.length} packages of ${version} are ready: published to a registry on loopback, installed from there, and used.`,
  );
}
