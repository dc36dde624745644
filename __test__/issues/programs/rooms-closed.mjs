// Five rooms, one after the other, each closed by the server while this program is in it.
import { Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { decodedOf, listeners, notCollected, report, until } from './side.mjs';

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

const lastEvents = () => decodedOf('roomEvent').filter(({ value }) => value.message.case === 'eos').length;
for (let number = 1; number <= 5; number++) {
  await visit(number);
  await until(() => lastEvents() === number, 'the engine has said its last');
  after.push(listeners());
}
// The last one may still be on the stack.
report({ listeners: after, collected: (await notCollected(rooms, 1)) <= 1 });
