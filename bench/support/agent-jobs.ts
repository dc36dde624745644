import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AgentDispatchClient, RoomServiceClient } from 'livekit-server-sdk';
import type { LivekitServer } from '../../__test__/support/livekit-server.js';
import { Publishers } from './publishers.js';

/** What one job measured of itself: see bench/agent/job.mjs. */
export interface JobCost {
  /** Processor time of the main thread, in % of one core, and in µs for each 10 ms that it heard of one speaker. */
  readonly mainPercent: number;
  readonly usPer10ms: number;
  /** How often the main thread went to sleep in a second, and so was woken. */
  readonly wakesPerSecond: number;
  /** Event-loop utilisation, and processor time of the whole process, in %. */
  readonly elu: number;
  readonly cpuPercent: number;
  readonly rssMb: number;
  /** Frames that came to all speech-to-texts in a second. */
  readonly framesPerSecond: number;
  /** Of what was said meanwhile, what came to the speech-to-texts, in %. */
  readonly heardPercent: number;
  /** Whether its streams are narrowcast's. */
  readonly narrowcast: boolean;
}

/** What two jobs in one room measured in the same seconds. */
export interface JobPair {
  readonly peer: JobCost;
  readonly ours: JobCost;
}

/** What a pair of jobs hears, and how. */
export interface JobOptions {
  readonly speakers: number;
  /** What narrowcast's job has as `NARROWCAST_FRAME_MS`. */
  readonly frameMs: number;
  readonly seconds: number;
  /** A folder for V8's profiles of both: `peer.cpuprofile`, `ours.cpuprofile`. */
  readonly profiles?: string | undefined;
}

type Side = keyof JobPair;
const SIDES: readonly Side[] = ['peer', 'ours'];
const LIMIT_MS = 120_000;

/** The project in which jobs run; `@livekit/agents` is installed the first time. */
export function agentProject(): string {
  const program = fileURLToPath(new URL('../agent/install.mjs', import.meta.url));
  return execFileSync(process.execPath, [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** Has two jobs hear the same room: one with rtc-node alone, one under `narrowcast/livekit/register`. */
export class AgentJobs {
  readonly #server: LivekitServer;
  readonly #project: string;
  #rooms = 0;

  constructor(server: LivekitServer, project: string) {
    this.#server = server;
    this.#project = project;
  }

  async run(options: JobOptions): Promise<JobPair> {
    const { url, apiKey, apiSecret } = this.#server;
    const api = url.replace(/^ws/, 'http');
    const room = `agents ${process.pid} ${++this.#rooms}`;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-agents-'));
    const publishers = new Publishers(this.#server, room);
    const workers: ChildProcess[] = [];
    try {
      for (let n = 1; n <= options.speakers; n++) await publishers.join(`speaker ${n}`);
      await Promise.all(SIDES.map((side) => this.#startWorker(side, room, folder, options, workers)));
      const dispatch = new AgentDispatchClient(api, apiKey, apiSecret, { requestTimeout: 60 });
      for (const side of SIDES) await dispatch.createDispatch(room, nameOf(side, room));
      const written = (name: string) => fs.existsSync(path.join(folder, name));
      await until(() => SIDES.every((side) => written(`${side}.ready`) || written(`${side}.json`)), 'both jobs hear');
      fs.writeFileSync(path.join(folder, 'go'), '');
      await until(() => SIDES.every((side) => written(`${side}.json`)), 'both jobs have measured');
      return { peer: readCost(folder, 'peer'), ours: readCost(folder, 'ours') };
    } finally {
      await Promise.all(workers.map(end));
      await publishers.stop();
      await new RoomServiceClient(api, apiKey, apiSecret).deleteRoom(room).catch(() => {});
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }

  async #startWorker(
    side: Side,
    room: string,
    folder: string,
    { speakers, frameMs, seconds, profiles }: JobOptions,
    workers: ChildProcess[],
  ): Promise<void> {
    const { url, apiKey, apiSecret } = this.#server;
    const flags = side === 'ours' ? ['--import', 'narrowcast/livekit/register'] : [];
    const worker = spawn(process.execPath, [...flags, 'worker.mjs'], {
      cwd: this.#project,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        LIVEKIT_URL: url,
        LIVEKIT_API_KEY: apiKey,
        LIVEKIT_API_SECRET: apiSecret,
        AGENT_NAME: nameOf(side, room),
        DIR: folder,
        SIDE: side,
        SPEAKERS: String(speakers),
        SECONDS: String(seconds),
        PROFILE: profiles === undefined ? '' : path.resolve(profiles, `${side}.cpuprofile`),
        NARROWCAST_FRAME_MS: String(frameMs),
      },
    });
    workers.push(worker);
    let registered = false;
    createInterface(worker.stdout!).on('line', (line) => {
      if (line === 'REGISTERED') registered = true;
      else process.stderr.write(`${side}: ${line}\n`);
    });
    await until(() => registered || worker.exitCode !== null, 'the worker has registered');
    if (!registered) throw new Error(`the worker of ${side} ended with ${worker.exitCode}`);
  }
}

function nameOf(side: Side, room: string): string {
  return `${side} of ${room}`;
}

function readCost(folder: string, side: Side): JobCost {
  const cost = JSON.parse(fs.readFileSync(path.join(folder, `${side}.json`), 'utf8')) as JobCost & { error?: string };
  if (cost.error !== undefined) throw new Error(`the job of ${side}: ${cost.error}`);
  if (cost.narrowcast !== (side === 'ours')) throw new Error(`the streams of ${side} are those of the other side`);
  return cost;
}

/** A worker ends with its standard input. */
async function end(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.stdin!.end();
  const late = setTimeout(() => worker.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(late);
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const limit = Date.now() + LIMIT_MS; !condition(); await sleep(50)) {
    if (Date.now() > limit) throw new Error(`waited ${LIMIT_MS / 1000} s in vain until ${what}`);
  }
}
