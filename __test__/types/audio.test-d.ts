// What a user's compiler sees of AudioFrame, AudioStream and errors. Never run: `tsc` is the test.
import { AudioFrame as RtcAudioFrame, type AudioSource as RtcAudioSource } from '@livekit/rtc-node';
import {
  AudioFrame,
  AudioStream,
  g711,
  NarrowcastError,
  type AudioStreamOptions,
  type AudioStreamStats,
  type Cleared,
  type NarrowcastErrorCode,
  type SampleFormat,
} from 'narrowcast';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { a, same, takes } from './support.js';

const stream = new AudioStream();
new AudioStream({});
new AudioStream({ sampleRate: 16_000, numChannels: 2, frameSizeMs: 20, bufferMs: 1000 });
new AudioStream({ sampleRate: 16_000, samplesPerFrame: 512, maxFrameMs: 96 });
takes<AudioStreamOptions>({ sampleRate: 16_000 });
// @ts-expect-error no such option
new AudioStream({ channels: 2 });
// @ts-expect-error numbers are numbers
new AudioStream({ sampleRate: '16000' });

// It is a ReadableStream of frames, for Node and for the web.
takes<NodeReadableStream<AudioFrame>>(stream);
takes<ReadableStream<AudioFrame>>(stream);
takes<AsyncIterable<AudioFrame>>(stream);
takes<AudioFrame | null>(stream.tryRead());
same<ReturnType<typeof stream.tryRead>, AudioFrame | null>();
same<ReturnType<typeof stream.readInto>, number>();
stream.readInto(new Int16Array(10));
stream.readInto(new Int16Array(10), { droppedBefore: 0 });
stream.readInto(new Int16Array(10), { droppedBefore: 0, position: 0 });
same<ReturnType<typeof stream.clear>, Cleared>();
same<Cleared, { ms: number; samples: number }>();
// @ts-expect-error: nothing to set
stream.readInto(new Int16Array(10), {});
// @ts-expect-error samples are 16-bit integers
stream.readInto(new Float32Array(10));

export async function reads(): Promise<void> {
  for await (const frame of stream) same<typeof frame, AudioFrame>();
  for await (const frame of stream.values({ preventCancel: true })) same<typeof frame, AudioFrame>();
  const { value } = await stream.getReader().read();
  same<typeof value, AudioFrame | undefined>();
  const [left] = stream.tee();
  takes<NodeReadableStream<AudioFrame>>(left);
  await stream.pipeTo(new WritableStream<AudioFrame>());
  takes<NodeReadableStream<number>>(stream.pipeThrough(new TransformStream<AudioFrame, number>()));
}

// Writing: samples, or frames, ours or rtc-node's or alike.
stream.write(new Int16Array(10));
stream.write(AudioFrame.create(48_000, 1, 480));
stream.write(RtcAudioFrame.create(48_000, 1, 480));
stream.write({ data: new Int16Array(480), sampleRate: 48_000, channels: 1 });
// @ts-expect-error samples are 16-bit integers
stream.write(new Float32Array(10));
stream.write(Buffer.alloc(10));
stream.write(Buffer.alloc(10), { format: 'mulaw' });
// @ts-expect-error no such format
stream.write(Buffer.alloc(10), { format: 'opus' });
new AudioStream({
  from: { sampleRate: 8000, format: 'alaw', numChannels: 1 },
  sampleRate: 16_000,
  samplesPerFrame: 512,
});
// @ts-expect-error no such option
new AudioStream({ from: { channels: 1 } });
same<ReturnType<typeof stream.discard>, Cleared>();
same<ReturnType<typeof stream.flush>, void>();
same<SampleFormat, 'pcm16' | 'mulaw' | 'alaw'>();
same<ReturnType<typeof g711.encode>, Uint8Array>();
same<ReturnType<typeof g711.decode>, Int16Array>();
stream.write({ data: Buffer.alloc(10), sampleRate: 48_000, channels: 1 });
// @ts-expect-error a rate is missing
stream.write({ data: new Int16Array(480), channels: 1 });

same<ReturnType<typeof stream.stats>, AudioStreamStats>();
same<
  keyof AudioStreamStats,
  'framesIn' | 'framesOut' | 'framesDropped' | 'framesCleared' | 'bufferedMs' | 'framesWithheld' | 'speechEventsDropped'
>();
same<ReturnType<typeof stream.close>, void>();

// A frame.
const frame = new AudioFrame(new Int16Array(480), 48_000, 1, 480);
new AudioFrame(new Int16Array(480), 48_000, 1, 480, { speaker: 'Ada' });
takes<Int16Array>(frame.data);
takes<number[]>([frame.sampleRate, frame.channels, frame.samplesPerChannel]);
same<typeof frame.userdata, Record<string, unknown>>();
frame.data = new Int16Array(1);
// @ts-expect-error attachments are changed in place
frame.userdata = {};

// Either frame, wherever the other is expected: what both have in common.
type Shape = Pick<RtcAudioFrame, 'data' | 'sampleRate' | 'channels' | 'samplesPerChannel' | 'userdata'>;
takes<Shape>(frame);
takes<Shape>(RtcAudioFrame.create(48_000, 1, 480));
takes<Pick<AudioFrame, keyof AudioFrame>>(RtcAudioFrame.create(48_000, 1, 480));
takes<AudioFrame['data']>(a<RtcAudioFrame>().data);
takes<RtcAudioFrame['data']>(frame.data);
same<Parameters<RtcAudioSource['captureFrame']>, [frame: RtcAudioFrame]>();

// Errors.
const error = new NarrowcastError('CLOSED', 'why', { cause: new Error() });
takes<Error>(error);
same<typeof error.code, NarrowcastErrorCode>();
takes<NarrowcastErrorCode>('LAGGED');
// @ts-expect-error no such code
takes<NarrowcastErrorCode>('BROKEN');
// @ts-expect-error a code is not to be changed
error.code = 'LAGGED';
