import { createInterface } from 'node:readline';
import { expect, inject, onTestFinished, test } from 'vitest';
import { codeBlocks } from '../docs/code-blocks.js';
import { startBlock } from '../docs/run-block.js';
import { publish, roomName, token } from '../support/room.js';

test('the first code of the README hears who speaks in its room', async () => {
  const room = roomName();
  const first = codeBlocks('ts').find(({ guide }) => guide === 'README')!;
  const { url } = inject('livekit');
  const child = startBlock(first, { LIVEKIT_URL: url, LIVEKIT_TOKEN: await token(room, 'agent') });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr!.on('data', (data) => (errors += data));
  await publish(room, 'speaker');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout!)) {
    if (lines.push(line) === 20) break;
  }
  // 10 ms at 16 kHz, each.
  if (lines.length < 20) throw new Error(`it ended:\n${errors}`);
  expect(new Set(lines)).toEqual(new Set(['160']));
});
