// What a user's compiler sees of Recorder. Never run: `tsc` is the test.
import type * as rtc from '@livekit/rtc-node';
import {
  AudioStream,
  AudioStreamTrack,
  NarrowcastError,
  Recorder,
  type RecordedChannel,
  type RecorderOptions,
  type RecorderStats,
} from 'narrowcast';
import { AudioStream as LiveKitStream } from 'narrowcast/livekit';
import { a, same, takes } from './support.js';

const recorder = await Recorder.open('call.wav');
await Recorder.open(
  { caller: 'a.wav', agent: 'b.wav' },
  { sampleRate: 16_000, bufferMs: 5000, saveMs: 1000, replace: true },
);
takes<RecorderOptions>({});
await Recorder.open({}, { format: 'mulaw' });
takes<Promise<void>>(recorder.add('carol', 'c.wav'));
takes<Promise<void>>(recorder.save());
takes<number | undefined>(recorder.stats().channels['agent']!.beganMs);
// @ts-expect-error no such format
await Recorder.open('call.wav', { format: 'mp3' });
recorder.record('caller', new AudioStream());
recorder.record('caller', a<LiveKitStream>());
recorder.record('caller', a<rtc.AudioStream>());
recorder.record('agent', new AudioStreamTrack());
same<RecorderStats, ReturnType<typeof recorder.stats>>();
takes<RecordedChannel | undefined>(recorder.stats().channels['agent']);
takes<Promise<NarrowcastError>>(recorder.failed);
takes<Promise<void>>(recorder.close());
takes<AsyncDisposable>(recorder);
// @ts-expect-error files are opened
new Recorder();
// @ts-expect-error no such option
await Recorder.open('call.wav', { rate: 16_000 });
// @ts-expect-error no source
recorder.record('caller', 'stream');
