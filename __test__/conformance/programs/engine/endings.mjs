// How a process ends, in each way in which one can: its status, and what it could still say. What is started inherits the
// flags of this one, as with fork().
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AudioSource, AudioStream, dispose } from '@livekit/rtc-node';
import { level, openTrack } from '../sound.mjs';
import { trace } from '../trace.mjs';

/** By what is there when it ends: nothing, something that was used and closed, or something that is at work. */
const states = {
  async closed() {
    const { source, track } = openTrack();
    const stream = new AudioStream(track);
    await source.captureFrame(level(1));
    await stream.cancel();
    await track.close();
  },
  async open() {
    const { source, track } = openTrack();
    const stream = new AudioStream(track);
    const reader = stream.getReader();
    await source.captureFrame(level(1));
    await reader.read();
    void reader.read(); // waits in the end
    return { source, track, stream };
  },
};
const endings = {
  exit: () => process.exit(),
  'exit with 3': () => process.exit(3),
  'exitCode 4 and exit': () => {
    process.exitCode = 4;
    process.exit();
  },
  throw: () => {
    setImmediate(() => {
      throw new Error('thrown');
    });
  },
  'unhandled rejection': () => void Promise.reject(new Error('rejected')),
  'throw in an answer': () =>
    void new AudioSource(48_000, 1, 0).captureFrame(level(1)).then(() =>
      setTimeout(() => {
        throw new Error('thrown');
      }),
    ),
  signal: () => process.kill(process.pid, 'SIGTERM'),
  'dispose and exit': () => {
    dispose();
    process.exit();
  },
  'dispose and nothing more': () => dispose(),
};

const [state, ending] = process.argv.slice(3);
if (state) {
  process.on('exit', (code) => console.log(`exit ${code}`));
  globalThis.kept = await states[state](); // until the process ends
  endings[ending]();
} else {
  const script = fileURLToPath(import.meta.url);
  const cases = Object.keys(states).flatMap((of) => Object.keys(endings).map((how) => [of, how]));
  const run = async ([of, how]) => {
    const say = trace(`${of}: ${how}`);
    const args = ['--expose-gc', ...process.execArgv.filter((flag) => flag !== '--expose-gc'), script, 'null', of, how];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TRACE_FD: '2' },
      timeout: 30_000, // one that does not end by itself
    });
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    const ended = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    say('ended', ended);
    say('said', said.trim());
  };
  // Few at a time: each is a process with an engine.
  const next = async () => {
    for (let one = cases.shift(); one; one = cases.shift()) await run(one);
  };
  await Promise.all([next(), next(), next()]);
  new AudioSource(48_000, 1, 0);
  process.exit();
}
