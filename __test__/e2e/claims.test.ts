import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FfiHandle, type FfiEvent } from '@livekit/rtc-ffi-bindings';
import { AudioFrame } from '@livekit/rtc-node';
import { expect, onTestFinished, test } from 'vitest';
// Main thread and workers have to share one addon: this one is dist's, as theirs is.
import { install, openTracks } from '../support/engine-meeting.mjs';
import * as foreign from '../support/foreign-stream.js';
import { until } from '../support/wait.mjs';

test.each(['is terminated', 'uninstalls'])(
  'what a thread has claimed is for all again when it %s',
  async (how) => {
    const engine = install();
    const client = foreign.client();
    const [one] = openTracks(1);
    const own = foreign.openForeignStream(one!.track);
    const { handle } = own;
    onTestFinished(() => own.dispose());
    /** Takes a frame of the stream; what all its samples are. */
    const take = ({ message }: FfiEvent): number | undefined => {
      if (message.case !== 'audioStreamEvent' || message.value.streamHandle !== handle) return undefined;
      const event = message.value.message;
      if (event.case !== 'frameReceived') return undefined;
      const { handle: frame, info } = event.value.frame!;
      const sample = Buffer.from(client.copyBuffer(info!.dataPtr!, 2)).readInt16LE();
      new FfiHandle(frame!.id!).dispose();
      return sample;
    };
    const heard: number[] = [];
    const listener = (event: FfiEvent) => {
      const sample = take(event);
      if (sample !== undefined) heard.push(sample);
    };
    client.on('ffi_event', listener);
    onTestFinished(() => void client.off('ffi_event', listener));
    const play = (sample: number) =>
      one!.source.captureFrame(new AudioFrame(new Int16Array(160).fill(sample), 16_000, 1, 160));

    await play(1);
    await until(() => heard.length === 1, 'it is not claimed');
    const worker = new Worker(new URL('../support/claiming-worker.mjs', import.meta.url), { workerData: handle });
    onTestFinished(async () => void (await worker.terminate()));
    expect(await once(worker, 'message')).toEqual(['claimed']);
    // Sees what is for every thread.
    const all = engine.queue.subscribe({ types: ['audioStreamEvent'], handles: [handle], own: true });
    await play(2);
    expect(take((await all.next()).value!)).toBe(2);
    all.close();
    if (how === 'uninstalls') {
      worker.postMessage('uninstall');
      expect(await once(worker, 'message')).toEqual(['uninstalled']);
    } else {
      await worker.terminate();
    }
    await play(3);
    await until(() => heard.length === 2, 'it is for all');
    expect(heard).toEqual([1, 3]);
  },
  60_000,
);
