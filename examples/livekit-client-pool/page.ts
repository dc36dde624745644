// A participant that shares its screen again and again, or watches; what the test calls. Pictures are of a canvas.

import { Room, RoomEvent, Track, VideoPreset } from 'livekit-client';
import type { ParticipantCalls } from './calls.js';
import { publishThroughPool } from './publish-through-pool.js';

const room = new Room();
const canvas = document.createElement('canvas');
Object.assign(canvas, { width: 1280, height: 720 });
const context = canvas.getContext('2d')!;
let count = 0;
setInterval(() => {
  context.fillStyle = `hsl(${count++ % 360} 60% 40%)`;
  context.fillRect(0, 0, canvas.width, canvas.height);
}, 100);

let shared: MediaStreamTrack | undefined;
let [begun, ended] = [0, 0];
let watched: Track | undefined;
room.on(RoomEvent.TrackSubscribed, (track) => {
  begun++;
  watched = track;
  document.body.append(track.attach());
});
room.on(RoomEvent.TrackUnsubscribed, (track) => {
  ended++;
  watched = undefined;
  for (const element of track.detach()) element.remove();
});

/** Not in its types. */
interface EngineInside {
  pcManager: { publisher: { pc: RTCPeerConnection } };
}

const calls: ParticipantCalls = {
  connect: async (url, token, pool) => {
    if (pool) publishThroughPool(room);
    await room.connect(url, token);
  },
  share: async () => {
    shared = canvas.captureStream(10).getVideoTracks()[0]!;
    await room.localParticipant.publishTrack(shared, {
      source: Track.Source.ScreenShare,
      simulcast: true,
      // Three layers, as a camera has.
      screenShareSimulcastLayers: [new VideoPreset(320, 180, 150_000, 10), new VideoPreset(640, 360, 400_000, 10)],
    });
  },
  unshare: async () => {
    await room.localParticipant.unpublishTrack(shared!, true);
    shared = undefined;
  },
  counts: () => {
    const all = (room.engine as unknown as EngineInside).pcManager.publisher.pc.getTransceivers();
    const sending = all.filter(({ currentDirection }) => /send/.test(currentDirection ?? ''));
    return { transceivers: all.length, sending: sending.length };
  },
  seen: async () => {
    let frames = 0;
    for (const report of (await watched?.getRTCStatsReport())?.values() ?? []) {
      if (report.type === 'inbound-rtp') frames = report.framesDecoded ?? 0;
    }
    return { begun, ended, frames };
  },
  disconnect: () => room.disconnect(),
};

Object.assign(globalThis, { calls });
