/** Plain rtc-node, or the same classes after `install()`. */
export type ClientSide = 'peer' | 'ours';

/** What is called. */
export const CALLS = ['answers', 'own-answers', 'publish-data', 'rpc'] as const;
export type Call = (typeof CALLS)[number];

/** How long each turn of the event loop is blocked, in ms. */
export const BLOCKED_MS = [0, 10, 20] as const;

/** Calls at once. */
export const BATCH = 100;

/** What was measured. */
export interface ClientCost {
  /** `CALL/turn-MS`: ms from the first call to the last answer, of each repetition. */
  readonly ms: Record<string, number[]>;
  /** `CALL`: processor time of the main thread for each call, in µs, with nothing blocked. */
  readonly mainUs: Record<string, number[]>;
}
