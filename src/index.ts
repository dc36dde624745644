export { AudioFrame } from './audio-frame.js';
export { AudioMixer, type AudioMixerOptions, type AudioMixerStats, type MixerStream } from './audio-mixer.js';
export {
  AudioResampler,
  AudioResamplerQuality,
  type AudioFrameLike,
  type AudioResamplerOptions,
  type Samples,
} from './audio-resampler.js';
export { AudioStream, type AudioStreamOptions, type WrittenPcm } from './audio-stream.js';
export { AudioStreamTrack, type AudioStreamTrackOptions } from './audio-stream-track.js';
export { NarrowcastError, type NarrowcastErrorCode } from './errors.js';
export {
  FfiQueue,
  type FfiEvent,
  type FfiQueueOptions,
  type FfiQueueStats,
  type OverflowPolicy,
  type SubscribeOptions,
  type WakePolicy,
} from './ffi-queue.js';
export { g711, type SampleFormat } from './g711.js';
export { nativeInterface, type NativeInterface } from './native-interface.js';
export type { NativeReadable } from './native-readable.js';
export type { FrameSink, SinkOptions, SinkTarget, WebSocketLike } from './paced-sink.js';
export type { PcmOptions } from './stream-format.js';
export type { Pcm, PcmData } from './pcm-argument.js';
export type { PcmReadable } from './pcm-readable.js';
export type { AudioStreamStats, Cleared, ReadReport } from './pcm-reader.js';
export type { RecordedChannel } from './recorder/channel.js';
export { Recorder, type RecorderOptions, type RecorderStats } from './recorder/recorder.js';
export type { RecorderSource } from './recorder/source.js';
export { resampleStream, type ResampleStreamOptions } from './resample-stream.js';
export { RingBuffer, type RingBufferOptions } from './ring-buffer.js';
export {
  SpeechDetector,
  SpeechEmitter,
  type AudioLevel,
  type SpeechChange,
  type SpeechDetectorOptions,
  type SpeechEvents,
  type SpeechOptions,
  type SpeechStreamOptions,
} from './speech.js';
export { Subscription } from './subscription.js';
export type { Interruption, PipeTarget } from './track/pipe-target.js';
export type { AudioStreamTrackStats } from './track/stats.js';
export { TimedAudioFrame, type TimeBase, type TimedBytes } from './track/timed-frame.js';
export type { Mark, SayOptions, Utterance, UtteranceEnd } from './utterance.js';
