/** Exit status of a program that a signal ended, as shells have it: 128 and the signal's number. */
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Exit status once the reader of the output has gone. */
const BROKEN_PIPE = 141;

/** Whether output could not be written for its reader has gone: one that has seen enough, as `head` has, or a terminal. */
export function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}

/** The same Ctrl-C may arrive twice: from the terminal, and forwarded by npm. */
const DUPLICATE_MS = 500;

/** Ctrl-C and its like, for something that has to finish first. The second one does not wait. */
export class Interruption {
  /** Resolves with the exit status when the run is interrupted. */
  readonly happened: Promise<number>;
  /** Set once it was. */
  status: number | undefined;
  #at = 0;
  #happen!: (status: number) => void;
  readonly #removers: (() => void)[] = [];

  constructor() {
    this.happened = new Promise((resolve) => (this.#happen = resolve));
    for (const [signal, status] of Object.entries(STATUS)) {
      const handler = () => this.#interrupt(status);
      process.on(signal, handler);
      this.#removers.push(() => process.off(signal, handler));
    }
    const unread = (error: NodeJS.ErrnoException) => {
      // Anything else is as surprising here as anywhere.
      if (!isReaderGone(error)) throw error;
      this.relay(BROKEN_PIPE);
    };
    // Stays: what was written last may fail after everything is over.
    process.stdout.on('error', unread);
  }

  /** Something else that ends it, with an exit status: does nothing after the first. */
  relay(status: number): void {
    if (this.status === undefined) this.#interrupt(status);
  }

  /** Gives the signals their usual meaning back. */
  dispose(): void {
    for (const remove of this.#removers) remove();
  }

  #interrupt(status: number): void {
    const now = performance.now();
    if (this.status === undefined) {
      this.#at = now;
      this.status = status;
      this.#happen(status);
    } else if (now - this.#at > DUPLICATE_MS) {
      process.exit(status);
    }
  }
}
