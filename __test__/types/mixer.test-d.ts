// What a user's compiler sees of AudioMixer. Never run: `tsc` is the test.
import * as rtc from '@livekit/rtc-node';
import {
  AudioFrame,
  AudioMixer,
  AudioStream,
  type AudioMixerOptions,
  type AudioMixerStats,
  type Pcm,
} from 'narrowcast';
import { AudioMixer as LiveKitMixer, AudioStream as LiveKitStream } from 'narrowcast/livekit';
import { a, same, takes } from './support.js';

const mixer = new AudioMixer(48_000, 1);
takes<AudioMixerOptions>({ blocksize: 480, streamTimeoutMs: 100, capacity: 10 } satisfies rtc.AudioMixerOptions);
same<AudioMixerStats, ReturnType<typeof mixer.stats>>();
takes<AsyncIterable<AudioFrame>>(mixer);
mixer.addStream(new AudioStream());
mixer.addStream(a<LiveKitStream>());
mixer.addStream(a<AsyncGenerator<Pcm>>());
mixer.addStream(a<AsyncIterable<Buffer>>());
takes<Promise<void>>(mixer.aclose());
// @ts-expect-error channels are needed
new AudioMixer(48_000);
// @ts-expect-error no such option
new AudioMixer(48_000, 1, { blockSize: 480 });
// @ts-expect-error frames, and not numbers
mixer.addStream(a<AsyncIterable<number>>());

// What rtc-node's takes, and what takes rtc-node's.
const livekit = new LiveKitMixer(48_000, 1, a<rtc.AudioMixerOptions>());
takes<Pick<rtc.AudioMixer, keyof rtc.AudioMixer>>(livekit);
livekit.addStream(a<rtc.AudioStream>());
for await (const frame of livekit) takes<Promise<void>>(a<rtc.AudioSource>().captureFrame(frame));
