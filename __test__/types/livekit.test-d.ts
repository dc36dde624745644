// What a user's compiler sees of narrowcast/livekit beside @livekit/rtc-node. Never run: `tsc` is the test.
import * as rtc from '@livekit/rtc-node';
import { AudioFrame, type Subscription } from 'narrowcast';
import {
  AudioResampler,
  AudioResamplerQuality,
  AudioSource,
  AudioStream,
  install,
  VideoStream,
  type AudioSourceStats,
  type HandleClass,
  type HandleCounts,
  type InspectOptions,
  type InspectedStream,
  type Inspection,
  type LiveKitEvent,
  type VideoStreamOptions,
  type VideoStreamStats,
} from 'narrowcast/livekit';
import { a, same, takes } from './support.js';

const track = a<rtc.Track>();

// An AudioSource is one of rtc-node's wherever that is asked for.
const source = new AudioSource(48_000, 1);
takes<rtc.AudioSource>(source);
rtc.LocalAudioTrack.createAudioTrack('agent', new AudioSource(24_000, 1, 500));
takes<Promise<void>>(source.captureFrame(a<rtc.AudioFrame>()));
takes<Promise<void>>(source.captureFrame(AudioFrame.create(48_000, 1, 480)));
same<number, typeof source.queuedDuration>();
same<AudioSourceStats, ReturnType<typeof source.stats>>();
// @ts-expect-error it is read only
source.queuedDuration = 1;
// @ts-expect-error a rate is needed
new AudioSource();

// A VideoStream is one of rtc-node's, and more.
const video = new VideoStream(track);
takes<rtc.VideoStream>(video as unknown as rtc.VideoStream);
takes<rtc.VideoFrameEvent | null>(video.tryRead());
takes<AsyncIterable<rtc.VideoFrameEvent>>(video);
same<VideoStreamStats, ReturnType<typeof video.stats>>();
takes<VideoStreamOptions>({ bufferFrames: 3 });
new VideoStream(track, { bufferFrames: 3 });
// @ts-expect-error no such option
new VideoStream(track, { bufferMs: 3 });

// The constructors of rtc-node's others.
new AudioStream(track, {
  noiseCancellation: a<rtc.FrameProcessor<rtc.AudioFrame>>(),
  autoCloseNoiseCancellation: false,
});
new AudioStream(track, { noiseCancellation: { moduleId: 'm', options: { level: 1 } }, sampleRate: 16_000 });
takes<rtc.AudioFrame[]>(new AudioResampler(48_000, 16_000, 1, AudioResamplerQuality.HIGH).push(a<rtc.AudioFrame>()));

// A subscription of the engine's events may take over the handles in them.
install({});
install({ frameMs: 20, maxFrameMs: 100, speechBufferMs: 1000 });
// @ts-expect-error a number
install({ frameMs: '20' });
// @ts-expect-error the option of a stream
install({ frameSizeMs: 20 });
new AudioStream(track, { sampleRate: 16_000, samplesPerFrame: 512 }).clear();
const { queue } = install();
takes<Subscription<LiveKitEvent>>(queue.subscribe({ types: ['roomEvent'], own: true }));
queue.subscribe();
// @ts-expect-error no such type
queue.subscribe({ types: ['sound'] });
// @ts-expect-error it is a boolean
queue.subscribe({ own: 'yes' });

// What is alive is a plain object.
const inspection = install().inspect();
same<Inspection, typeof inspection>();
same<InspectedStream[], typeof inspection.streams>();
takes<string | undefined>(inspection.sources[0]!.place);
takes<number>(inspection.counts.listeners.forgotten + inspection.stalls.longestMs + install().stats().stalls);
// @ts-expect-error no such kind
takes<number>(inspection.counts.sinks.opened);

// What holds native handles is counted on request, by class; where Node can't count, there is none.
const { handles } = install().inspect({ handles: true });
same<HandleCounts | undefined, typeof handles>();
takes<number | undefined>(handles?.Room);
takes<number | undefined>(handles?.FfiHandle);
takes<HandleCounts>({});
takes<HandleClass>('RemoteAudioTrack');
for (const name of Object.keys(handles ?? {}) as HandleClass[]) takes<number | undefined>(handles?.[name]);
takes<InspectOptions>({ handles: false });
install().inspect({});
// @ts-expect-error it may be missing
takes<HandleCounts>(handles);
// @ts-expect-error a class that rtc-node hasn't may be missing, too
takes<number>(handles!.Room);
// @ts-expect-error no such class
takes<unknown>(handles?.Rooms);
// @ts-expect-error no such class
takes<HandleClass>('AudioFrame');
// @ts-expect-error it is a boolean
install().inspect({ handles: 1 });
// @ts-expect-error no such option
install().inspect({ handle: true });
