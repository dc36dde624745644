export { AudioStream, type AudioStreamOptions } from './audio-stream.js';
export {
  Engine,
  install,
  type EngineEvents,
  type EngineStats,
  type LiveKitEvent,
  type LiveKitEventType,
} from './engine.js';
