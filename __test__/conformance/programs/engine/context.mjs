// AsyncLocalStorage: in which context a program's functions run, and go on after an await.
import { AsyncLocalStorage } from 'node:async_hooks';
import { AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack } from '../sound.mjs';
import { say, trace, until } from '../trace.mjs';

const storage = new AsyncLocalStorage();
const within = (name, call) => storage.run(name, call);
const here = () => storage.getStore() ?? 'none';
const { source, track } = openTrack();

await within('first', () => source.captureFrame(level(1)));
say('after an await outside', here());
for (const name of ['capture', 'another']) {
  await within(name, async () => {
    await source.captureFrame(level(1));
    say('goes on in', here());
  });
}
{
  const order = trace('at once');
  await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      within(name, async () => {
        for (let i = 0; i < 5; i++) await source.captureFrame(level(1));
        if (here() !== name) order('elsewhere', here());
      }),
    ),
  );
  order('done');
}
{
  const says = trace('stream');
  const stream = within('opens', () => new AudioStream(track));
  const seen = new Set();
  const reading = within('reads', async () => {
    let frames = 0;
    for await (const _ of stream) {
      seen.add(here());
      if (++frames === 5) break;
    }
  });
  for (let i = 0; i < 10; i++) {
    await within('plays', () => source.captureFrame(level(1)));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await reading;
  says('reads in', [...seen]);
  const reader = within('opens', () => new AudioStream(track)).getReader();
  const read = within('reads', () => reader.read().then(() => here()));
  await until(async () => {
    await source.captureFrame(level(1));
    return Promise.race([read.then(() => true), new Promise((resolve) => setTimeout(resolve, 20, false))]);
  });
  says('then in', await read);
  await reader.cancel();
}
{
  const says = trace('waitForPlayout');
  const queued = openTrack({ queueMs: 500 });
  await within('plays', () => queued.source.captureFrame(level(1, { ms: 100 })));
  await within('waits', async () => {
    await queued.source.waitForPlayout();
    says('goes on in', here());
  });
  await queued.track.close();
}
await track.close();
await sayLeftovers();
process.exit();
