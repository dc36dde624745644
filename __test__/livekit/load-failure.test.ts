import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { narrowcast } from '../cli/command.js';
import { runNode } from '../support/child.js';
import { makeTree, type Tree } from '../support/tree.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

let app: Tree;
beforeEach(() => {
  app = makeTree(fs.mkdtempSync(path.join(folder, 'app-')));
  app.addNarrowcast('narrowcast');
  app.addRtcNode('', { engine: true });
  app.linkDependencies();
});

const inTree = (...names: string[]) => path.join(app.folder, 'node_modules', '@livekit', ...names);
const bindings = (...names: string[]) => inTree('rtc-ffi-bindings', ...names);

/** Changes the package.json of the bindings. */
function change(by: (manifest: { version: string; optionalDependencies: Record<string, string> }) => void): void {
  const file = bindings('package.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as Parameters<typeof by>[0];
  by(manifest);
  fs.writeFileSync(file, JSON.stringify(manifest));
}

/** The platform's packages of the bindings that are installed in the tree. */
const engines = () => fs.readdirSync(inTree()).filter((name) => name.startsWith('rtc-ffi-bindings-'));

/** The version of a package in the tree: another one in `npm run test:versions`. */
const versionOf = (...names: string[]) =>
  (JSON.parse(fs.readFileSync(inTree(...names, 'package.json'), 'utf8')) as { version: string }).version;

/** What install() throws, and what doctor says: the same words. */
async function said(): Promise<string> {
  const file = app.write(
    'program.mjs',
    `import { install } from 'narrowcast/livekit';
     try { install() } catch ({ code, message, cause }) { console.log(code, cause instanceof Error, message) }`,
  );
  const { stdout } = await runNode(file, [], { cwd: app.folder });
  const [, message] = /^ENGINE_NOT_FOUND true (.*)\n$/.exec(stdout)!;
  const program = path.join(app.folder, 'node_modules/narrowcast/dist/cli/main.cjs');
  const doctor = await narrowcast(['doctor'], { program });
  expect(doctor.stdout).toMatch(/^problem +LiveKit +installed, but cannot be used$/m);
  expect(doctor.stdout).toContain(`LiveKit: ${message}\n`);
  expect(doctor.status).toBe(1);
  return message!;
}

describe("LiveKit's packages that do not load: what is said", () => {
  test('where the engine was published without a package for this platform: which one, and which versions are tested', async () => {
    change((manifest) => {
      manifest.version = '0.12.76';
      for (const name of Object.keys(manifest.optionalDependencies)) manifest.optionalDependencies[name] = '0.12.76';
    });
    for (const name of engines()) fs.rmSync(inTree(name), { recursive: true });

    const message = await said();
    expect(message).toContain(
      `@livekit/rtc-node ${versionOf('rtc-node')} is installed, but does not load: ` +
        '@livekit/rtc-ffi-bindings 0.12.76 is installed without its engine',
    );
    expect(message).toMatch(/`npm install @livekit\/rtc-ffi-bindings-\S+@0\.12\.76`; if there is no such version/);
    expect(message).toContain('tested with 0.12.52-patch.0, 0.12.73');
    expect(message).toMatch(/It says: Cannot find module '@livekit\/rtc-ffi-bindings-/);
  });

  test('where there is no engine for this platform: for which ones there is', async () => {
    change((manifest) => {
      manifest.optionalDependencies = { '@livekit/rtc-ffi-bindings-plan9-x64': '0.12.73' };
    });
    for (const name of engines()) fs.rmSync(inTree(name), { recursive: true });
    expect(await said()).toContain(
      `LiveKit has no engine for ${process.platform} ${process.arch}: @livekit/rtc-ffi-bindings ${versionOf('rtc-ffi-bindings')} has one for plan9-x64.`,
    );
  });

  test('where there is no engine for any platform', async () => {
    change((manifest) => {
      manifest.optionalDependencies = {};
    });
    for (const name of engines()) fs.rmSync(inTree(name), { recursive: true });
    expect(await said()).toContain(`rtc-ffi-bindings ${versionOf('rtc-ffi-bindings')} has none for any platform.`);
  });

  test('where the engine is there and broken: the file, and the words of the system', async () => {
    const [name] = engines();
    const file = fs.readdirSync(inTree(name!)).find((each) => each.endsWith('.node'))!;
    fs.writeFileSync(inTree(name!, file), 'no library');
    const message = await said();
    expect(message).toContain(`its engine ${inTree(name!, file)} is there, and does not load. It says: `);
    // Windows names no file.
    if (process.platform !== 'win32') expect(message).toContain(`${file}: `);
  });

  test('where the bindings are missing', async () => {
    fs.rmSync(bindings(), { recursive: true });
    expect(await said()).toMatch(
      /its package @livekit\/rtc-ffi-bindings is not installed; install again\. It says: Cannot find module/,
    );
  });

  test('where an override brought another engine: its real version, and that it is not tested', async () => {
    for (const name of engines()) {
      const file = inTree(name, 'package.json');
      fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/"version": "[^"]+"/, '"version": "0.12.80"'));
    }
    const program = path.join(app.folder, 'node_modules/narrowcast/dist/cli/main.cjs');
    const { status, stdout } = await narrowcast(['doctor'], { program });
    expect(stdout).toMatch(/^warning +engine +0\.12\.80, not tested: narrowcast is with [\d.patch, -]+; \S+\.node$/m);
    expect(stdout).toMatch(/^engine: it is used all the same/m);
    expect(status).toBe(0);
  });
});
