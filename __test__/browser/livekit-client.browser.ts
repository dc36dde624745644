import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Remote } from '../../bench/browser/calls.js';
import { launch } from '../../bench/browser/chromium.js';
import { callsOf, openPage } from '../../bench/browser/stage.js';
import type { ParticipantCalls } from '../../examples/livekit-client-pool/calls.js';
import { chromium, LIMIT_MS } from './support.js';

/** Screen shares; `NARROWCAST_CYCLES` for more or fewer. */
const CYCLES = Number(process.env['NARROWCAST_CYCLES'] ?? 5);
const SERVER = fileURLToPath(new URL('../../scripts/livekit-server.mjs', import.meta.url));
/** Of `livekit-server.mjs`: it can't be had on this machine. */
const UNAVAILABLE = 3;

interface Server {
  url: string;
  apiKey: string;
  apiSecret: string;
}

describe.skipIf(chromium === undefined)('livekit-client through a pool, on a real server', () => {
  let child: ChildProcess | undefined;
  let server: Server | undefined;
  let browser: Browser | undefined;

  // The server is built the first time: that takes minutes.
  beforeAll(async () => {
    if (!existsSync(SERVER)) return;
    child = spawn(process.execPath, [SERVER, '--json', '--with-stdin'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    server = await new Promise((resolve, reject) => {
      createInterface(child!.stdout!).once('line', (line) => resolve(JSON.parse(line) as Server));
      child!.once('exit', (status) =>
        status === UNAVAILABLE ? resolve(undefined) : reject(new Error(`the server ended with status ${status}`)),
      );
    });
    browser = await launch(chromium!);
  }, 900_000);
  afterAll(async () => {
    await browser?.close();
    child?.stdin?.end();
  });

  /** A participant, in a page and a process of its own. */
  const join = async (identity: string, pool: boolean): Promise<Remote<ParticipantCalls>> => {
    const page = callsOf<ParticipantCalls>(
      await openPage(browser!, new URL('../../examples/livekit-client-pool/page.ts', import.meta.url)),
    );
    await page.connect(server!.url, token(server!, identity), pool);
    return page;
  };

  it(
    'shows each screen share to another participant, from its beginning to its end',
    async (context) => {
      if (!server) return context.skip('there is no LiveKit server to try it on');
      const watcher = await join('watcher', false);
      const sharer = await join('sharer', true);
      let transceivers: number | undefined;
      for (let cycle = 1; cycle <= CYCLES; cycle++) {
        await sharer.share();
        await until(watcher, ({ begun, frames }) => begun === cycle && frames > 3, `frames of share ${cycle}`);
        await sharer.unshare();
        await until(watcher, ({ ended }) => ended === cycle, `the end of share ${cycle}`);
        const counts = await sharer.counts();
        transceivers ??= counts.transceivers; // some of them are what livekit-client receives with
        expect(counts).toEqual({ transceivers, sending: 0 });
      }
      await sharer.disconnect();
      await watcher.disconnect();
    },
    CYCLES * 2 * LIMIT_MS,
  );
});

async function until(
  watcher: Remote<ParticipantCalls>,
  condition: (seen: Awaited<ReturnType<ParticipantCalls['seen']>>) => boolean,
  what: string,
): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; ;) {
    const seen = await watcher.seen();
    if (condition(seen)) return;
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${what}; ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What lets somebody into a room; see LiveKit's documentation of its access tokens. */
function token({ apiKey, apiSecret }: Server, identity: string): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const video = { room: 'shares', roomJoin: true, canPublish: true, canSubscribe: true };
  const claims = { iss: apiKey, sub: identity, nbf: now - 10, exp: now + 3600, video };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', apiSecret).update(signed).digest('base64url')}`;
}
