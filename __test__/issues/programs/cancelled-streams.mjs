// Streams that are cancelled while frames are on their way to a busy thread.
import {
  AudioStream,
  block,
  engine,
  frame,
  framesDecoded,
  known,
  native,
  openTrack,
  report,
  turn,
  until,
} from './side.mjs';

let cancelled = 0;
let left = 0;
// Until a frame is left, or it is clear that none is.
while (left === 0 && cancelled < 30) {
  const { source, track } = openTrack();
  const reader = new AudioStream(track, 16_000).getReader();
  await source.captureFrame(frame());
  await reader.read();
  const captured = Array.from({ length: 10 }, () => source.captureFrame(frame()));
  block(60);
  await reader.cancel();
  await Promise.all(captured);
  await source.close();
  cancelled++;
  await turn();
  left = known(framesDecoded());
}
if (engine) {
  await until(() => engine.stats().streams === 0, 'all have ended');
  // The test build knows of those that never reached JavaScript.
  const ledger = native.ledgerProbe();
  left += ledger.left.length + ledger.streams.length;
}
report({ cancelled, left });
