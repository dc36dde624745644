/**
 * Participants of a real room who publish a tone each: started by publishers.ts, and told who joins and who leaves. All of
 * them in one process, and played from native threads, for what publishing costs is taken from the cores that listen.
 *
 *   publisher-process.ts URL
 */

import { AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';
import { playLoad, type LoadPump } from '../../__test__/support/load.mjs';
import { install } from '../../src/livekit/index.js';
import type { FromPublishers, ToPublishers } from './publishers.js';
import { tone } from './tones.js';
import { ENDLESS } from './tracks.js';

/** Hz, as the engine encodes. */
const RATE = 48_000;

interface Publisher {
  readonly room: Room;
  readonly pump: LoadPump;
  readonly source: AudioSource;
}

const url = process.argv[2]!;
process.on('disconnect', () => process.exit());
if (!process.connected) process.exit(1);
install();

const publishers = new Map<string, Publisher>();

async function join(identity: string, token: string): Promise<void> {
  const room = new Room();
  await room.connect(url, token, { autoSubscribe: false, dynacast: false });
  const source = new AudioSource(RATE, 1, 0);
  const track = LocalAudioTrack.createAudioTrack('tone', source);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  await room.localParticipant!.publishTrack(track, options);
  const pcm = tone(300 + 50 * (publishers.size % 32), RATE, 12_000);
  const handle = source.ffiHandle.handle;
  const pump = playLoad([{ handle, sampleRate: RATE, channels: 1, pcm, chunks: ENDLESS }]);
  publishers.set(identity, { room, pump, source });
}

async function leave(identity: string): Promise<void> {
  const { room, pump, source } = publishers.get(identity)!;
  publishers.delete(identity);
  pump.stop();
  await room.disconnect();
  await source.close();
}

process.on('message', (message: ToPublishers) => {
  void (async () => {
    const answer: FromPublishers = await (
      'join' in message ? join(message.join, message.token) : leave(message.leave)
    ).then(
      () => ({}),
      (error: unknown) => ({ error: String(error) }),
    );
    process.send!(answer);
  })();
});
