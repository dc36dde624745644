import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { ConnectResponse } from '@livekit/rtc-ffi-bindings';
import { onTestFinished } from 'vitest';
import type { FfiClient } from '../../src/livekit/ffi-client.js';

/** A server that never answers, and ends with the test. */
export async function silentServer(): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Asks the engine to connect a room to `url`, without rtc-node's Room. Returns the request's async id. */
export function connect(client: FfiClient, url: string): bigint {
  const value = { url, token: 'none', options: {} };
  return client.request<ConnectResponse>({ message: { case: 'connect', value } }).asyncId!;
}
