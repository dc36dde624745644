import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Rtc from '@livekit/rtc-node';
import { WavWriter } from '../../../wav-writer.js';
import { signedToken } from '../../record/access.js';
import type { Reading } from '../../shared/meters.js';
import { makeFolder } from '../../shared/output-file.js';
import { Recording } from '../recording.js';
import { readRecording } from '../../shared/wav-reader.js';
import { VoiceMeter, type VoiceSoFar } from '../agent/voice.js';
import type { Client } from '../messages.js';
import { AGENT, type Participant } from '../participants.js';
import type { MeetingResult, ParticipantResult } from '../result.js';
import type { RunOptions } from '../run.js';
import { paceFor, Tracks } from '../tracks.js';
import type { AgentsPart } from './find.js';
import { JobLink } from './job-link.js';
import { ORDER, type FromJob, type JobOrder } from './order.js';

/** What of `@livekit/agents` is used. */
interface Agents {
  initializeLogger(options: object): void;
  readonly ServerOptions: new (options: object) => object;
  readonly AgentServer: new (options: object) => {
    readonly event: { once(name: 'worker_registered', listener: () => void): void };
    run(): Promise<void>;
  };
}

/** Files that a job needs. */
export interface JobFiles {
  /** The job's program. */
  readonly job: string;
  /** URL of `narrowcast/livekit/register`. */
  readonly register: string;
}

/** Opus makes of silence something that is no louder than this. */
const SILENT = 48;

/** How long a process of agents may take to load, in ms. */
const INITIALIZE_LIMIT_MS = 120_000;

/** How long what the agent said last may be on its way, in ms. */
const ON_ITS_WAY_MS = 700;

/**
 * An agent's meeting in a room on a LiveKit server. The agent is a job of `@livekit/agents`, in a process of its own. This process is
 * its worker, and all callers, on plain rtc-node whatever the agent is on: they talk, and record what they hear of the agent.
 */
export class RoomRun {
  readonly #options: RunOptions;
  readonly #agents: AgentsPart;
  readonly #rtc: typeof Rtc;
  readonly #job: JobLink;
  readonly #rooms: Rtc.Room[] = [];
  readonly #voice: VoiceMeter;
  readonly #tracks: Tracks;
  #recording: Recording | undefined;
  #recorded: Promise<void> | undefined;
  #progress: (FromJob & { kind: 'progress' }) | undefined;
  #leave!: () => void;
  readonly #left = new Promise<void>((resolve) => (this.#leave = resolve));

  /** @param sampled is told about once a second that there are new figures */
  constructor(options: RunOptions, agents: AgentsPart, sampled: () => void) {
    this.#options = options;
    this.#agents = agents;
    this.#rtc = createRequire(agents.module)('@livekit/rtc-node') as typeof Rtc;
    this.#tracks = new Tracks(this.#rtc, this.#rtc.AudioSource, options.sampleRate, paceFor(0));
    this.#voice = new VoiceMeter(options.sampleRate, SILENT);
    this.#job = new JobLink((progress) => {
      this.#progress = progress;
      sampled();
    });
  }

  /** Resolves when the job hears all callers. @throws {Error} it does not come to that */
  async open(participants: readonly Participant[], client: Client, files: JobFiles): Promise<void> {
    const { out, sampleRate } = this.#options;
    await makeFolder(out);
    this.#recording = new Recording(await WavWriter.create(join(out, `${AGENT}.wav`), { sampleRate }), (data) =>
      this.#voice.add(data),
    );
    const name = `narrowcast-meeting-${process.pid}`;
    await this.#startWorker(name, client, files);
    const callers = participants.slice(0, -1);
    const tracks = this.#tracks.open(callers);
    for (const [at, { identity }] of callers.entries()) await this.#join(name, identity, tracks[at]!);
    const { client: found } = await this.#job.until('ready');
    if (found !== client) throw new Error(`the job of @livekit/agents uses the classes of ${found}`);
  }

  /** @param at when it begins, in ms since 1970 */
  async hold(participants: readonly Participant[], at: number): Promise<MeetingResult> {
    const { seconds, sampleRate } = this.#options;
    this.#job.tell({ kind: 'begin', at });
    await sleep(Math.max(0, at - Date.now()));
    // Longer than the agent listens: it ends what they say.
    const talking = this.#tracks.play((seconds + 60) * sampleRate);
    talking.catch(() => {});
    const { measured, heard, spokenMs } = await this.#job.until('result');
    this.#tracks.silence();
    await sleep(ON_ITS_WAY_MS);
    this.#leave();
    await this.#recorded;
    await this.#recording!.close();
    this.#job.close();

    const voice = new VoiceMeter(sampleRate, SILENT);
    voice.add(await readRecording(this.#recording!.path, sampleRate));
    const whole = voice.whole();
    const callers = heard.map(({ frames, missingMs }, caller): ParticipantResult => ({
      identity: participants[caller]!.identity,
      samplesPlayed: seconds * sampleRate,
      framesReceived: frames,
      framesDropped: null,
      samplesLost: (missingMs / 1000) * sampleRate,
      intact: missingMs === 0,
    }));
    const agent: ParticipantResult = {
      identity: AGENT,
      samplesPlayed: (spokenMs / 1000) * sampleRate,
      framesReceived: this.#recording!.frames,
      framesDropped: null,
      samplesLost: 0,
      intact: whole.gaps === 0,
    };
    return { ...measured, participants: [...callers, agent], voice: whole };
  }

  stop(): void {
    this.#job.tell({ kind: 'stop' });
  }

  get frames(): number {
    return this.#progress?.frames ?? 0;
  }

  /** Known once there was progress. */
  reading(): Reading {
    return this.#progress!.reading;
  }

  voice(): VoiceSoFar {
    return this.#voice.soFar();
  }

  /** Resolves when rooms with an agent of this name get one. */
  async #startWorker(name: string, client: Client, { job, register }: JobFiles): Promise<void> {
    const { module, url, key, secret } = this.#agents;
    const order: JobOrder = { module, port: await this.#job.listen(), options: this.#options };
    process.env[ORDER] = JSON.stringify(order);
    // Jobs are forked with both.
    process.env['NARROWCAST_SPEECH_BUFFER_MS'] = String(this.#options.agent!.speechBufferMs);
    if (client === 'narrowcast') process.execArgv.push('--import', register);
    const { AgentServer, ServerOptions, initializeLogger } = createRequire(module)(module) as Agents;
    initializeLogger({ pretty: false, level: 'error' });
    const server = new AgentServer(
      new ServerOptions({
        agent: job,
        agentName: name,
        wsURL: url,
        apiKey: key,
        apiSecret: secret,
        // Its health check would be on all interfaces.
        host: '127.0.0.1',
        initializeProcessTimeout: INITIALIZE_LIMIT_MS,
      }),
    );
    await new Promise<void>((resolve, reject) => {
      server.event.once('worker_registered', resolve);
      server.run().catch((error: Error) => {
        reject(error);
        this.#job.fail(error);
      });
    });
  }

  /** A caller comes in, and publishes. The first one brings the agent, and listens to it. */
  async #join(name: string, identity: string, track: Rtc.LocalAudioTrack): Promise<void> {
    const { Room, RoomEvent, TrackPublishOptions, TrackSource } = this.#rtc;
    const room = new Room();
    const first = this.#rooms.length === 0;
    this.#rooms.push(room);
    if (first) {
      room.on(RoomEvent.TrackPublished, (publication, { identity: from }) => {
        if (!from.startsWith('caller-')) publication.setSubscribed(true);
      });
      room.on(RoomEvent.TrackSubscribed, (agent) => {
        this.#recorded ??= this.#recording!.record(this.#heard(agent as Rtc.RemoteAudioTrack));
        this.#recorded.catch((error: Error) => this.#job.fail(error));
      });
    }
    const claims = {
      video: { room: name, roomJoin: true },
      ...(first && { roomConfig: { agents: [{ agentName: name }] } }),
    };
    await room.connect(this.#agents.url, signedToken(this.#agents, identity, claims), {
      autoSubscribe: false,
      dynacast: false,
    });
    await room.localParticipant!.publishTrack(
      track,
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
  }

  /** What is heard of the agent until the callers leave. */
  async *#heard(track: Rtc.RemoteAudioTrack): AsyncGenerator<Rtc.AudioFrame> {
    const { sampleRate } = this.#options;
    const reader = new this.#rtc.AudioStream(track, { sampleRate, numChannels: 1, frameSizeMs: 10 }).getReader();
    for (;;) {
      const next = await Promise.race([reader.read(), this.#left]);
      if (!next || next.done) return;
      yield next.value;
    }
  }
}
