import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { ledgerPackage } from '../support/ledger.js';
import { publish, roomName, token } from '../support/room.js';

// The test build notes every handle that the engine hands out; at the end the engine is asked for those it still has.
test('a room that was left leaves no handle, no listener and no timer, and the process ends by itself', async () => {
  const name = roomName();
  const publishers = await Promise.all(['a', 'b'].map((identity) => publish(name, identity)));
  const { url } = inject('livekit');
  const options = JSON.stringify({ url, token: await token(name, 'agent'), tracks: publishers.length });
  const child = fork(fileURLToPath(new URL('../support/room-handles.mjs', import.meta.url)), [options], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production', NARROWCAST_ROOT: ledgerPackage('room') },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  expect(await Promise.race([once(child, 'message'), exit])).toContain('flowing');
  await Promise.all(publishers.map((publisher) => publisher.leave()));
  const [report] = (await Promise.race([once(child, 'message'), exit])) as [{ frames: number[]; recorded: number }];
  expect(report).toMatchObject({ left: [], streamsLeft: [], listeners: 0, timersLess: 1 });
  expect(report.frames).toHaveLength(2);
  for (const frames of report.frames) expect(frames).toBeGreaterThan(0);
  expect(report.recorded).toBeGreaterThan(20);
  expect(await exit).toEqual([0, null]);
});
