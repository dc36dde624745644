// Compiled, not run: what a TypeScript program sees of an installation.
import {
  AudioFrame,
  AudioStream,
  FfiQueue,
  NarrowcastError,
  type NarrowcastErrorCode,
  type Subscription,
} from 'narrowcast';
import { TransceiverPool } from 'narrowcast/webrtc';

const queue = new FfiQueue({ types: ['audio', 'stats'] });
export const events: Subscription<unknown> = queue.subscribe({ types: ['audio'] });
// @ts-expect-error: there is no such type
queue.put('video', new Uint8Array());

export async function read(stream: AudioStream): Promise<number> {
  let samples = 0;
  for await (const frame of stream) samples += frame.samplesPerChannel;
  return samples + AudioFrame.create(48_000, 1, 480).channels;
}

export const code = (error: unknown): NarrowcastErrorCode | undefined =>
  error instanceof NarrowcastError ? error.code : undefined;
// @ts-expect-error: what it works with can not be left out
new TransceiverPool();
