import { RoomServiceClient } from 'livekit-server-sdk';
import { inject } from 'vitest';
import { roomName, token } from '../support/room.js';
import { testPrograms } from './run.js';

const { url, apiKey, apiSecret } = inject('livekit');
// s; a machine that does other things makes the server slow.
const service = new RoomServiceClient(url.replace('ws:', 'http:'), apiKey, apiSecret, { requestTimeout: 60 });

/** Who may enter each of a program's rooms. */
const identities = ['agent', 'caller', 'stranger'];

/** What a program can have the server do. */
type Order =
  | { order: 'mute'; identity: string; trackSid: string; muted: boolean }
  | { order: 'delete'; room: string }
  | { order: 'remove'; room: string; identity: string }
  | { order: 'tell'; room: string; metadata: string };

// In two rooms of its own on a real server.
testPrograms('server', async () => {
  const names = [roomName(), roomName()];
  const rooms = await Promise.all(
    names.map(async (name) => {
      const tokens = await Promise.all(identities.map(async (who) => [who, await token(name, who)] as const));
      return { name, tokens: Object.fromEntries(tokens) };
    }),
  );
  const obey = (order: Order) => {
    switch (order.order) {
      case 'mute':
        return service.mutePublishedTrack(names[0]!, order.identity, order.trackSid, order.muted);
      case 'delete':
        return service.deleteRoom(order.room);
      case 'remove':
        return service.removeParticipant(order.room, order.identity);
      case 'tell':
        return service.updateRoomMetadata(order.room, order.metadata);
    }
  };
  return { argument: { url, rooms }, onMessage: async (message) => void (await obey(message as Order)) };
});
