import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { rolldown } from 'rolldown';
import { beforeAll, expect, inject, it } from 'vitest';
import { emptyApp, installedApp, npmInstall, type App } from './apps.js';

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

it.each([
  { moduleResolution: 'nodenext', module: 'nodenext' },
  { moduleResolution: 'bundler', module: 'preserve' },
])('its types are found, and right ($moduleResolution)', async (kind) => {
  // The same program as an ES module and as a CommonJS one.
  const files = ['typed.mts', 'typed.cts'];
  writeFileSync(join(app.folder, files[1]!), readFileSync(join(app.folder, files[0]!)));
  // Node's own types are those of this checkout; narrowcast's are those that were installed, and are checked, too.
  const { resolve } = createRequire(import.meta.url);
  const typeRoots = [join(dirname(resolve('@types/node/package.json')), '..')];
  const lib = ['es2023', 'esnext.disposable', 'dom', 'dom.iterable'];
  const compilerOptions = { ...kind, typeRoots, types: ['node'], lib, target: 'es2022', strict: true, noEmit: true };
  writeFileSync(join(app.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const { status, stdout } = await app.run([resolve('typescript/bin/tsc'), '--project', 'tsconfig.json']);
  expect([status, stdout]).toEqual([0, '']);
});

it('narrowcast/webrtc is bundled for a browser, and nothing else of narrowcast with it', async () => {
  const bundle = await rolldown({ input: join(app.folder, 'page.js'), platform: 'browser' });
  const { output } = await bundle.generate({ format: 'iife' });
  await bundle.close();
  expect(output).toHaveLength(1);
  const used = output[0].moduleIds
    .filter((id) => id.includes('node_modules'))
    .map((id) => id.split(/[\\/]/).slice(-3).join('/'));
  expect(used).toEqual(['dist/webrtc/index.js']);
  const world = createContext({});
  new Script(output[0].code).runInContext(world);
  expect([...(world['exported'] as string[])]).toEqual(['TransceiverPool', 'TransceiverPoolError']);
});

it('the command runs, and says that everything is in order', async () => {
  const command = join(app.folder, 'node_modules', '.bin', 'narrowcast');
  const { version } = JSON.parse(readFileSync(join(app.folder, 'node_modules/narrowcast/package.json'), 'utf8')) as {
    version: string;
  };
  expect(await app.run(['--version'], command)).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  const { status, stdout } = await app.run(['doctor'], command);
  expect(stdout).toMatch(/^ok +addon +.*narrowcast-.*\.node$/m);
  expect(status).toBe(0);
});

it('an agent that uses rtc-node gets it by a flag', async () => {
  const agent = await installedApp('agent', ['narrowcast', '@livekit/rtc-node@1.1.0']);
  const { status, stdout, stderr } = await agent.run(['--import', 'narrowcast/livekit/register', 'agent.mjs']);
  expect([status, stdout, stderr]).toEqual([0, 'heard\n', '']);
});

it('is installed from npm’s cache where there is no network', async () => {
  const offline = emptyApp();
  // As the rest of a project is, from its lock file.
  writeFileSync(join(offline.folder, 'package-lock.json'), readFileSync(join(app.folder, 'package-lock.json')));
  writeFileSync(join(offline.folder, 'package.json'), readFileSync(join(app.folder, 'package.json')));
  const { status, stderr } = await npmInstall(offline, [], '--offline');
  expect([status, stderr]).toEqual([0, '']);
  expect((await offline.run(['smoke.mjs'])).stdout).toBe('smoke\n');
  expect(inject('cache')).not.toBe('');
});
