// One job: an AgentSession for each of SPEAKERS participants, with a speech-to-text that only counts and the VAD that agents
// starts by default. Says in the folder DIR that it hears all of them, and waits there for the other job; then measures for
// SECONDS what that costs, and writes it. With no speakers: what a job costs that has nothing to hear.

import fs from 'node:fs';
import inspector from 'node:inspector';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as agents from '@livekit/agents';
import { AutoSubscribe, defineAgent, stt, voice } from '@livekit/agents';
import { AudioStream } from '@livekit/rtc-node';

const { DIR, SIDE, PROFILE, VAD } = process.env;
const [SPEAKERS, SECONDS] = [Number(process.env.SPEAKERS), Number(process.env.SECONDS)];
const HEARD_MS = 60_000;
const SETTLE_MS = 3000;

/** Of each speaker: frames, and ms of audio, that came to the speech-to-text. */
const heard = new Map();

class CountingStream extends stt.SpeechStream {
  label = 'counting.SpeechStream';

  constructor(owner, speaker) {
    super(owner, 16_000);
    this.speaker = speaker;
  }

  async run() {
    for await (const frame of this.input) {
      if (typeof frame === 'symbol') continue;
      const { frames = 0, ms = 0 } = heard.get(this.speaker) ?? {};
      heard.set(this.speaker, { frames: frames + 1, ms: ms + (frame.samplesPerChannel / frame.sampleRate) * 1000 });
    }
  }
}

class CountingSTT extends stt.STT {
  label = 'counting.STT';

  constructor(speaker) {
    super({ streaming: true, interimResults: false });
    this.speaker = speaker;
  }

  stream() {
    return new CountingStream(this, this.speaker);
  }

  async _recognize() {
    throw new Error('it streams');
  }
}

async function startSessions(ctx) {
  // Each session registers a handler of the same name, and a room takes one: the first session's is enough.
  const register = ctx.room.registerByteStreamHandler.bind(ctx.room);
  let registered = false;
  ctx.room.registerByteStreamHandler = (...given) => {
    if (!registered) register(...given);
    registered = true;
  };
  ctx.room.unregisterByteStreamHandler = () => {};
  // Otherwise agents makes its own.
  const vad = SIDE === 'ours' && VAD === 'narrowcast' && { vad: (await import('narrowcast/agents')).createVad(agents) };
  for (let n = 1; n <= SPEAKERS; n++) {
    const speaker = `speaker ${n}`;
    const session = new voice.AgentSession({ stt: new CountingSTT(speaker), turnDetection: 'manual', ...vad });
    await session.start({
      agent: new voice.Agent({ instructions: 'none' }),
      room: ctx.room,
      record: false,
      inputOptions: { participantIdentity: speaker, textEnabled: false },
      outputOptions: { audioEnabled: false, transcriptionEnabled: false },
    });
  }
}

async function until(condition, what) {
  for (const end = Date.now() + HEARD_MS; !condition(); await sleep(50)) {
    if (Date.now() > end) throw new Error(`waited ${HEARD_MS / 1000} s in vain until ${what}`);
  }
}

/** The main thread, as Linux counts it: its processor time in µs, and how often it went to sleep, and so was woken. */
function mainThread() {
  const task = `/proc/self/task/${process.pid}`;
  const us = Number(fs.readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  const [, wakes] = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(fs.readFileSync(`${task}/status`, 'utf8'));
  return { us, wakes: Number(wakes) };
}

const total = (what) => [...heard.values()].reduce((sum, each) => sum + each[what], 0);

async function measure() {
  const before = { frames: total('frames'), ms: total('ms'), ...mainThread() };
  const [cpu, elu, at] = [process.cpuUsage(), performance.eventLoopUtilization(), performance.now()];
  const rss = [];
  for (let n = 0; n < SECONDS; n++) {
    await sleep(1000);
    rss.push(process.memoryUsage.rss());
  }
  const ms = performance.now() - at;
  const { user, system } = process.cpuUsage(cpu);
  const after = mainThread();
  const mainUs = after.us - before.us;
  return {
    mainPercent: mainUs / ms / 10,
    usPer10ms: mainUs / ((total('ms') - before.ms) / 10),
    wakesPerSecond: ((after.wakes - before.wakes) / ms) * 1000,
    elu: performance.eventLoopUtilization(elu).utilization * 100,
    cpuPercent: (user + system) / ms / 10,
    rssMb: rss.toSorted((a, b) => a - b)[rss.length >> 1] / 1e6,
    framesPerSecond: ((total('frames') - before.frames) / ms) * 1000,
    heardPercent: SPEAKERS === 0 ? 100 : ((total('ms') - before.ms) / ms / SPEAKERS) * 100,
    narrowcast: 'stats' in AudioStream.prototype,
  };
}

/** Measures under V8's profiler, which costs time of its own. */
async function profiled(file) {
  const session = new inspector.Session();
  session.connect();
  const post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result))),
    );
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: 500 });
  await post('Profiler.start');
  const measured = await measure();
  const { profile } = await post('Profiler.stop');
  fs.writeFileSync(file, JSON.stringify(profile));
  return measured;
}

/** Whole, or not there: the process that waits for it may read it at any time. */
function write(name, content) {
  fs.writeFileSync(path.join(DIR, `${name}.part`), JSON.stringify(content));
  fs.renameSync(path.join(DIR, `${name}.part`), path.join(DIR, name));
}

export default defineAgent({
  entry: async (ctx) => {
    try {
      await ctx.connect(undefined, AutoSubscribe.AUDIO_ONLY);
      if (SPEAKERS > 0) await startSessions(ctx);
      await until(() => heard.size === SPEAKERS && [...heard.values()].every(({ ms }) => ms > 1000), 'all are heard');
      write(`${SIDE}.ready`, {});
      await until(() => fs.existsSync(path.join(DIR, 'go')), 'the other job is ready');
      await sleep(SETTLE_MS);
      write(`${SIDE}.json`, PROFILE ? await profiled(PROFILE) : await measure());
    } catch (error) {
      write(`${SIDE}.json`, { error: String(error?.stack ?? error) });
    }
    ctx.shutdown('measured');
  },
});
