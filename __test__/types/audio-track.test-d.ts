// What a user's compiler sees of AudioStreamTrack. Never run: `tsc` is the test.
import { AudioFrame as RtcAudioFrame, AudioSource as RtcAudioSource } from '@livekit/rtc-node';
import {
  AudioFrame,
  AudioStreamTrack,
  TimedAudioFrame,
  type AudioStreamTrackOptions,
  type AudioStreamTrackStats,
  type FrameSink,
  type Interruption,
  type Mark,
  type Pcm,
  type PipeTarget,
  type SinkOptions,
  type TimedBytes,
  type Utterance,
  type UtteranceEnd,
} from 'narrowcast';
import { a, same, takes } from './support.js';

const track = new AudioStreamTrack();
new AudioStreamTrack({});
new AudioStreamTrack({ sampleRate: 24_000, numChannels: 2, frameSizeMs: 10, bufferMs: 60_000 });
takes<AudioStreamTrackOptions>({ frameSizeMs: 10 });
// @ts-expect-error no such option
new AudioStreamTrack({ channels: 2 });

// Writing: frames, ours or rtc-node's, and samples of either type.
track.write(AudioFrame.create(48_000, 1, 480));
track.write(RtcAudioFrame.create(48_000, 1, 480));
track.write({ data: new Int16Array(480), sampleRate: 48_000, channels: 1 }, { final: true });
track.write({ data: new Float32Array(480), sampleRate: 24_000, channels: 2 }, {});
takes<Pcm>(a<RtcAudioFrame>());
track.write({ data: Buffer.alloc(480), sampleRate: 48_000, channels: 1 });
track.write(new Int16Array(480));
track.write(Buffer.alloc(480), { final: true });
track.write(Buffer.alloc(480), { format: 'mulaw' });
track.say({ sampleRate: 8000, format: 'alaw' });
takes<Promise<TimedAudioFrame>>(track.recv());
takes<Promise<TimedBytes>>(track.recv({ format: 'mulaw' }));
// @ts-expect-error samples are 16-bit integers, their bytes, or floating point
track.write({ data: new Uint16Array(480), sampleRate: 48_000, channels: 1 });
// @ts-expect-error a rate is missing
track.write({ data: new Int16Array(480), channels: 1 });
// @ts-expect-error no such option
track.write(AudioFrame.create(48_000, 1, 480), { last: true });

// Receiving: a frame, wherever one is expected, and its time.
export async function receives(): Promise<void> {
  const frame = await track.recv();
  same<typeof frame, TimedAudioFrame>();
  takes<AudioFrame>(frame);
  takes<AudioFrame & { pts: number; timeBase: { num: 1; den: number } }>(frame);
  same<typeof frame.pts, number>();
  // @ts-expect-error a time is not to be changed
  frame.pts = 1;
}

// Piping: into rtc-node's sources.
void track.pipeTo(new RtcAudioSource(48_000, 1));
void track.pipeTo(a<RtcAudioSource>(), { signal: new AbortController().signal });
takes<PipeTarget>(a<RtcAudioSource>());
// @ts-expect-error no source
void track.pipeTo({});

// To sinks of one's own: bytes, or Base64.
void track.pipeTo(new WritableStream<Uint8Array>());
void track.pipeTo((frame) => same<typeof frame, Uint8Array>());
void track.pipeTo((frame) => same<typeof frame, string>(), { base64: true, format: 'mulaw', frameMs: 20, leadMs: 160 });
void track.pipeTo(a<WebSocket>(), { format: 'alaw', sampleRate: 8000 });
void track.pipeTo(
  { write: async (frame: string) => void frame, clear() {}, mark: (heard) => heard() },
  { base64: true },
);
takes<FrameSink>({ write() {}, isFull: () => false, isClosed: () => false });
takes<SinkOptions>({ format: 'pcm16', signal: new AbortController().signal });
// @ts-expect-error no such format
void track.pipeTo(() => {}, { format: 'opus' });

same<ReturnType<typeof track.waitForPlayout>, Promise<void>>();
same<ReturnType<typeof track.flush>, void>();
const utterance = track.say({ sampleRate: 24_000, numChannels: 1 });
takes<Utterance>(track.say());
utterance.write(Buffer.alloc(480));
utterance.write(AudioFrame.create(48_000, 1, 480));
same<typeof utterance.done, Promise<UtteranceEnd>>();
same<keyof UtteranceEnd, 'heardMs' | 'interrupted' | 'reason'>();
same<typeof utterance.playedMs, number>();
same<typeof utterance.state, 'open' | 'ended' | 'heard' | 'interrupted'>();
same<ReturnType<typeof utterance.mark>, Promise<Mark>>();
same<keyof Mark, 'name' | 'heard' | 'playedMs'>();
same<ReturnType<typeof utterance.end>, void>();
void utterance.writeAll([Buffer.alloc(480)], { signal: new AbortController().signal });
void track.writeAll(a<AsyncIterable<Uint8Array>>(), { sampleRate: 24_000 });
void track.writeAll(a<ReadableStream<AudioFrame> & AsyncIterable<AudioFrame>>());
// @ts-expect-error an utterance is a track's
new Utterance();
// @ts-expect-error no such option
track.say({ channels: 2 });
same<ReturnType<typeof track.interrupt>, Interruption>();
same<keyof Interruption, 'heardMs' | 'discardedMs'>();
same<ReturnType<typeof track.pause | typeof track.resume>, void>();
same<typeof track.paused, boolean>();
same<
  | typeof track.playedMs
  | typeof track.sampleRate
  | typeof track.numChannels
  | typeof track.frameSizeMs
  | typeof track.bufferMs,
  number
>();
same<ReturnType<typeof track.stop>, void>();
same<typeof track.readyState, 'live' | 'ended'>();
same<typeof track.bufferedMs, number>();
same<ReturnType<typeof track.stats>, AudioStreamTrackStats>();
same<
  keyof AudioStreamTrackStats,
  | 'bufferedMs'
  | 'framesOut'
  | 'silenceFrames'
  | 'samplesDropped'
  | 'samplesRefused'
  | 'samplesInvalid'
  | 'lateGaps'
  | 'lateMs'
  | 'sinkStalls'
>();
// @ts-expect-error read only
track.bufferedMs = 1;
