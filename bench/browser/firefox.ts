// A page in a Firefox of the distribution, driven over WebDriver BiDi: playwright-core drives a Firefox of its own alone.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Remote } from './calls.js';
import { findProgram } from './chromium.js';
import { bundled } from './stage.js';

/** The program in `FIREFOX_PATH`, or one by its usual names. */
export const findFirefox = (): string | undefined => findProgram('FIREFOX_PATH', ['firefox', 'firefox-esr']);

/** Its connections use the loopback interface, and it asks nothing of other machines. */
const PREFERENCES = {
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  // Nothing listens there; what is on this machine is asked without it.
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
};

/** Longest that it may take to start, in ms. */
const START_MS = 60_000;

/** A page with this script, in a browser of its own, and its functions by their names. */
export async function openInFirefox<Calls>(
  firefox: string,
  script: URL,
): Promise<{ readonly calls: Remote<Calls>; close(): Promise<void> }> {
  const profile = await mkdtemp(path.join(tmpdir(), 'narrowcast-firefox-'));
  const preferences = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
  );
  await writeFile(path.join(profile, 'user.js'), preferences.join(''));
  const text = await bundled(script);
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? text : '<!doctype html><body><script type="module" src="/script.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
  const child = spawn(firefox, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const close = async () => {
    child.kill();
    await ended;
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const address = await listening(child.stderr, ended);
    const session = await Session.open(`${address}/session`);
    const { contexts } = await session.send<{ contexts: { context: string }[] }>('browsingContext.getTree', {});
    const { context } = contexts[0]!;
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await session.send('browsingContext.navigate', { context, url, wait: 'complete' });
    const call = async (name: string, args: unknown[]) => {
      const { result, exceptionDetails } = await session.send<Evaluated>('script.evaluate', {
        expression: `Promise.resolve(calls[${JSON.stringify(name)}](...${JSON.stringify(args)})).then((value) => JSON.stringify(value))`,
        target: { context },
        awaitPromise: true,
      });
      if (exceptionDetails) throw new Error(`${name}: ${exceptionDetails.text}`);
      return result?.value ? JSON.parse(result.value) : undefined;
    };
    const calls = new Proxy(
      {},
      { get: (_, name: string) => name !== 'then' && ((...args: unknown[]) => call(name, args)) },
    );
    return { calls: calls as Remote<Calls>, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where it listens, as it says when it does. */
async function listening(stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<string> {
  const lines = createInterface(stderr);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Firefox did not start within ${START_MS / 1000} s`)), START_MS);
    void ended.then(() => reject(new Error('Firefox ended as it started')));
    lines.on('line', (line) => {
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

interface Evaluated {
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

/** As much of WebDriver BiDi as is used: commands, and their answers by their ids. */
class Session {
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #id = 0;

  private constructor(readonly socket: WebSocketLike) {
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error, message } = JSON.parse(data) as Answer;
      const command = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) command?.resolve(result);
      else command?.reject(new Error(`Firefox: ${error}: ${message}`));
    });
    socket.addEventListener('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('Firefox has ended'));
    });
  }

  static async open(url: string): Promise<Session> {
    // Of Node 22; scripts/bench.mjs asks Node 20 for it.
    const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string) => WebSocketLike };
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`Firefox lets no one connect to ${url}`)));
    });
    const session = new Session(socket);
    await session.send('session.new', { capabilities: {} });
    return session;
  }

  send<Result>(method: string, params: object): Promise<Result> {
    const id = ++this.#id;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) =>
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject }),
    );
  }
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

interface WebSocketLike {
  send(text: string): void;
  addEventListener(type: string, listener: (event: { data: string }) => void): void;
}
