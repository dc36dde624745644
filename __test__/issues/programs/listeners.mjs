// How many functions are called for every event of the engine, while streams are open and frames are being captured.
import { AudioStream, frame, listeners, openTrack, report } from './side.mjs';

const { source, track } = openTrack();
const streams = Array.from({ length: 8 }, () => new AudioStream(track, 16_000));
const reading = listeners();
const captured = Array.from({ length: 5 }, () => source.captureFrame(frame()));
const capturing = listeners() - reading;
await Promise.all([...captured, ...streams.map((stream) => stream.cancel())]);
report({ reading, capturing, after: listeners() });
