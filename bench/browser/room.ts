import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { Remote } from './calls.js';
import type { Joining, ParticipantCalls, Seen } from './room-calls.js';
import { callsOf, openPage, pageScript } from './stage.js';

const SERVER = fileURLToPath(new URL('../../scripts/livekit-server.mjs', import.meta.url));
/** Of `livekit-server.mjs`: it can't be had on this machine. */
const UNAVAILABLE = 3;

export interface Server {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Resolves once it has ended. */
  close(): Promise<void>;
}

/**
 * The server that `LIVEKIT_URL` names, or a new one on loopback; undefined where there can be none. It is built the first
 * time: that takes minutes.
 */
export async function openServer(): Promise<Server | undefined> {
  const { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } = process.env;
  if (url && apiKey && apiSecret) return { url, apiKey, apiSecret, close: async () => {} };
  return startServer();
}

/** A new server on loopback, at `port` if it is given; undefined where there can be none. */
export async function startServer(port?: string): Promise<Server | undefined> {
  if (!existsSync(SERVER)) return undefined;
  const args = [SERVER, '--json', '--with-stdin', ...(port === undefined ? [] : ['--port', port])];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const close = () => {
    child.stdin!.end();
    return ended;
  };
  return new Promise((resolve, reject) => {
    createInterface(child.stdout!).once('line', (line) =>
      resolve({ ...(JSON.parse(line) as Omit<Server, 'close'>), close }),
    );
    child.once('exit', (status) =>
      status === UNAVAILABLE ? resolve(undefined) : reject(new Error(`the server ended with status ${status}`)),
    );
  });
}

/** A participant, in whatever browser. */
export interface Caller {
  readonly calls: Remote<ParticipantCalls>;
}

/** A participant in a Chromium, in a page and a process of its own. */
export interface Participant extends Caller {
  readonly page: Page;
}

/** What a participant does before it joins; `join` has it join already. */
export type Before = (participant: Participant, join: () => Promise<void>) => Promise<void>;

/** @param client a version of livekit-client by the name of its package here. Default: the newest that is tested */
export async function joinRoom(
  browser: Browser,
  server: Server,
  room: string,
  identity: string,
  joining: Joining,
  client?: string,
  before?: Before,
): Promise<Participant> {
  const page = await openPage(browser, pageScript('participant.ts'), undefined, client);
  const calls = callsOf<ParticipantCalls>(page);
  const join = () => connect({ calls }, server, room, identity, joining);
  await before?.({ page, calls }, join);
  await join();
  return { page, calls };
}

export const connect = ({ calls }: Caller, server: Server, room: string, identity: string, joining: Joining) =>
  calls.connect(server.url, token(server, room, identity, joining.mayPublish), joining);

/** A participant's page has no network for `ms`: neither the server's signals nor media. */
export async function networkGone({ page }: Participant, ms: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const conditions = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  await session.send('Network.emulateNetworkConditions', { ...conditions, offline: true, packetLoss: 100 });
  await sleep(ms);
  await session.send('Network.emulateNetworkConditions', { ...conditions, offline: false, packetLoss: 0 });
  await session.detach();
}

/** Whether `condition` came true of what a participant sees within `ms`, and what it saw last. */
export async function sees(
  { calls }: Caller,
  condition: (seen: Seen[]) => boolean,
  ms: number,
): Promise<{ readonly is: boolean; readonly seen: Seen[] }> {
  for (const end = performance.now() + ms; ; await sleep(100)) {
    const seen = await calls.seen();
    if (condition(seen)) return { is: true, seen };
    if (performance.now() > end) return { is: false, seen };
  }
}

/** Colours that tell publications apart, and how one is known again after an encoder. */
export const COLORS = { red: '#c00', green: '#0c0', blue: '#00c' } as const;
export type Color = keyof typeof COLORS;

export function looks(color: Color, seen: Seen | undefined): boolean {
  if (!seen?.color || seen.frames < 3) return false;
  const at = { red: 0, green: 1, blue: 2 }[color];
  return seen.color.every((value, i) => (i === at ? value > 110 : value < 90));
}

/** What lets a participant into a room; see LiveKit's documentation of its access tokens. */
function token({ apiKey, apiSecret }: Server, room: string, identity: string, sources?: readonly string[]): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const video = { room, roomJoin: true, canPublish: true, canSubscribe: true, canPublishSources: sources };
  const claims = { iss: apiKey, sub: identity, nbf: now - 10, exp: now + 24 * 3600, video };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', apiSecret).update(signed).digest('base64url')}`;
}
