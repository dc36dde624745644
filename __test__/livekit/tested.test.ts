import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { TESTED_ENGINES, TESTED_RANGE, TESTED_VERSIONS } from '../../src/livekit/tested.js';
import { newerEngines } from '../../scripts/versions.mjs';
import { runNode } from '../support/child.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const json = (file: string) =>
  JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')) as {
    version: string;
    devDependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };

test('the versions that are said to be tested are the ones that the tests run with', () => {
  const { devDependencies } = json('package.json');
  const others = Object.keys(devDependencies).flatMap((name) => /^rtc-node-(.+)$/.exec(name)?.[1] ?? []);
  expect(TESTED_VERSIONS).toEqual([...others, devDependencies['@livekit/rtc-node']]);
});

test('so are the versions of their engines', () => {
  const rtcNodes = [...TESTED_VERSIONS.slice(0, -1).map((version) => `rtc-node-${version}`), '@livekit/rtc-node'];
  const installed = rtcNodes.map((name) => {
    // Where it really is: `npm run test:versions` links it into a checkout that has another engine.
    const from = createRequire(path.join(fs.realpathSync(path.join(root, 'node_modules', name)), 'index.js'));
    return (from('@livekit/rtc-ffi-bindings/package.json') as { version: string }).version;
  });
  expect([...new Set([...installed, ...newerEngines])]).toEqual(TESTED_ENGINES);
});

test('what package.json asks for begins with the oldest of them, and with the bindings that this one brings', () => {
  const { peerDependencies } = json('package.json');
  const oldest = `node_modules/rtc-node-${TESTED_VERSIONS[0]}`;
  const bindings = createRequire(path.join(root, oldest, 'index.js')).resolve('@livekit/rtc-ffi-bindings/package.json');
  const { version } = JSON.parse(fs.readFileSync(bindings, 'utf8')) as { version: string };
  expect(peerDependencies).toMatchObject({
    '@livekit/rtc-ffi-bindings': `>=${version}`,
    '@livekit/rtc-node': `>=${TESTED_VERSIONS[0]} <2`,
  });
});

describe('another version', () => {
  const folder = fs.mkdtempSync(path.join(root, 'target', 'tested-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** A program beside a rtc-node that says it is `version`, and beside this narrowcast, whatever is installed above. */
  function program(version: string): string {
    const modules = path.join(folder, version, 'node_modules');
    const own = path.join(modules, '@livekit', 'rtc-node');
    const installed = path.join(root, 'node_modules', '@livekit', 'rtc-node');
    fs.cpSync(path.join(installed, 'dist'), path.join(own, 'dist'), { recursive: true });
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')) as object;
    fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify({ ...manifest, version }));
    const files = [
      'package.json',
      'index.cjs',
      'dist',
      ...fs.readdirSync(root).filter((name) => name.endsWith('.node')),
    ];
    for (const name of files) {
      fs.cpSync(path.join(root, name), path.join(modules, 'narrowcast', name), { recursive: true });
    }
    // A package of its own, or `narrowcast` would be the checkout that it is in.
    fs.writeFileSync(path.join(folder, version, 'package.json'), JSON.stringify({ name: 'agent' }));
    const file = path.join(folder, version, 'agent.mjs');
    fs.writeFileSync(
      file,
      `import { createRequire } from 'node:module';
       import { install } from 'narrowcast/livekit';
       process.on('warning', ({ name, code, message, detail }) => console.log(JSON.stringify({ name, code, message, detail })));
       for (const each of [install, install, createRequire(import.meta.url)('narrowcast/livekit').install]) {
         each().uninstall();
       }`,
    );
    return file;
  }

  test('is used, with one warning that names those that are tested', async () => {
    const { status, stdout } = await runNode(program('1.9.7'), [], { env: { NODE_ENV: 'production' } });
    expect(status).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      {
        name: 'NarrowcastWarning',
        code: 'NARROWCAST_UNTESTED_RTC_NODE',
        message: `narrowcast is tested with @livekit/rtc-node ${TESTED_RANGE}, and this is 1.9.7`,
        detail: expect.stringContaining('`npx narrowcast doctor` checks'),
      },
    ]);
    expect(TESTED_RANGE).toBe('0.13.25 to 1.1.0 (0.13.25, 0.13.34, 0.13.35, 1.1.0)');
  });

  test('has none if it is tested', async () => {
    const { status, stdout, stderr } = await runNode(program('0.13.35'), [], { env: { NODE_ENV: 'production' } });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('is what doctor says', async () => {
    const modules = path.join(path.dirname(program('1.9.8')), 'node_modules');
    const { status, stdout } = await runNode(path.join(modules, 'narrowcast', 'dist', 'cli', 'main.cjs'), ['doctor']);
    expect(stdout).toContain(`1.9.8, not tested: narrowcast is with ${TESTED_RANGE}`);
    expect(status).toBe(0);
  });
});
