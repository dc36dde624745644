// How a process that is in a room ends, in each way in which one can. What is started inherits the flags of this one.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AudioSource, AudioStream, dispose, RoomEvent } from '@livekit/rtc-node';
import { join, publishTone, rooms } from '../rooms.mjs';
import { trace } from '../trace.mjs';

const endings = {
  exit: () => process.exit(),
  throw: () => {
    setImmediate(() => {
      throw new Error('thrown');
    });
  },
  'throw in a listener': ({ room }) => {
    room.on(RoomEvent.ActiveSpeakersChanged, () => {
      throw new Error('thrown');
    });
    room.emit(RoomEvent.ActiveSpeakersChanged, []);
  },
  'unhandled rejection': () => void Promise.reject(new Error('rejected')),
  'leave and exit': async ({ room }) => {
    await room.disconnect();
    process.exit();
  },
  'leave and dispose': async ({ room, tone }) => {
    await tone.stop();
    await room.disconnect();
    dispose();
  },
};

const [, who, ending] = process.argv.slice(2);
if (ending) {
  process.on('exit', (code) => console.log(`exit ${code}`));
  const room = await join(who);
  const tone = await publishTone(room, 440);
  const stream = new AudioStream(tone.track, 16_000);
  void stream.getReader().read();
  await endings[ending]({ room, tone });
} else {
  const script = fileURLToPath(import.meta.url);
  const ways = Object.keys(endings);
  const run = async (how, who) => {
    const say = trace(how);
    const args = [...process.execArgv, script, process.argv[2], who, how];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TRACE_FD: '2' },
      timeout: 60_000, // one that does not end by itself
    });
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    say('ended', await new Promise((resolve) => child.on('close', (...ended) => resolve(ended))));
    say('said', said.trim());
  };
  // Each participant is in the room once.
  const next = async (who) => {
    for (let how = ways.shift(); how; how = ways.shift()) await run(how, who);
  };
  await Promise.all(Object.keys(rooms[0].tokens).map(next));
  new AudioSource(48_000, 1, 0);
  process.exit();
}
