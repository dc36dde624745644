// Text and byte streams that are not read to their end, that no reader waits for, or whose sender leaves.
import { RoomEvent } from '@livekit/rtc-node';
import { listeners, sayLeftovers } from '../leftovers.mjs';
import { meet, next } from '../rooms.mjs';
import { outcome, result, runs, say as program, trace, until } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const before = listeners();
const chunk = new Uint8Array(1000).fill(1);
{
  const say = trace('left by break');
  let done;
  const left = new Promise((resolve) => (done = resolve));
  agent.registerByteStreamHandler('break', async (reader) => {
    let chunks = 0;
    for await (const _ of reader) if (++chunks === 2) break;
    done(chunks);
  });
  const writer = await caller.localParticipant.streamBytes({ topic: 'break', name: 'bytes' });
  for (let i = 0; i < 10; i++) await writer.write(chunk);
  say('read', await left);
  await until(() => listeners() === before);
  say('close', await outcome(writer.close()));
  say('close again', await outcome(writer.close()));
  say('write after close', await outcome(writer.write(chunk)));
}
{
  const say = trace('no reader waits for it');
  say('sent', (await caller.localParticipant.sendText('to nobody', { topic: 'none' })).topic);
  say(
    'twice registered',
    result(() => {
      agent.registerTextStreamHandler('once', () => {});
      agent.registerTextStreamHandler('once', () => {});
    }),
  );
  agent.unregisterTextStreamHandler('once');
}
{
  const say = trace('many texts');
  const texts = [];
  agent.registerTextStreamHandler(
    'many',
    async (reader, { identity }) => void texts.push([await reader.readAll(), identity]),
  );
  for (let at = 0; at < 30; at++) await caller.localParticipant.sendText(`text ${at}`, { topic: 'many' });
  await until(() => texts.length === 30);
  say(
    'arrived',
    texts.map(([text]) => text).toSorted((one, other) => one.slice(5) - other.slice(5)),
  );
  say('from', runs(texts.map(([, identity]) => identity)));
}
{
  const say = trace('in pieces');
  let done;
  const read = new Promise((resolve) => (done = resolve));
  agent.registerTextStreamHandler('pieces', async (reader) => {
    const pieces = [];
    for await (const piece of reader) pieces.push(piece);
    done(pieces);
  });
  const writer = await caller.localParticipant.streamText({ topic: 'pieces' });
  for (let i = 0; i < 20; i++) await writer.write(`${i},`);
  await writer.close();
  say('all', (await read).join(''));
}
{
  const say = trace('the sender leaves');
  let opened;
  const reading = new Promise((resolve) => {
    agent.registerByteStreamHandler('half', async (reader) => {
      opened?.();
      resolve(await outcome(reader.readAll()));
    });
  });
  const open = new Promise((resolve) => (opened = resolve));
  const writer = await caller.localParticipant.streamBytes({ topic: 'half', name: 'half' });
  await writer.write(chunk);
  await open;
  const gone = next(agent, RoomEvent.ParticipantDisconnected);
  await caller.disconnect();
  await gone;
  const how = await Promise.race([reading, until(() => !agent.isConnected).then(() => 'waits')].slice(0, 1));
  say('read', how.error ?? how.value.length);
  say('write', await outcome(writer.write(chunk)));
}
program('listeners', listeners() - before);
await agent.disconnect();
await sayLeftovers();
process.exit();
