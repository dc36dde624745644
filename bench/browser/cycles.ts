import { setTimeout as sleep } from 'node:timers/promises';
import type { Kind, Setup } from './calls.js';
import type { Stage } from './stage.js';

/** A publication, from its beginning to after its end. */
export interface Cycle {
  /** Whether a transceiver was used again. */
  readonly reused: boolean;
  /** Whether each layer was encoded, and arrived; within the limit. */
  readonly flowed: boolean;
  /** From the beginning of the publication until something of each layer had arrived. */
  readonly flowMs: number;
  readonly freed: string;
  /** After the end. */
  readonly transceivers: number;
  readonly sections: number;
  readonly sdpBytes: number;
  /** Private memory of the sending page, beyond what it had at the start, if asked for and the system tells it. */
  readonly liveMb: number | undefined;
  readonly afterMb: number | undefined;
}

/** Pages look at their encoders this often, in ms. */
const LOOK_MS = 50;
/** Until memory that was freed is the system's again, in ms. */
const SETTLE_MS = 300;

/** Publishes and unpublishes a track of `kind` again and again, and looks what each leaves; memory, if `memory` says so. */
export async function* cycles(
  stage: Stage,
  kind: Kind,
  setup: Setup,
  { count, limitMs, memory = false }: { count: number; limitMs: number; memory?: boolean },
): AsyncGenerator<Cycle> {
  const { sender, receiver } = stage;
  await receiver.open();
  await sender.open(setup);
  try {
    await sleep(SETTLE_MS);
    const look = async () => (memory ? stage.memory() : undefined);
    const startMb = await look();
    const grown = async () => {
      const now = await look();
      return now === undefined || startMb === undefined ? undefined : now - startMb;
    };
    for (let i = 0; i < count; i++) {
      const begin = performance.now();
      const reused = await sender.publish(kind);
      const flowed = await flows(stage, kind, setup, limitMs);
      const flowMs = performance.now() - begin;
      const liveMb = await grown();
      const freed = await sender.unpublish(kind);
      await sleep(SETTLE_MS);
      yield { reused, flowed, flowMs, freed, ...(await sender.counts()), liveMb, afterMb: await grown() };
    }
  } finally {
    await sender.close();
    await receiver.close();
  }
}

/** Waits until something of every layer of the publication was sent since now, and has arrived. */
export async function flows(
  { sender, receiver }: Stage,
  kind: Kind,
  { layers }: Pick<Setup, 'layers'>,
  limitMs: number,
): Promise<boolean> {
  const names = kind === 'video' && layers.length > 1 ? layers : [''];
  const progress = async () => {
    const sent = await sender.sent(kind);
    const received = Object.values(await receiver.received());
    return { sent: names.map((name) => (kind === 'video' ? sent[name]?.frames : sent[name]?.bytes) ?? 0), received };
  };
  // A sender that is used again counts on; sections that receive are those of this publication alone.
  const before = await progress();
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(LOOK_MS)) {
    const now = await progress();
    const wasSent = now.sent.every((count, i) => count > before.sent[i]!);
    const hasArrived =
      now.received.length >= names.length && now.received.every((count, i) => count > (before.received[i] ?? 0));
    if (wasSent && hasArrived) return true;
  }
  return false;
}
