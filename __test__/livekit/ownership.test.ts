import { FfiHandle, type FfiEvent } from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import { afterEach, describe, expect, test } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { failure } from '../support/expect.js';
import { client, openForeignStream } from '../support/foreign-stream.js';
import { openTracks } from '../support/meeting.js';
import { until } from '../support/wait.mjs';

afterEach(() => install().uninstall());

describe('the native handles in an event', () => {
  /** A stream of the engine that is not narrowcast's: its frames are events like any other. */
  function openStream(): { play: () => Promise<void>; handle: bigint; close: () => void } {
    const [one] = openTracks(1);
    const own = openForeignStream(one!.track);
    const play = () => one!.source.captureFrame(rtc.AudioFrame.create(16_000, 1, 160));
    return { play, handle: own.handle, close: () => own.dispose() };
  }

  /** The handle of the frame in an event of the stream. */
  function frameIn({ message }: FfiEvent, stream: bigint): bigint | undefined {
    if (message.case !== 'audioStreamEvent' || message.value.streamHandle !== stream) return undefined;
    const event = message.value.message;
    return event.case === 'frameReceived' ? event.value.frame!.handle!.id! : undefined;
  }

  test("are its client's, though another subscription reads it first", async () => {
    const engine = install();
    const { play, handle, close } = openStream();
    const heard: bigint[] = [];
    const listener = (event: FfiEvent) => {
      const frame = frameIn(event, handle);
      if (frame !== undefined) heard.push(frame);
    };
    client().on('ffi_event', listener);
    const observer = engine.queue.subscribe({ types: ['audioStreamEvent'], handles: [handle] });
    const seen = observer.next();
    await play();
    const frame = frameIn((await seen).value!, handle);
    await until(() => heard.length > 0, 'it is heard');
    expect(heard[0]).toBe(frame);
    new FfiHandle(heard[0]!).dispose();
    client().off('ffi_event', listener);
    observer.close();
    close();
  });

  test('are released where no subscription takes them over', async () => {
    const engine = install();
    const { play, handle, close } = openStream();
    const observer = engine.queue.subscribe({ types: ['audioStreamEvent'], handles: [handle] });
    const { delivered } = engine.stats().events;
    await play();
    const frame = frameIn((await observer.next()).value!, handle)!;
    expect(() => new FfiHandle(frame).dispose()).toThrow('invalid handle');
    expect(engine.stats().events).toMatchObject({ delivered: delivered + 2, dropped: 0 }); // with the answer
    observer.close();
    close();
  });

  test('belong to the reader of a subscription with `own`', async () => {
    const engine = install();
    const { play, handle, close } = openStream();
    const owner = engine.queue.subscribe({ types: ['audioStreamEvent'], handles: [handle], own: true });
    const observer = engine.queue.subscribe({ types: ['audioStreamEvent'], handles: [handle] });
    await play();
    const frame = frameIn((await owner.next()).value!, handle)!;
    expect(frameIn((await observer.next()).value!, handle)).toBe(frame);
    new FfiHandle(frame).dispose();
    owner.close();
    observer.close();
    close();
    expect(() => engine.queue.subscribe({ own: 'yes' as never })).toThrow(failure('INVALID_ARGUMENT', 'own'));
  });
});
