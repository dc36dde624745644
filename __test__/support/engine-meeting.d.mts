import type { LoadPump } from './load.mjs';
import type { AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import type * as Livekit from '../../src/livekit/index.js';
import type * as Native from '../../index.js';

export const AudioSource: typeof Livekit.AudioSource;
export const AudioStream: typeof Livekit.AudioStream;
export const VideoStream: typeof Livekit.VideoStream;
export const install: typeof Livekit.install;
export const native: typeof Native;
export function openTracks(count: number): { source: AudioSource; track: LocalAudioTrack }[];
export function play(tracks: { source: AudioSource }[], chunks: number): LoadPump;
