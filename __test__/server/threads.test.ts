import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RoomServiceClient } from 'livekit-server-sdk';
import { expect, inject, onTestFinished, test } from 'vitest';
import { roomName, token } from '../support/room.js';

const { url, apiKey, apiSecret } = inject('livekit');
const service = new RoomServiceClient(url.replace('ws:', 'http:'), apiKey, apiSecret);

async function threadInRoom() {
  const name = roomName();
  const workerData = { url, token: await token(name, 'agent') };
  const worker = new Worker(new URL('../support/room-in-worker.mjs', import.meta.url), { workerData });
  onTestFinished(async () => void (await worker.terminate()));
  const ended = new Promise<never>((_, reject) => worker.once('error', reject));
  const next = async () => (await Promise.race([once(worker, 'message'), ended]))[0] as unknown;
  expect(await next()).toBe('joined');
  return {
    listen: async () => {
      worker.postMessage('listen');
      expect(await next()).toBe('listening');
    },
    /** What the thread says when it has heard of the change, which comes after all that it heard before. */
    change: async (metadata: string) => {
      const told = next();
      await service.updateRoomMetadata(name, metadata);
      return told;
    },
    leave: () => (worker.postMessage('leave'), once(worker, 'exit')),
  };
}

test('what is said in a room comes to the thread that joined it, and to no other', async () => {
  const threads = [await threadInRoom(), await threadInRoom()] as const;
  for (const thread of threads) await thread.listen();
  // The last two have heard what the engine said of the other's room by the time they tell.
  for (const [turn, thread] of [threads[0], threads[1], threads[0]].entries()) {
    const told = (await thread.change(`turn ${turn}`)) as { mine: bigint; heard: bigint[] };
    expect(told).toEqual({ metadata: `turn ${turn}`, mine: told.mine, heard: [told.mine] });
  }
  expect(await Promise.all(threads.map((thread) => thread.leave()))).toEqual([[0], [0]]);
});
