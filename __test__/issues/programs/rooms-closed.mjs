// Five rooms, one after the other, each closed by the server while this program is in it.
import { Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { listeners, notCollected, report } from './side.mjs';

const { url, apiKey, apiSecret } = JSON.parse(process.argv[3]);
const patient = { requestTimeout: 60 }; // s
const service = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret, patient);
const rooms = [];
const after = [];

async function visit(number) {
  const name = `closed-${process.pid}-${number}`;
  const access = new AccessToken(apiKey, apiSecret, { identity: 'agent' });
  access.addGrant({ roomJoin: true, room: name });
  const room = new Room();
  rooms.push(new WeakRef(room));
  const disconnected = new Promise((resolve) => room.once(RoomEvent.Disconnected, resolve));
  await room.connect(url, await access.toJwt(), { autoSubscribe: true, dynacast: false });
  await service.deleteRoom(name);
  await disconnected;
}

for (let number = 1; number <= 5; number++) {
  await visit(number);
  after.push(listeners());
}
// The last one may still be on the stack.
report({ listeners: after, collected: (await notCollected(rooms, 1)) <= 1 });
