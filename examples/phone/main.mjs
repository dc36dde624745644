// A call on loopback: the echo agent on a server of `ws`, and a simulated provider that calls it. Prints what was measured, and
// fails if anything is wrong. `node main.mjs [SECONDS]`

import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { answer } from './agent.mjs';
import { SimulatedCall } from './provider.mjs';

const seconds = Number(process.argv[2] ?? 3);
const frames = seconds * 50;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
await once(server, 'listening');
const answered = new Promise((resolve) => server.on('connection', (socket) => resolve(answer(socket))));

const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
await once(socket, 'open');
const call = new SimulatedCall(socket);

/** Frame `i` has a level of its own, one of 8; it comes back resampled twice, and is still nearest to that. */
const LEVELS = [0x8f, 0x9f, 0xaf, 0xbf, 0xcf, 0x92, 0xa2, 0xb2];
await call.say(
  frames,
  (i) => new Uint8Array(160).fill(LEVELS[Math.floor(i / 5) % LEVELS.length]),
  (i) => i === 10,
);
await call.quiet();
const heard = call.played.length;
call.press('#');
call.stop();
const end = await answered;
socket.close();
server.close();

/** Levels in the order in which they were heard, the transitions between them left out. */
const order = [];
for (const frame of call.played) {
  const code = frame[80];
  if (!frame.every((each) => each === code)) continue;
  const level = LEVELS.indexOf(code);
  if (level >= 0 && order.at(-1) !== level) order.push(level);
}
const inOrder = order.every((level, i) => i === 0 || level === (order[i - 1] + 1) % LEVELS.length);
const { reason, stats } = end;
const { faults, underruns, marks } = call;
console.log(
  JSON.stringify({ said: frames - 1, heard, levels: order.length, inOrder, underruns, marks, faults, reason, stats }),
);

const expected = [
  // What waits in the two resamplers when the call stops is never heard.
  [heard >= frames - 4 && heard <= frames + 3, 'as much is heard as was said'],
  [inOrder && order.length >= frames / 5 - 2, 'in order'],
  [faults.length === 0, 'no message is wrong'],
  [
    stats.lost === 1 && stats.outOfOrder === 0 && stats.malformed === 0,
    'the sequence numbers tell of the one that was lost',
  ],
  [stats.marksSent > 0 && stats.marksAnswered === stats.marksSent, 'all marks are answered'],
  [reason === 'stop', 'the end is a stop'],
];
const wrong = expected.filter(([holds]) => !holds).map(([, what]) => what);
if (wrong.length > 0) {
  console.error(`not so: ${wrong.join('; ')}`);
  process.exitCode = 1;
}
