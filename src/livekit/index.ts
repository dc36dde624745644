export { AudioMixer, type AudioMixerOptions } from './audio-mixer.js';
export { AudioResampler, AudioResamplerQuality, type AudioResamplerOptions } from './audio-resampler.js';
export { AudioSource } from './audio-source.js';
export { AudioStream, type AudioStreamOptions } from './audio-stream.js';
export { type EngineQueue } from './engine-queue.js';
export {
  Engine,
  install,
  type EngineEvents,
  type InstallOptions,
  type LiveKitEvent,
  type LiveKitEventType,
} from './engine.js';
export type {
  HandleClass,
  HandleCounts,
  InspectOptions,
  Inspected,
  InspectedKind,
  InspectedRoom,
  InspectedSource,
  InspectedStream,
  InspectedSubscription,
  InspectedTrack,
  InspectedVideoStream,
  Inspection,
  KindCounts,
  PendingAnswer,
  Stall,
  StallCounts,
} from '../diagnostics/inspect.js';
export type { AudioSourceStats, EngineStats, VideoStreamStats } from './stats.js';
export { VideoStream, type VideoStreamOptions } from './video-stream.js';
