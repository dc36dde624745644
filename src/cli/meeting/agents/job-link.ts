import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { FromJob, ToJob } from './order.js';

/** How a job is spoken to: it connects to a port on loopback. */
export class JobLink {
  readonly #server: Server;
  readonly #onProgress: (progress: FromJob & { kind: 'progress' }) => void;
  readonly #came = new Map<string, FromJob>();
  #job: Socket | undefined;
  #failure: Error | undefined;
  #look = () => {};

  constructor(onProgress: (progress: FromJob & { kind: 'progress' }) => void) {
    this.#onProgress = onProgress;
    this.#server = createServer((socket) => {
      this.#job = socket;
      socket.on('error', () => {});
      socket.once('close', () => this.fail(new Error('the job of @livekit/agents ended')));
      createInterface({ input: socket }).on('line', (line) => this.#hear(JSON.parse(line) as FromJob));
    });
  }

  /** The port that it listens to. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  tell(message: ToJob): void {
    this.#job?.write(`${JSON.stringify(message)}\n`);
  }

  /** A message of this kind, which the job sends once. @throws {Error} the job failed, or ended */
  async until<K extends FromJob['kind']>(kind: K): Promise<FromJob & { kind: K }> {
    for (;;) {
      const message = this.#came.get(kind);
      if (message) return message as FromJob & { kind: K };
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => (this.#look = resolve));
    }
  }

  /** Nothing comes from the job any more. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    this.#look();
  }

  close(): void {
    this.#server.close();
    this.#job?.destroy();
  }

  #hear(message: FromJob): void {
    if (message.kind === 'progress') return this.#onProgress(message);
    if (message.kind === 'failed') return this.fail(new Error(message.reason));
    this.#came.set(message.kind, message);
    this.#look();
  }
}
