export { AudioMixer, type AudioMixerOptions } from './audio-mixer.js';
export { AudioResampler, AudioResamplerQuality, type AudioResamplerOptions } from './audio-resampler.js';
export { AudioSource, type AudioSourceStats } from './audio-source.js';
export { AudioStream, type AudioStreamOptions } from './audio-stream.js';
export { type EngineQueue } from './engine-queue.js';
export {
  Engine,
  install,
  type EngineEvents,
  type EngineStats,
  type InstallOptions,
  type LiveKitEvent,
  type LiveKitEventType,
} from './engine.js';
export type {
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
export { VideoStream, type VideoStreamOptions, type VideoStreamStats } from './video-stream.js';
