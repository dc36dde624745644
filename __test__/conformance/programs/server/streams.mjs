// Text streams and byte streams, whole and in pieces.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sayLeftovers } from '../leftovers.mjs';
import { meet } from '../rooms.mjs';
import { say } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const digest = (data) => createHash('sha256').update(data).digest('hex').slice(0, 16);
/** What comes on `topic`, one after the other. */
function incoming(register, topic, read) {
  const waiting = [];
  const come = [];
  register(topic, async (reader, { identity }) => {
    const item = [identity, await read(reader)];
    const first = waiting.shift();
    if (first) first(item);
    else come.push(item);
  });
  return () => (come.length > 0 ? Promise.resolve(come.shift()) : new Promise((resolve) => waiting.push(resolve)));
}

const texts = incoming(agent.registerTextStreamHandler.bind(agent), 'chat', async (reader) => {
  const { topic, attributes, mimeType } = reader.info;
  return [await reader.readAll(), topic, attributes ?? {}, mimeType];
});
await caller.localParticipant.sendText('all at once', { topic: 'chat', attributes: { mood: 'calm' } });
say('text', await texts());

const writer = await caller.localParticipant.streamText({ topic: 'chat', destinationIdentities: ['agent'] });
for (const word of ['word ', 'by ', 'word', ' – ünïcödé 🎧']) await writer.write(word);
await writer.close();
say('pieces', await texts());

const long = 'narrowcast '.repeat(20_000);
await caller.localParticipant.sendText(long, { topic: 'chat' });
const [, [received]] = await texts();
say('long', [received.length, received === long]);

const files = incoming(agent.registerByteStreamHandler.bind(agent), 'files', async (reader) => {
  const { name, mimeType, totalSize } = reader.info;
  const chunks = [];
  for await (const chunk of reader) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return [name, mimeType, Number(totalSize ?? 0), bytes.length, digest(bytes)];
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-'));
const file = path.join(folder, 'some.bin');
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));
fs.writeFileSync(file, content);
await caller.localParticipant.sendFile(file, {
  topic: 'files',
  name: 'some.bin',
  mimeType: 'application/octet-stream',
});
const [from, arrived] = await files();
say('file', [from, ...arrived.slice(0, -1), arrived.at(-1) === digest(content)]);
fs.rmSync(folder, { recursive: true });

const bytes = await caller.localParticipant.streamBytes({ name: 'live', topic: 'files' });
for (let i = 0; i < 5; i++) await bytes.write(new Uint8Array(1000).fill(i));
await bytes.close();
say('bytes', await files());
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
