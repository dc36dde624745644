import { fork, type ChildProcess } from 'node:child_process';
import type { RunOptions } from './run.js';
import type { Client, FromRun, SideProgress, ToRun } from './messages.js';
import type { MeetingResult } from './result.js';

/** How long the other process may take to load everything and open its files, in ms. */
const OPENING_LIMIT_MS = 60_000;

/** The same, where agents have to load and a room to be joined. */
const ROOM_LIMIT_MS = 180_000;

/** How long the message that tells a process to begin may take, in ms. */
export const MESSAGE_MS = 100;

/** How long it may take longer than this one, in ms, and as often as the meeting is long. */
const RESULT_LIMIT_MS = 60_000;

/**
 * A meeting in a process of its own: whatever becomes of that one, this one goes on. Ends with it, however that ends.
 */
export class RemoteRun {
  /** Resolves when it is ready to begin, or failed. */
  readonly opened: Promise<void>;
  /** Resolves with an exit status when a signal interrupts that process. */
  readonly interrupted: Promise<number>;
  /** Its latest figures. */
  progress: SideProgress | undefined;
  /** Why there is no result. */
  failure: string | undefined;
  readonly #options: RunOptions;
  readonly #child: ChildProcess;
  readonly #onFailure: (reason: string) => void;
  readonly #result: Promise<MeetingResult | null>;
  #open!: () => void;
  #interrupt!: (status: number) => void;
  #finish!: (result: MeetingResult | null) => void;
  #limit: NodeJS.Timeout | undefined;
  #over = false;

  /**
   * @param program the file to run
   * @param client whose classes it uses
   * @param onFailure is told once, at most, why there will be no result
   */
  constructor(program: string, options: RunOptions, client: Client, onFailure: (reason: string) => void) {
    this.#options = options;
    this.#onFailure = onFailure;
    this.opened = new Promise((resolve) => (this.#open = resolve));
    this.interrupted = new Promise((resolve) => (this.#interrupt = resolve));
    this.#result = new Promise((resolve) => (this.#finish = resolve));
    // Plain: none of this process's options, such as modules to load first. The terminal belongs to the table.
    this.#child = fork(program, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#child.on('message', (message: FromRun) => this.#hear(message));
    this.#child.on('error', (error) => this.#fail(error.message));
    this.#child.on('exit', (status, signal) => this.#fail(`its process ended with ${signal ?? `status ${status}`}`));
    this.#expect('it did not start', options.agents ? ROOM_LIMIT_MS : OPENING_LIMIT_MS);
    this.#tell({ kind: 'open', options, client });
  }

  /** Begins. @param at when, in ms since 1970 */
  hold(at: number): void {
    this.#tell({ kind: 'hold', at });
  }

  /** Ends early. */
  stop(): void {
    this.#tell({ kind: 'stop' });
  }

  /** What came of it; null if it failed. */
  result(): Promise<MeetingResult | null> {
    // Comparing takes less time than playing.
    if (!this.#over) this.#expect('it did not end', RESULT_LIMIT_MS + this.#options.seconds * 1000);
    return this.#result;
  }

  /** Ends it at once, if it is still there. */
  close(): void {
    this.#end(null);
    this.#child.kill('SIGKILL');
  }

  #hear(message: FromRun): void {
    switch (message.kind) {
      case 'opened':
        clearTimeout(this.#limit);
        return this.#open();
      case 'progress':
        this.progress = message.progress;
        return;
      case 'interrupted':
        return this.#interrupt(message.status);
      case 'result':
        return this.#end(message.result);
      case 'failed':
        return this.#fail(message.reason);
    }
  }

  #tell(message: ToRun): void {
    // What goes wrong here shows in its exit, too.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #expect(otherwise: string, ms: number): void {
    clearTimeout(this.#limit);
    this.#limit = setTimeout(() => {
      this.#fail(`${otherwise} within ${Math.round(ms / 1000)} s`);
      this.#child.kill('SIGKILL');
    }, ms);
  }

  #fail(reason: string): void {
    if (this.#over) return;
    this.failure = reason;
    this.#end(null);
    this.#onFailure(reason);
  }

  #end(result: MeetingResult | null): void {
    this.#over = true;
    clearTimeout(this.#limit);
    this.#open();
    this.#finish(result);
  }
}
