// Two workers, eight rooms: LiveKit's own dispatch shares them out. Everything runs on this machine.
//
//   npm install && npm start
//
// With LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET it uses that server; else it starts one, from narrowcast's
// checkout.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AccessToken, AgentDispatchClient, RoomServiceClient } from 'livekit-server-sdk';

process.env['NODE_ENV'] ??= 'production'; // rtc-node logs less
const { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } =
  await import('@livekit/rtc-node');

const WORKERS = 2;
const ROOMS = 8;
/** Frames of 10 ms that each room is to be heard for. */
const FRAMES = 500;
/** How long each agent may take. */
const LIMIT_MS = 120_000;
const RATE = 48_000;

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const endings = [];

try {
  await demonstrate();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  for (const end of endings.toReversed()) await end();
  process.exit();
}

async function demonstrate() {
  const { url, apiKey, apiSecret } = await findServer();
  const heard = new Map();
  console.log(`starting ${WORKERS} workers …`);
  const numbers = Array.from({ length: WORKERS }, (_, at) => at + 1);
  await Promise.all(numbers.map((worker) => startWorker(worker, { url, apiKey, apiSecret }, heard)));

  const api = url.replace(/^ws/, 'http');
  const patient = { requestTimeout: 60 }; // s: everything is on one machine, and starts at once
  const service = new RoomServiceClient(api, apiKey, apiSecret, patient);
  const dispatch = new AgentDispatchClient(api, apiKey, apiSecret, patient);
  const rooms = Array.from({ length: ROOMS }, (_, at) => `room-${at + 1}-${process.pid}`);
  endings.push(async () => void (await Promise.allSettled(rooms.map((room) => service.deleteRoom(room)))));
  console.log(`dispatching ${ROOMS} rooms …`);
  for (const room of rooms) {
    await dispatch.createDispatch(room, 'level-meter');
    await speak(url, room, apiKey, apiSecret);
    // One after the other: a machine that starts eight agents at once makes LiveKit wait too long for one of them.
    await heardFor(heard, room, 1);
  }
  for (const room of rooms) await heardFor(heard, room, FRAMES);

  console.table(
    Object.fromEntries(
      rooms.map((room) => {
        const { worker, pid, frames, level, counted } = heard.get(room);
        const stream = counted ? `narrowcast, ${counted.framesDropped} dropped` : 'rtc-node';
        return [room, { worker, 'job process': pid, 'frames heard': frames, level: `${level.toFixed(1)} dB`, stream }];
      }),
    ),
  );
  const reports = [...heard.values()];
  for (const worker of numbers) {
    console.log(`worker ${worker}: ${reports.filter((report) => report.worker === worker).length} rooms`);
  }
  const idle = numbers.filter((worker) => !reports.some((report) => report.worker === worker));
  if (idle.length > 0) throw new Error(`worker ${idle.join(', ')} had nothing to do`);
  if (reports.some(({ counted }) => counted === null)) throw new Error('a job process was without narrowcast');
}

/** The one that is given, or one of this machine's own. */
async function findServer() {
  const { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } = process.env;
  if (url) return { url, apiKey, apiSecret };
  const options = { stdio: ['pipe', 'pipe', 'inherit'] };
  const program = here('../../scripts/livekit-server.mjs');
  const child = spawn(process.execPath, [program, '--json', '--with-stdin'], options);
  const exit = once(child, 'exit');
  endings.push(async () => {
    child.stdin.end();
    await exit;
  });
  const ended = exit.then(() => Promise.reject(new Error('the server did not start')));
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  ended.catch(() => {});
  return JSON.parse(line);
}

/** Resolves when LiveKit knows it. What its jobs report goes into `heard`, by room. */
async function startWorker(worker, { url, apiKey, apiSecret }, heard) {
  const child = spawn(process.execPath, ['--import', 'narrowcast/livekit/register', 'worker.mjs'], {
    cwd: here('.'),
    env: {
      ...process.env,
      WORKER: String(worker),
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  endings.push(async () => {
    child.kill('SIGTERM');
    await exit;
  });
  await new Promise((resolve, reject) => {
    exit.then(() => reject(new Error(`worker ${worker} ended`)), reject);
    createInterface(child.stdout).on('line', (line) => {
      // Others log to the same output.
      if (!line.startsWith('{')) return;
      const report = JSON.parse(line);
      if (report.registered) resolve();
      else if (report.room) heard.set(report.room, report);
    });
  });
}

/** A caller enters the room, and plays a tone until this process ends. */
async function speak(url, name, apiKey, apiSecret) {
  const access = new AccessToken(apiKey, apiSecret, { identity: 'speaker' });
  access.addGrant({ roomJoin: true, room: name });
  const room = new Room();
  await room.connect(url, await access.toJwt(), { autoSubscribe: false, dynacast: false });
  const source = new AudioSource(RATE, 1);
  const track = LocalAudioTrack.createAudioTrack('tone', source);
  await room.localParticipant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
  const samples = RATE / 10;
  const tone = Int16Array.from({ length: samples }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * i) / RATE));
  const playing = new AbortController();
  endings.push(async () => playing.abort());
  void (async () => {
    while (!playing.signal.aborted) await source.captureFrame(new AudioFrame(tone.slice(), RATE, 1, samples));
  })().catch(() => {});
}

/** Resolves when the agent in `room` has heard so many frames. */
async function heardFor(heard, room, frames) {
  for (const end = Date.now() + LIMIT_MS; !(heard.get(room)?.frames >= frames);) {
    if (Date.now() > end) throw new Error(`no agent heard ${frames} frames in ${room} within ${LIMIT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
