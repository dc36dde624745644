import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeBlocks, root } from './code-blocks.js';
import { compile } from '../../examples/native-events/build.mjs';
import { missing } from '../support/native-interface/build.js';
import { runBlock } from './run-block.js';

/** What the first code of each guide prints. README's needs a server: __test__/server/readme.test.ts. */
const prints: Record<string, RegExp> = {
  'getting-started': /^heard 4000 samples, 0 streams left\n$/,
  'livekit-agents': /^engine \d+\.\d+\.\d+: \d+ events, 0 frames into 0 streams\n$/,
  audio:
    /^25 frames were lost here\n\{\s+framesIn: 50,\s+framesOut: 25,\s+framesDropped: 25,\s+framesCleared: 0,\s+bufferedMs: 0\s+\}\n$/,
  diagnostics: /^30 ms wait; 1 opened\naudio stream closed\n$/,
  speech: /^true false\n$/,
  events: /^7n Uint8Array\(3\) \[ 1, 2, 3 \]\n$/,
  'browser-pool': /^\{[^}]*leased: 0,[^}]*stopping: 0,[^}]*created: 1,[^}]*\}\n$/,
  telephony: /^50 216\n$/,
  tuning: /^\{\n {2}framesPerSecond: 0,[^}]*dropped: 0\n\}\n$/,
  guarantees: /^1000 990 100\n$/,
};

describe('the first code of each guide does what it says', () => {
  const first = codeBlocks('ts').filter(({ guide, number }) => number === 1 && guide !== 'README');

  test('there is one in each', () => {
    expect(first.map(({ guide }) => guide).toSorted()).toEqual(Object.keys(prints).toSorted());
  });

  test.each(first)(
    '$guide',
    async (block) => {
      const { status, stdout, stderr } = await runBlock(block);
      if (status !== 0) throw new Error(`it ended with ${status}:\n${stdout}${stderr}`);
      expect(stdout).toMatch(prints[block.guide]!);
    },
    120_000,
  );
});

describe('events: from native code', () => {
  test.skipIf(missing.c)(`the addon is built, and is heard${missing.c ? `: ${missing.c}` : ''}`, async () => {
    const [addon] = codeBlocks('c');
    const block = codeBlocks('ts').find(({ guide, code }) => guide === 'events' && code.includes('level.node'))!;
    const folder = path.join(root, 'target', 'code-blocks');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'level.c'), addon!.code);
    compile(path.join(folder, 'level.c'), path.join(folder, 'level.node'));
    expect(await runBlock(block)).toMatchObject({ status: 0, stdout: '7n Uint8Array(1) [ 42 ]\n' });
  });
});
