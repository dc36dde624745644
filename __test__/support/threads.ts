import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What the threads of a test agree on, in shared memory: [started, how many are ready, how many have finished]. */
export class Gate {
  readonly cells = new Int32Array(new SharedArrayBuffer(12));

  /** Lets them all go. */
  open(): void {
    Atomics.store(this.cells, 0, 1);
    Atomics.notify(this.cells, 0);
  }

  get ready(): number {
    return Atomics.load(this.cells, 1);
  }

  get finished(): number {
    return Atomics.load(this.cells, 2);
  }

  /** Blocks this thread, event loop and all, until `threads` have finished and `ms` are over. */
  blockUntilFinished(threads: number, ms: number): void {
    for (const start = Date.now(); this.finished < threads || Date.now() - start < ms;) {
      if (Date.now() - start > 60_000) throw new Error('the other threads did not finish');
      Atomics.wait(this.cells, 0, 1, 5);
    }
  }
}

const exits = new WeakMap<Worker, Promise<unknown>>();

/** A thread that runs one of the scripts beside this file, on the built package. */
export function start(script: string, workerData: object = {}): Worker {
  const worker = new Worker(new URL(script, import.meta.url), { workerData });
  const exit = once(worker, 'exit');
  exit.catch(() => {}); // its error is for the waiter
  exits.set(worker, exit);
  return worker;
}

/** The thread's next message; fails if it throws instead. */
export async function message(worker: Worker): Promise<unknown> {
  return (await once(worker, 'message'))[0];
}

/** Waits for the thread to end by itself; fails if it throws. */
export async function ended(worker: Worker): Promise<void> {
  await exits.get(worker);
}
