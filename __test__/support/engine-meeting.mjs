// For child processes: tracks of the engine's own, played from JavaScript, with the package as users get it (dist).
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import * as rtc from '@livekit/rtc-node';
import { playLoad } from './load.mjs';

/** The package under test: this checkout's, or the one of the ledger build. */
const root = process.env.NARROWCAST_ROOT
  ? pathToFileURL(`${process.env.NARROWCAST_ROOT}/`)
  : new URL('../../', import.meta.url);
export const native = createRequire(root)('./index.cjs');
// As copies of narrowcast do, source files that a program loads beside dist share this addon.
globalThis[Symbol.for(`narrowcast.addon.${native.addonVersion()}`)] ??= native;
export const { AudioResampler, AudioSource, AudioStream, VideoStream, install } = await import(
  new URL('dist/livekit/index.js', root).href
);

/** Opens `count` tracks at 16 kHz. */
export function openTracks(count) {
  return Array.from({ length: count }, (_, number) => {
    const source = new rtc.AudioSource(16_000, 1, 0);
    return { source, track: rtc.LocalAudioTrack.createAudioTrack(`track ${number}`, source) };
  });
}

/** Plays noise into each track from a native thread, in real time. */
export function play(tracks, chunks) {
  const pcm = Int16Array.from({ length: 16_000 }, () => Math.random() * 20_000 - 10_000);
  return playLoad(
    tracks.map(({ source }) => ({ handle: source.ffiHandle.handle, sampleRate: 16_000, channels: 1, pcm, chunks })),
  );
}
