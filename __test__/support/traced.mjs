// What engine.inspect() says of where each object was made. The test knows the numbers of these lines.
import { basename } from 'node:path';
import { AudioSource, AudioStream, install, openTracks } from './engine-meeting.mjs';
const engine = install();
const { AudioStreamTrack } = await import('narrowcast');
const kept = openTracks(1).map(({ track }) => new AudioStream(track, 16_000));
async function later() {
  await new Promise((resolve) => setTimeout(resolve, 1));
  kept.push(new AudioStream(openTracks(1)[0].track));
}
await later();
const source = new AudioSource(48_000, 1);
kept.push(new AudioStreamTrack());
kept.push(engine.queue.subscribe({ types: ['roomEvent'] }));
globalThis._ffiClientInstance.on('ffi_event', () => {});

const inspected = engine.inspect();
const places = {};
for (const kind of ['streams', 'sources', 'tracks', 'subscriptions', 'listeners']) {
  places[kind] = inspected[kind].map(({ place }) => place && basename(place));
}
// The listener keeps rtc-node's client, and with it the process.
process.stdout.write(JSON.stringify(places), () => source.close().then(() => process.exit()));
