import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AccessToken } from 'livekit-server-sdk';
import type { LivekitServer } from '../../__test__/support/livekit-server.js';

/** A participant joins and publishes, or leaves. */
export type ToPublishers = { readonly join: string; readonly token: string } | { readonly leave: string };

/** What was asked for is done; or why it is not. */
export type FromPublishers = { readonly error?: string };

/** A token with which `identity` may enter and do anything in `room`, for longer than any measurement. */
export function token(server: LivekitServer, room: string, identity: string): Promise<string> {
  const access = new AccessToken(server.apiKey, server.apiSecret, { identity, ttl: '2h' });
  access.addGrant({ roomJoin: true, room });
  return access.toJwt();
}

/** Participants of a room on a real server who publish a tone each, all of them in one other process. */
export class Publishers {
  readonly #server: LivekitServer;
  readonly #room: string;
  readonly #child;
  /** One thing at a time: the next one waits for its answer. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: LivekitServer, room: string) {
    this.#server = server;
    this.#room = room;
    this.#child = fork(fileURLToPath(new URL('publisher-process.ts', import.meta.url)), [server.url], {
      execArgv: ['--import', 'tsx'],
      // Where tsx is found.
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, NODE_ENV: 'production' }, // rtc-node logs less
    });
  }

  /** Resolves when the track of `identity` is published, and plays. */
  async join(identity: string): Promise<void> {
    await this.#ask({ join: identity, token: await token(this.#server, this.#room, identity) });
  }

  /** Resolves when it is gone. */
  leave(identity: string): Promise<void> {
    return this.#ask({ leave: identity });
  }

  /** Ends the process, and with it all who publish. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #ask(message: ToPublishers): Promise<void> {
    const asked = this.#last.then(async () => {
      const ended = new AbortController();
      const { signal } = ended;
      try {
        this.#child.send(message);
        const [answer] = (await Promise.race([
          once(this.#child, 'message', { signal }),
          once(this.#child, 'exit', { signal }).then(([status]) => [{ error: `it ended with status ${status}` }]),
        ])) as [FromPublishers];
        if (answer.error !== undefined) throw new Error(`the process that publishes: ${answer.error}`);
      } finally {
        ended.abort();
      }
    });
    this.#last = asked.catch(() => {});
    return asked;
  }
}
