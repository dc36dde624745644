// What `narrowcast/livekit/register` gives a program in place of rtc-node's classes: to each copy of rtc-node its own.

import { createRequire } from 'node:module';
import type * as Rtc from '@livekit/rtc-node';
import { FRAMES, GATHERED_MS } from '../audio-resampler.js';
import type { NarrowcastError } from '../errors.js';
import { loadBindings } from './bindings.js';
import { COPY, type RtcClasses } from './copies.js';
import { engineOf, secondEngine } from './engine-files.js';
import * as ours from './index.js';

export { install } from './engine.js';

/** What is wrong with a copy of rtc-node that has another engine than the one at work; undefined for others. */
export function secondEngineOf(rtcNode: string): NarrowcastError | undefined {
  const { enginePath } = loadBindings();
  const engine = engineOf(rtcNode);
  return engine === enginePath ? undefined : secondEngine(enginePath, engine ?? `${rtcNode}'s`);
}

/**
 * Gives a copy of rtc-node a client of its own. Its copies share one, in a global: this copy's requests would go to the
 * first copy's engine, and their answers' handles be dropped in its own, which ends the process.
 */
export function isolate(rtcNode: string): void {
  const { FfiClient } = createRequire(rtcNode)('./ffi_client.cjs') as { FfiClient: new () => object };
  let client: object | undefined;
  Object.defineProperty(FfiClient, 'instance', { get: () => (client ??= new FfiClient()) });
}

/** Narrowcast's classes as stand-ins for those of one copy of rtc-node: their frames are of that copy's classes. */
export function classesFor({ AudioFrame, Track, VideoFrame }: typeof Rtc): Partial<Record<keyof typeof Rtc, unknown>> {
  const copy: RtcClasses = { AudioFrame, Track, VideoFrame };
  class AudioMixer extends ours.AudioMixer {
    static override get [FRAMES]() {
      return AudioFrame;
    }
  }
  class AudioResampler extends ours.AudioResampler {
    static override get [FRAMES]() {
      return AudioFrame;
    }
    // rtc-node's gives 9 to 32 frames a second at these qualities, each up to 38 ms late or later. What comes behind it, a
    // speech-to-text for example, expects no more of them.
    static override get [GATHERED_MS]() {
      return 30;
    }
  }
  class AudioStream extends ours.AudioStream {
    static override get [COPY]() {
      return copy;
    }
  }
  class VideoStream extends ours.VideoStream {
    static override get [COPY]() {
      return copy;
    }
  }
  const { AudioResamplerQuality, AudioSource } = ours;
  return { AudioMixer, AudioResampler, AudioResamplerQuality, AudioSource, AudioStream, VideoStream };
}
