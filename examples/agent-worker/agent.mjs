// An agent without any model: it says how loud each participant of its room is. Nothing in here is about narrowcast: what it
// imports from rtc-node is narrowcast's, for the worker that starts it was started with `--import`.
import { AutoSubscribe, defineAgent } from '@livekit/agents';
import { AudioStream, RoomEvent, TrackKind } from '@livekit/rtc-node';

/** Frames of 10 ms in each report. */
const FRAMES = 50;

export default defineAgent({
  entry: async (ctx) => {
    ctx.room.on(RoomEvent.TrackSubscribed, (track, _publication, { identity }) => {
      if (track.kind === TrackKind.KIND_AUDIO) void meter(new AudioStream(track, 16_000, 1), ctx.room.name, identity);
    });
    await ctx.connect(undefined, AutoSubscribe.AUDIO_ONLY);
  },
});

/** Prints a line of JSON every half second, until the track is over. */
async function meter(stream, room, identity) {
  let frames = 0;
  let squares = 0;
  let samples = 0;
  for await (const { data } of stream) {
    frames++;
    samples += data.length;
    for (const sample of data) squares += sample * sample;
    if (frames % FRAMES !== 0) continue;
    const level = 10 * Math.log10(squares / samples / 32_768 ** 2);
    squares = samples = 0;
    // rtc-node's own stream has no stats().
    const counted = stream.stats?.() ?? null;
    const worker = Number(process.env['WORKER']);
    console.log(JSON.stringify({ worker, room, identity, frames, level, pid: process.pid, counted }));
  }
}
