import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RoomEvent, type RemoteAudioTrack, type RemoteParticipant, type Room } from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { inject, onTestFinished } from 'vitest';

let rooms = 0;

/** A room that no other test is in. */
export function roomName(): string {
  return `room-${process.pid}-${++rooms}`;
}

/** A token with which `identity` may enter and do anything in `room`. */
export function token(room: string, identity: string): Promise<string> {
  const { apiKey, apiSecret } = inject('livekit');
  const access = new AccessToken(apiKey, apiSecret, { identity });
  access.addGrant({ roomJoin: true, room, canUpdateOwnMetadata: true });
  return access.toJwt();
}

/** The server closes the room, with all who are in it. */
export async function deleteRoom(room: string): Promise<void> {
  const { url, apiKey, apiSecret } = inject('livekit');
  // s; a machine that does other things makes the server slow.
  const patient = { requestTimeout: 60 };
  await new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret, patient).deleteRoom(room);
}

/** Another participant in a room. */
export interface Publisher {
  /** Disconnects; it is gone when this resolves. */
  leave(): Promise<void>;
  /** Its process dies, without a word to the server. */
  kill(): void;
  /** Mutes the track that it published last, or lets it be heard again. */
  mute(mute: boolean): Promise<void>;
  /** Takes that track back. */
  unpublish(): Promise<void>;
  /** Publishes again, or something else. */
  publish(tone: Tone): Promise<void>;
}

/** What a {@link Publisher} publishes. */
interface Tone {
  readonly hz: number;
  readonly sampleRate: number;
  readonly channels?: number;
  /** The audio of a shared screen. */
  readonly screen?: boolean;
}

/** A participant in another process that publishes a tone of `hz`. Resolves when the track is published. */
export async function publish(room: string, identity: string, hz = 440, sampleRate = 48_000): Promise<Publisher> {
  const { url } = inject('livekit');
  const options = JSON.stringify({ url, token: await token(room, identity), hz, sampleRate });
  const script = fileURLToPath(new URL('./publisher.mjs', import.meta.url));
  const child = fork(script, [options], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' }, // rtc-node logs less
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  const [first] = await Promise.race([once(child, 'message'), exit]);
  if (first !== 'published') throw new Error(`the publisher ended: ${String(first)}`);
  const order = async (name: string, more: object = {}): Promise<void> => {
    const answer = once(child, 'message');
    child.send({ order: name, ...more });
    const [said] = await Promise.race([answer, exit]);
    if (said !== 'done') throw new Error(`the publisher ended: ${String(said)}`);
  };
  return {
    leave: async () => {
      child.send({ order: 'leave' });
      await exit;
    },
    kill: () => void child.kill('SIGKILL'),
    mute: (mute) => order('mute', { mute }),
    unpublish: () => order('unpublish'),
    publish: (tone) => order('publish', tone),
  };
}

/** The audio track of `identity`, as soon as `room` has subscribed to it. Call it before the track is published. */
export function subscribed(room: Room, identity: string): Promise<RemoteAudioTrack> {
  return new Promise((resolve) => {
    room.on(RoomEvent.TrackSubscribed, (track: unknown, _publication: unknown, participant: RemoteParticipant) => {
      if (participant.identity === identity) resolve(track as RemoteAudioTrack);
    });
  });
}

/** How much of the energy of `samples` is in the tone of `hz`: from 0 to 1. */
export function toneShare(samples: Int16Array, hz: number, sampleRate: number): number {
  let [re, im, energy] = [0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    const angle = (2 * Math.PI * hz * i) / sampleRate;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
    energy += sample * sample;
  }
  return energy === 0 ? 0 : ((re * re + im * im) * 2) / samples.length / energy;
}
