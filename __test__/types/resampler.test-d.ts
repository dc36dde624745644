// What a user's compiler sees of AudioResampler and resampleStream. Never run: `tsc` is the test.
import { AudioFrame as RtcAudioFrame, type AudioStream as RtcAudioStream } from '@livekit/rtc-node';
import {
  AudioFrame,
  AudioResampler,
  AudioResamplerQuality,
  AudioStream,
  resampleStream,
  type AudioFrameLike,
  type AudioResamplerOptions,
  type ResampleStreamOptions,
} from 'narrowcast';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { a, same, takes } from './support.js';

const resampler = new AudioResampler(48_000, 16_000);
new AudioResampler(48_000, 16_000, 2, AudioResamplerQuality.VERY_HIGH, { latency: 'low', dither: true });
takes<AudioResamplerOptions>({});
// @ts-expect-error a rate is missing
new AudioResampler(48_000);
// @ts-expect-error qualities have numbers and no names
new AudioResampler(48_000, 16_000, 1, 'high');
// @ts-expect-error no such latency
new AudioResampler(48_000, 16_000, 1, AudioResamplerQuality.LOW, { latency: 'lowest' });
// @ts-expect-error no such option
new AudioResampler(48_000, 16_000, 1, AudioResamplerQuality.LOW, { quality: 1 });

// Frames come out as they go in: ours, rtc-node's, or alike.
same<ReturnType<typeof resampler.push<AudioFrame>>, AudioFrame[]>();
takes<AudioFrame[]>(resampler.push(AudioFrame.create(48_000, 1, 480)));
takes<RtcAudioFrame[]>(resampler.push(RtcAudioFrame.create(48_000, 1, 480)));
takes<AudioFrameLike>(a<RtcAudioFrame>());
takes<AudioFrameLike>(a<AudioFrame>());
resampler.push({ data: new Int16Array(480), sampleRate: 48_000, channels: 1, samplesPerChannel: 480 });
// @ts-expect-error a rate is missing
resampler.push({ data: new Int16Array(480), channels: 1, samplesPerChannel: 480 });
// @ts-expect-error samples alone have no rate
resampler.push(new Int16Array(480));
same<ReturnType<typeof resampler.flush>, AudioFrame[]>();

// Samples: integers or floating point, in any memory, and never both.
takes<number>(resampler.pushInto(new Int16Array(480), new Int16Array(1000)));
takes<number>(resampler.pushInto(new Float32Array(480), new Float32Array(1000)));
resampler.pushInto(new Int16Array(new SharedArrayBuffer(2)), new Int16Array(1000));
// @ts-expect-error of one type
resampler.pushInto(new Int16Array(480), new Float32Array(1000));
// @ts-expect-error not bytes
resampler.pushInto(Buffer.alloc(960), new Int16Array(1000));
takes<number>(resampler.flushInto(new Float32Array(1000)));
takes<number>(resampler.maxOutput(480));
takes<number[]>([resampler.inputRate, resampler.outputRate, resampler.channels, resampler.latencyMs]);
takes<boolean>(resampler.passthrough);
same<ReturnType<typeof resampler.close>, void>();
// @ts-expect-error what it is made for does not change
resampler.outputRate = 8000;

// Streams: of the frames that come in.
same<ReturnType<typeof resampleStream<AudioFrame>>, NodeReadableStream<AudioFrame>>();
takes<NodeReadableStream<AudioFrame>>(resampleStream({ stream: new AudioStream(), outputRate: 16_000 }));
takes<NodeReadableStream<RtcAudioFrame>>(
  resampleStream({ stream: a<NodeReadableStream<RtcAudioFrame>>(), outputRate: 16_000, quality: 3, latency: 'low' }),
);
resampleStream({ stream: a<RtcAudioStream>(), outputRate: 16_000 });
takes<ResampleStreamOptions>({ stream: new AudioStream(), outputRate: 16_000 });
// @ts-expect-error a rate is missing
resampleStream({ stream: new AudioStream() });
// @ts-expect-error a stream of something else
resampleStream({ stream: new ReadableStream<Uint8Array>(), outputRate: 16_000 });
