// A job of `@livekit/agents` in an agent's meeting: a session listens to each caller, and the first one speaks. In agents' own job
// process, plain or under `narrowcast/livekit/register`; room-run.ts tells it what to do over a socket.
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { Meters } from '../../shared/meters.js';
import { Sampler } from '../../shared/sampler.js';
import { AGENT_PACE, gather, type Participant } from '../participants.js';
import { Stall } from '../stall.js';
import { ORDER, type FromJob, type Heard, type JobOrder, type ToJob } from './order.js';

/** What of `@livekit/agents` is used. */
interface Agents {
  readonly AutoSubscribe: { readonly AUDIO_ONLY: number };
  readonly stt: {
    readonly STT: new (capabilities: object) => object;
    readonly SpeechStream: new (owner: object, sampleRate: number) => { readonly input: AsyncIterable<Frame | symbol> };
  };
  readonly voice: {
    readonly Agent: new (options: object) => object;
    readonly AgentSession: new (options: object) => {
      start(options: object): Promise<void>;
      say(text: string, options: object): { waitForPlayout(): Promise<void> };
    };
  };
  defineAgent(agent: { entry: (context: JobContext) => Promise<void> }): object;
}
interface JobContext {
  connect(e2ee: undefined, autoSubscribe: number): Promise<void>;
  readonly room: {
    registerByteStreamHandler(...given: unknown[]): void;
    unregisterByteStreamHandler(): void;
  };
  shutdown(reason: string): void;
}
interface Frame {
  data: Int16Array;
  readonly samplesPerChannel: number;
  readonly sampleRate: number;
}

/** How long the callers may take to be heard, in ms. */
const HEARD_LIMIT_MS = 60_000;

/** How long the thread is watched before the agent speaks, in ms. */
const IDLE_MS = 1000;

/** How long what has not come yet is waited for in the end, in ms: what is late is not lost. */
const BACKLOG_MS = 5000;

/** What is not heard by less than this may have come in the same moment, in ms. */
const UNCLEAR_MS = 60;

/** How loud the noise is that is put under the agent's words, so that its pauses are not silent: Opus changes each sample. */
const NOISE = 400;

const { module, port, options } = JSON.parse(process.env[ORDER]!) as JobOrder;
const fromAgents = createRequire(module);
const agents = fromAgents(module) as Agents;
const { AudioFrame, AudioStream, TrackPublishOptions, TrackSource } = fromAgents('@livekit/rtc-node') as {
  AudioFrame: { create(sampleRate: number, channels: number, samples: number): Frame };
  AudioStream: new (...given: never[]) => object;
  TrackPublishOptions: new (options: object) => object;
  TrackSource: { readonly SOURCE_MICROPHONE: number };
};

// The meeting's process is gone, and agents would wait for it for 15 s.
process.once('disconnect', () => process.exit());

/** How much audio of each caller came to the speech-to-text, in ms. */
const heardMs = new Array<number>(options.participants).fill(0);

/** The same of all, in frames of 10 ms: those that come have other lengths on each side. */
const frames = () => Math.round(heardMs.reduce((sum, ms) => sum + ms, 0) / 10);

/** A speech-to-text that counts. */
class CountingStream extends agents.stt.SpeechStream {
  label = 'narrowcast.CountingStream';

  constructor(
    owner: object,
    private readonly caller: number,
  ) {
    super(owner, options.sampleRate);
  }

  async run(): Promise<void> {
    for await (const frame of this.input) {
      if (typeof frame !== 'symbol') heardMs[this.caller]! += (frame.samplesPerChannel / frame.sampleRate) * 1000;
    }
  }
}

class CountingSTT extends agents.stt.STT {
  label = 'narrowcast.CountingSTT';

  constructor(private readonly caller: number) {
    super({ streaming: true, interimResults: false });
  }

  stream(): CountingStream {
    return new CountingStream(this, this.caller);
  }
}

export default agents.defineAgent({
  async entry(context) {
    const socket = connect(port, '127.0.0.1');
    socket.once('close', () => process.exit());
    const tell = (message: FromJob) => void socket.write(`${JSON.stringify(message)}\n`);
    let begin!: (at: number) => void;
    const begun = new Promise<number>((resolve) => (begin = resolve));
    const stopped = new AbortController();
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line) as ToJob;
      if (message.kind === 'begin') begin(message.at);
      else stopped.abort();
    });
    try {
      const participants = await gather(options);
      await context.connect(undefined, agents.AutoSubscribe.AUDIO_ONLY);
      const session = await startSessions(context, participants.slice(0, -1));
      for (const limit = Date.now() + HEARD_LIMIT_MS; !heardMs.every((ms) => ms > 200); await sleep(50)) {
        if (Date.now() > limit) throw new Error(`the agent did not hear all callers within ${HEARD_LIMIT_MS / 1000} s`);
      }
      // narrowcast's streams have statistics.
      tell({ kind: 'ready', client: 'stats' in AudioStream.prototype ? 'narrowcast' : 'rtc-node' });
      await speak(session, participants.at(-1)!, await begun, stopped.signal, tell);
    } catch (error) {
      tell({ kind: 'failed', reason: (error as Error).message });
    }
  },
});

type Session = InstanceType<Agents['voice']['AgentSession']>;

/** A session for each caller. @returns the first one, which speaks */
async function startSessions({ room }: JobContext, callers: readonly Participant[]): Promise<Session> {
  // Each session registers a handler of the same name, and a room takes one: the first session's is enough.
  const register = room.registerByteStreamHandler.bind(room);
  room.registerByteStreamHandler = (...given) => {
    register(...given);
    room.registerByteStreamHandler = () => {};
  };
  room.unregisterByteStreamHandler = () => {};
  const sessions: Session[] = [];
  for (const [at, { identity }] of callers.entries()) {
    const session = new agents.voice.AgentSession({ stt: new CountingSTT(at), turnDetection: 'manual' });
    await session.start({
      agent: new agents.voice.Agent({ instructions: 'none' }),
      room,
      record: false,
      inputOptions: { participantIdentity: identity, textEnabled: false },
      outputOptions: {
        audioEnabled: at === 0,
        transcriptionEnabled: false,
        audioSampleRate: options.sampleRate,
        queueSizeMs: options.agent!.queueMs,
        // Silence is sent, too, so that a gap is heard as one.
        audioPublishOptions: new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, dtx: false }),
      },
    });
    sessions.push(session);
  }
  return sessions[0]!;
}

/** Speaks as long as the meeting is, and says what that cost and what was heard meanwhile. */
async function speak(
  session: Session,
  { pcm }: Participant,
  at: number,
  stopped: AbortSignal,
  tell: (message: FromJob) => void,
): Promise<void> {
  const { seconds, stall: stallMs, stallAt = 0, sampleRate } = options;
  const origin = at - performance.timeOrigin;
  const meters = new Meters();
  const sampler = new Sampler(meters, frames, {
    origin,
    warmUp: seconds >= 3,
    onSample: () => tell({ kind: 'progress', frames: frames(), reading: meters.read(frames()) }),
  });
  await sleep(Math.max(0, origin - performance.now()));
  await meters.idle(Math.max(0, origin + IDLE_MS - performance.now()));
  const before = [...heardMs];
  const since = performance.now();
  sampler.start();
  const stall = new Stall(stallMs, (block) => meters.apart(block));
  stall.start(origin + stallAt);
  const words = new Words(pcm, Math.round(seconds * sampleRate), stopped);
  await session.say('what the callers hear', { audio: words.stream, allowInterruptions: false }).waitForPlayout();
  sampler.stop();
  stall.stop();
  const missing = () => heardMs.map((now, caller) => performance.now() - since - (now - before[caller]!));
  for (const limit = Date.now() + BACKLOG_MS; Date.now() < limit; await sleep(50)) {
    if (missing().every((ms) => ms < UNCLEAR_MS)) break;
  }
  const heard = missing().map((ms, caller): Heard => ({
    frames: Math.round((heardMs[caller]! - before[caller]!) / 10),
    missingMs: ms < UNCLEAR_MS ? 0 : Math.round(ms),
  }));
  const measured = { ...meters.read(frames()), events: null, samples: sampler.samples };
  tell({ kind: 'result', measured, heard, spokenMs: (words.taken / sampleRate) * 1000 });
}

/** What the agent says, as a synthesizer would give it: faster than it is heard. */
class Words {
  /** Samples that agents took. */
  taken = 0;
  readonly stream: ReadableStream<Frame>;

  constructor(pcm: Int16Array, samples: number, stopped: AbortSignal) {
    const { sampleRate } = options;
    let seed = 1;
    this.stream = new ReadableStream<Frame>(
      {
        pull: (controller) => {
          const left = samples - this.taken;
          if (left <= 0 || stopped.aborted) return controller.close();
          const frame = AudioFrame.create(sampleRate, 1, Math.min(left, (sampleRate / 1000) * AGENT_PACE.pieceMs));
          for (let n = 0; n < frame.samplesPerChannel; n++) {
            // The generator of Numerical Recipes.
            seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
            const sample = pcm[(this.taken + n) % pcm.length]! + (seed / 2 ** 31) * NOISE;
            frame.data[n] = Math.max(-32_768, Math.min(32_767, sample));
          }
          this.taken += frame.samplesPerChannel;
          controller.enqueue(frame);
        },
      },
      { highWaterMark: 0 },
    );
  }
}
