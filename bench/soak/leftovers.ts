import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Frames } from './client.js';
import type { MemoryTrend } from './memory.js';

/** Full collections after which what is still there is there for good; what is collected takes two or three. */
const COLLECTIONS = 20;
/** How long everything must be quiet, and how long that may take, in ms. */
const REST_MS = 250;
const REST_LIMIT_MS = 30_000;

/** What a meeting left behind, of whatever kind it was. */
export interface Leftovers {
  /** Native handles that the engine still knows. */
  readonly handles: { readonly frames: number; readonly streams: number };
  /** More listeners to the engine's events than in the beginning. */
  readonly listeners: number;
  /** Streams that the program holds no more: those that the engine still feeds, and those that the collector did not get. */
  readonly streams: { readonly open: number; readonly notCollected: number };
  /** What should never happen and did, in words. */
  readonly faults: readonly string[];
  readonly memory: MemoryTrend;
}

/** Opens streams, and knows which of them are still there without keeping them. */
export class Streams {
  #alive: WeakRef<Frames>[] = [];

  constructor(readonly client: Client) {}

  open(track: Parameters<Client['open']>[0]): Frames {
    const stream = this.client.open(track);
    this.#alive.push(new WeakRef(stream));
    return stream;
  }

  /** How many have not been collected. */
  sweep(): number {
    this.#alive = this.#alive.filter((stream) => stream.deref() !== undefined);
    return this.#alive.length;
  }
}

/**
 * What is left once everything was collected that can be: to be asked for at the end, for it drops what it finds.
 *
 * @param others how many objects beside the streams are still to be collected
 */
export async function leftovers(
  client: Client,
  streams: Streams,
  listenersBefore: number,
  others: () => number = () => 0,
): Promise<Omit<Leftovers, 'memory'>> {
  for (let i = 0; i < COLLECTIONS; i++) {
    gc!();
    // Not before it, for what one looks at stays until one's turn ends.
    if (streams.sweep() === 0 && others() === 0 && client.streams() === 0) break;
    await sleep(10);
  }
  await rest(client);
  return {
    streams: { open: client.streams(), notCollected: streams.sweep() },
    listeners: client.listeners() - listenersBefore,
    handles: client.handles(),
    faults: client.faults(),
  };
}

/** Waits until no events come any more. */
export async function rest(client: Client): Promise<void> {
  let last = -1;
  let since = 0;
  const calm = await until(() => {
    const events = client.events();
    if (events !== last) since = performance.now();
    last = events;
    return performance.now() - since > REST_MS;
  }, REST_LIMIT_MS);
  if (!calm) throw new Error(`events still come ${REST_LIMIT_MS} ms after nothing is played any more`);
}

/** Waits for a condition, for `limitMs` at most; returns whether it holds. */
export async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await sleep(10);
  }
  return true;
}
