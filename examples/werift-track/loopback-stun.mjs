// A STUN server on loopback, for programs that must not leave this machine: without any STUN server in `iceServers`, werift asks
// Google's.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const COOKIE = 0x2112a442;

/** Answers each request with the address that it came from. Keeps no process alive. Returns its URL. */
export async function loopbackStun() {
  const socket = createSocket('udp4');
  socket.on('message', (request, { port }) => {
    const response = Buffer.alloc(32);
    response.writeUInt16BE(0x0101, 0); // success
    response.writeUInt16BE(12, 2);
    request.copy(response, 4, 4, 20); // cookie and transaction
    response.writeUInt16BE(0x0020, 20); // XOR-MAPPED-ADDRESS
    response.writeUInt16BE(8, 22);
    response.writeUInt16BE(1, 24); // IPv4
    response.writeUInt16BE(port ^ (COOKIE >>> 16), 26);
    response.writeUInt32BE((0x7f000001 ^ COOKIE) >>> 0, 28);
    socket.send(response, port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.unref();
  return `stun:127.0.0.1:${socket.address().port}`;
}
