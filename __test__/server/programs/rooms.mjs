// What the programs beside this one have in common. None of them knows of narrowcast: each uses rtc-node as its README
// and its types document it, and prints what it has seen, in an order that does not depend on timing.
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';

const { url, tokens } = JSON.parse(process.argv[2]);

/** Prints one line. */
export function say(what, value) {
  console.log(`${what}: ${JSON.stringify(value)}`);
}

/** Enters the room as `identity`. */
export async function join(identity, options = {}) {
  const room = new Room();
  await room.connect(url, tokens[identity], { autoSubscribe: true, dynacast: false, ...options });
  return room;
}

/** What `room` says with the next `event`. Call it before what makes it happen. */
export function next(room, event, about = () => true) {
  return new Promise((resolve) => {
    const listener = (...args) => {
      if (!about(...args)) return;
      room.off(event, listener);
      resolve(args);
    };
    room.on(event, listener);
  });
}

/** Waits until `condition` holds. The test that runs the program has the limit. */
export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Both are in the room, and each knows of the other. */
export async function meet(one, other, options = {}) {
  const rooms = [await join(one, options), await join(other, options)];
  for (const room of rooms) await until(() => room.remoteParticipants.size === 1);
  return rooms;
}

/** Publishes a tone of `hz`, which plays until `stop()`. */
export async function publishTone(room, hz, sampleRate = 48_000) {
  const source = new AudioSource(sampleRate, 1, 200);
  const track = LocalAudioTrack.createAudioTrack(`tone of ${hz} Hz`, source);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const publication = await room.localParticipant.publishTrack(track, options);
  const stopping = new AbortController();
  const samples = sampleRate / 100;
  const played = (async () => {
    for (let at = 0; !stopping.signal.aborted; at = (at + samples) % sampleRate) {
      const pcm = Int16Array.from({ length: samples }, (_, i) =>
        Math.round(12_000 * Math.sin((2 * Math.PI * hz * (at + i)) / sampleRate)),
      );
      await source.captureFrame(new AudioFrame(pcm, sampleRate, 1, samples));
    }
  })();
  return {
    source,
    track,
    publication,
    stop: async () => {
      stopping.abort();
      await played;
    },
  };
}

/** How much of the energy of `samples` is in the tone of `hz`: from 0 to 1. */
export function toneShare(samples, hz, sampleRate) {
  let [re, im, energy] = [0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    const angle = (2 * Math.PI * hz * i) / sampleRate;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
    energy += sample * sample;
  }
  return energy === 0 ? 0 : ((re * re + im * im) * 2) / samples.length / energy;
}

/** Reads frames until the last 200 ms of them satisfy `heard`; false if they end before. Leaves the rest unread. */
export async function listen(frames, sampleRate, heard) {
  const window = new Int16Array(sampleRate / 5);
  for (;;) {
    const { done, value: frame } = await frames.next();
    if (done) return false;
    const data = frame.data.subarray(-window.length);
    window.copyWithin(0, data.length);
    window.set(data, window.length - data.length);
    if (heard(window)) return true;
  }
}
