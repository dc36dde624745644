import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ffi from '@livekit/rtc-ffi-bindings';
import { afterAll, describe, expect, test } from 'vitest';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { runNode } from '../support/child.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const schema = describeEvents(ffi);
const code = (expected: string, message: RegExp) =>
  expect.objectContaining({ code: expected, message: expect.stringMatching(message) });

test('the engine is the file that the bindings loaded', () => {
  const { enginePath, ffi: found, engineVersion, rtcVersion } = loadBindings();
  expect(found.livekitFfiRequest).toBe(ffi.livekitFfiRequest);
  expect(fs.statSync(enginePath).size).toBeGreaterThan(1_000_000);
  expect([engineVersion, rtcVersion]).toEqual([expect.stringMatching(/^0\.\d+/), expect.stringMatching(/^\d+\.\d+/)]);
});

describe('an engine that can not be used', () => {
  const addon = path.join(
    root,
    fs.readdirSync(root).find((name) => name.endsWith('.node'))!,
  );

  test('a file that is not there', () => {
    expect(() => native.engineAttach('/nowhere/engine.node', schema, 1)).toThrow(code('ENGINE_NOT_FOUND', /nowhere/));
  });

  test('a file that is no library', () => {
    expect(() => native.engineAttach(path.join(root, 'package.json'), schema, 1)).toThrow(
      code('ENGINE_NOT_FOUND', /json/),
    );
  });

  test('a library without the functions of an engine, which the error names', () => {
    expect(() => native.engineAttach(addon, schema, 1)).toThrow(
      code('ENGINE_INCOMPATIBLE', /no function livekit_ffi_initialize.*install @livekit\/rtc-node/),
    );
    expect(native.engineAttached()).toBe(false);
  });

  test('descriptors that make no sense', () => {
    const twice = { ...schema, cases: [...schema.cases, schema.cases[0]!] };
    expect(() => native.engineAttach(loadBindings().enginePath, twice, 1)).toThrow(
      code('ENGINE_INCOMPATIBLE', /used twice/),
    );
    const none = { ...schema, cases: [] };
    expect(() => native.engineAttach(loadBindings().enginePath, none, 1)).toThrow(code('ENGINE_INCOMPATIBLE', /./));
  });

  // Last: from here on, this process is attached.
  test('a second copy of the engine: handles of one mean nothing to the other', () => {
    const { enginePath } = loadBindings();
    native.engineAttach(enginePath, schema, 1);
    native.engineAttach(enginePath, schema, 1);
    expect(() => native.engineAttach(addon, schema, 1)).toThrow(code('ENGINE_INCOMPATIBLE', /one copy/));
  });
});

describe('without LiveKit', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test('everything else works, and narrowcast/livekit says what to install', async () => {
    const installed = path.join(folder, 'node_modules', 'narrowcast');
    for (const name of ['package.json', 'index.cjs', 'dist']) {
      fs.cpSync(path.join(root, name), path.join(installed, name), { recursive: true });
    }
    for (const name of fs.readdirSync(root).filter((file) => file.endsWith('.node'))) {
      fs.copyFileSync(path.join(root, name), path.join(installed, name));
    }
    const script = path.join(folder, 'agent.mjs');
    fs.copyFileSync(path.join(root, '__test__/support/agent-without-livekit.mjs'), script);
    const { status, stdout, stderr } = await runNode(script, [], { cwd: folder });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [read, error] = JSON.parse(stdout) as [number, object];
    expect(read).toBe(1);
    expect(error).toEqual({
      name: 'NarrowcastError',
      code: 'ENGINE_NOT_FOUND',
      message: expect.stringContaining('npm install @livekit/rtc-node'),
    });
  });
});
