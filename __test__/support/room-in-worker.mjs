// A worker thread in a room of its own: whenever the room's metadata changes, it tells which rooms it has heard of since
// it was told to listen, and its own.
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { Room, RoomEvent } from '@livekit/rtc-node';
import { install } from './engine-meeting.mjs';

install();
const room = new Room();
await room.connect(workerData.url, workerData.token, { autoSubscribe: false, dynacast: false });
const heard = new Set();
room.on(RoomEvent.RoomMetadataChanged, (metadata) => {
  parentPort.postMessage({ metadata, mine: room.ffiHandle.handle, heard: [...heard] });
});
parentPort.postMessage('joined');
await once(parentPort, 'message');
globalThis._ffiClientInstance.on('ffi_event', ({ message }) => {
  if (message.case === 'roomEvent') heard.add(message.value.roomHandle);
});
parentPort.postMessage('listening');
await once(parentPort, 'message');
await room.disconnect();
process.exit();
