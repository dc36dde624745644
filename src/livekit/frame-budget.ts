import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { FrameBudget } from '../stream-format.js';
import { invalid } from '../validate.js';

/** Frames of streams whose program asks for no length. */
export interface FrameBudgetOptions {
  /**
   * Length of the frames of streams that are opened without one, in ms: 10, 20, 30 and so on up to 100. Longer frames cost the
   * thread less, and come later. Threads and child processes that start afterwards have it, too: it is put into the
   * environment, as `NARROWCAST_FRAME_MS`. Default: what that variable says, or 10.
   */
  frameMs?: number;
  /**
   * Longest frame of such streams for a reader that is late, in ms: 10, 20, 30 and so on up to 1,000; see
   * `maxFrameMs` of {@link AudioStreamOptions}. Likewise `NARROWCAST_MAX_FRAME_MS`. Default: no frame is longer than the others.
   */
  maxFrameMs?: number;
}

/** What the engine delivers, and rtc-node's streams without a length, in ms. */
const USUAL_MS = 10;

/** A setting: its option, its variable, and the most that it takes, in ms. */
const FRAME = { option: 'frameMs', variable: 'NARROWCAST_FRAME_MS', most: 100 } as const;
const LONGEST = { option: 'maxFrameMs', variable: 'NARROWCAST_MAX_FRAME_MS', most: 1000 } as const;
type Setting = typeof FRAME | typeof LONGEST;

/** Puts options of `install()` into the environment. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function setFrameBudget(options: FrameBudgetOptions): void {
  const given = [FRAME, LONGEST].filter(({ option }) => options[option] !== undefined);
  for (const setting of given) {
    const ms: unknown = options[setting.option];
    if (!isLength(ms, setting)) throw invalid(setting.option, ms, expected(setting));
  }
  for (const { option, variable } of given) process.env[variable] = String(options[option]);
}

/** What the environment says; `warn` is told of a length that it can't have. By default, that is a process warning, once. */
export function frameBudget(warn: (words: string) => void = warnOnce): FrameBudget {
  const usual = framesIn(FRAME, warn) ?? 1;
  return { usual, longest: Math.max(usual, framesIn(LONGEST, warn) ?? usual) };
}

/** In frames of {@link USUAL_MS}; undefined where the variable says nothing, or nothing that can be. */
function framesIn(setting: Setting, warn: (words: string) => void): number | undefined {
  const { variable } = setting;
  const value = process.env[variable]?.trim() ?? '';
  if (value === '') return undefined;
  const ms = Number(value);
  if (isLength(ms, setting)) return ms / USUAL_MS;
  const instead = setting === FRAME ? `frames have ${USUAL_MS} ms` : 'no frame is longer than the others';
  warn(`${variable}=${value} is ignored, and ${instead}: set it to ${expected(setting)}`);
  return undefined;
}

function warnOnce(words: string): void {
  // Threads that this one starts have read it, too.
  if (getEnvironmentData(words) !== undefined) return;
  setEnvironmentData(words, true);
  process.emitWarning(words, { type: 'NarrowcastWarning', code: 'NARROWCAST_FRAME_BUDGET' });
}

function isLength(ms: unknown, { most }: Setting): ms is number {
  return typeof ms === 'number' && ms >= USUAL_MS && ms <= most && ms % USUAL_MS === 0;
}

function expected({ most }: Setting): string {
  return `a number of ms from ${USUAL_MS} to ${most} that is a multiple of ${USUAL_MS}, as the engine's frames have ${USUAL_MS}`;
}
