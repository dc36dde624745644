// Streams that the program holds no more, and has not closed.
import { AudioStream, engine, frame, framesDecoded, listeners, narrowcast, notCollected } from './side.mjs';
import { openTrack, report, until } from './side.mjs';

const { source, track } = openTrack();
const forgotten = [];
(() => {
  for (let i = 0; i < 20; i++) forgotten.push(new WeakRef(new AudioStream(track, 16_000)));
})();
const left = await notCollected(forgotten);
if (narrowcast) await until(() => (gc(), engine.stats().streams === 0), 'the engine feeds none of them');
await source.captureFrame(frame());
if (!narrowcast) await until(() => framesDecoded().length === 20, 'each gets the frame');
report({ left, listeners: listeners(), frames: framesDecoded().length });
