import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { ledgerPackage } from '../support/ledger.js';
import { deleteRoom, publish, roomName, token } from '../support/room.js';

// The test build notes every handle that the engine hands out; at the end the engine is asked for those it still has.
test.each(['the others leave', 'the server deletes the room', 'the program unsubscribes', 'the program leaves'])(
  'frames on their way when %s leave no handle, no listener and no timer, and the process ends by itself',
  async (how) => {
    const name = roomName();
    const publishers = await Promise.all(['a', 'b'].map((identity) => publish(name, identity)));
    const { url } = inject('livekit');
    const options = JSON.stringify({ url, token: await token(name, 'agent'), tracks: publishers.length, how });
    const child = fork(fileURLToPath(new URL('../support/room-handles.mjs', import.meta.url)), [options], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_ENV: 'production', NARROWCAST_ROOT: ledgerPackage('room') },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    expect(await Promise.race([once(child, 'message'), exit])).toContain('flowing');
    if (how === 'the others leave') await Promise.all(publishers.map((publisher) => publisher.leave()));
    if (how === 'the server deletes the room') await deleteRoom(name);
    const [report] = (await Promise.race([once(child, 'message'), exit])) as [{ frames: number[]; recorded: number }];
    expect(report).toMatchObject({ left: [], streamsLeft: [], timersLess: 1 });
    expect(report.frames).toHaveLength(2);
    for (const frames of report.frames) expect(frames).toBeGreaterThan(0);
    expect(report.recorded).toBeGreaterThan(20);
    expect(await exit).toEqual([0, null]);
  },
  180_000,
);
