// An engine stream without a reader or a listener, opened as any client can.
import { AudioStreamType } from '@livekit/rtc-ffi-bindings';
import { engine, frame, framesDecoded, known, narrowcast, openTrack, report, turn, until } from './side.mjs';

const FRAMES = 50;
const { source, track } = openTrack();
globalThis._ffiClientInstance.request({
  message: {
    case: 'newAudioStream',
    value: {
      type: AudioStreamType.AUDIO_STREAM_NATIVE,
      trackHandle: track.ffi_handle.handle,
      sampleRate: 16_000,
      numChannels: 1,
      queueSizeFrames: 0, // all of them
    },
  },
});
const before = engine?.stats().events.unwanted;
for (let i = 0; i < FRAMES; i++) await source.captureFrame(frame());
if (narrowcast) await until(() => engine.stats().events.unwanted >= before + FRAMES, 'all were dropped natively');
else await until(() => framesDecoded().length === FRAMES, 'all have come');
await turn();
const decoded = framesDecoded();
report({ decoded: decoded.length, left: known(decoded) });
