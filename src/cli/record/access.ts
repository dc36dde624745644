import { createHmac, randomBytes } from 'node:crypto';
import { Failure } from '../shared/failure.js';

/** How a room is entered. */
export interface Access {
  readonly url: string;
  readonly token: string;
}

/** What of it was given on the command line. */
export interface AccessFlags {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly room?: string | undefined;
  readonly identity?: string | undefined;
}

/** How long a token that this command makes lets it enter, in s. The server gives new ones to a client that is in the room. */
const VALID_S = 600;

/** How far the server's clock may be behind, in s. */
const SKEW_S = 60;

/**
 * How to enter the room that was asked for: with the token that was given, or with one made for `room` with the server's
 * key and secret. What is not on the command line is taken from the environment.
 *
 * @throws {Failure} something is missing, or does not go together
 */
export function accessFrom(flags: AccessFlags, env: NodeJS.ProcessEnv, now: Date = new Date()): Access {
  const url = flags.url ?? env['LIVEKIT_URL'];
  if (!url)
    throw new Failure('--url is missing: give the server, as in --url wss://example.livekit.cloud, or LIVEKIT_URL');
  if (!/^(wss?|https?):\/\/[^/]/.test(url)) throw new Failure(`--url is ${url}, and must begin with wss:// or ws://`);
  const { room, identity } = flags;
  // As of a variable that is not set.
  for (const name of ['token', 'room', 'identity'] as const) {
    if (flags[name] === '') throw new Failure(`--${name} is empty: give one, or leave it out`);
  }
  if (flags.token !== undefined) {
    if (room !== undefined) throw new Failure('--token says which room it is for: leave --room out');
    if (identity !== undefined) throw new Failure('--token says who it is for: leave --identity out');
    return { url, token: flags.token };
  }
  if (room === undefined) {
    const token = env['LIVEKIT_TOKEN'];
    if (token) return { url, token };
    throw new Failure('give --token (or LIVEKIT_TOKEN), or --room with LIVEKIT_API_KEY and LIVEKIT_API_SECRET');
  }
  const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret } = env;
  if (!key || !secret) {
    throw new Failure('--room needs LIVEKIT_API_KEY and LIVEKIT_API_SECRET, to make a token; or give --token');
  }
  const who = identity ?? `recorder-${randomBytes(4).toString('hex')}`;
  return { url, token: listenersToken(key, secret, room, who, now) };
}

/** A token with which `identity` may enter `room` and listen, and nothing else. */
function listenersToken(key: string, secret: string, room: string, identity: string, now: Date): string {
  const may = { roomJoin: true, canSubscribe: true, canPublish: false, canPublishData: false };
  // The participants who are recorded can see the recorder.
  return signedToken({ key, secret }, identity, { video: { room, ...may, hidden: false } }, now);
}

/** A JSON web token for a LiveKit server, signed with HS256. @param claims what it allows */
export function signedToken(
  { key, secret }: { readonly key: string; readonly secret: string },
  identity: string,
  claims: object,
  now: Date = new Date(),
): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const header = part({ alg: 'HS256', typ: 'JWT' });
  const payload = part({ iss: key, sub: identity, nbf: seconds - SKEW_S, exp: seconds + VALID_S, ...claims });
  const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  return `${header}.${payload}.${signature}`;
}
