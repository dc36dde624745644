import { warnOf } from '../report-error.js';
import type { FrameBudget } from '../stream-format.js';
import { readMs, setMs, type MsSetting } from './ms-setting.js';

/** Frames of streams whose program asks for no length. */
export interface FrameBudgetOptions {
  /**
   * Length of the frames of streams that are opened without one, in ms: 10, 20, 30 and so on up to 100. Longer frames cost the
   * thread less, and come later. One or two frames near a stream's beginning may be shorter, so that the later ones of all streams
   * come together. Threads and child processes that start afterwards have it, too: it is put into the
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

const SETTING = {
  least: USUAL_MS,
  step: USUAL_MS,
  because: `as the engine's frames have ${USUAL_MS}`,
} as const;
const FRAME: MsSetting<'frameMs'> = {
  ...SETTING,
  option: 'frameMs',
  variable: 'NARROWCAST_FRAME_MS',
  most: 100,
  instead: `frames have ${USUAL_MS} ms`,
};
const LONGEST: MsSetting<'maxFrameMs'> = {
  ...SETTING,
  option: 'maxFrameMs',
  variable: 'NARROWCAST_MAX_FRAME_MS',
  most: 1000,
  instead: 'no frame is longer than the others',
};

/** Puts options of `install()` into the environment. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function setFrameBudget(options: FrameBudgetOptions): void {
  setMs<'frameMs' | 'maxFrameMs'>(options, [FRAME, LONGEST]);
}

const warnOnce = warnOf('NARROWCAST_FRAME_BUDGET');

/** What the environment says; `warn` is told of a length that it can't have. By default, that is a process warning, once. */
export function frameBudget(warn: (words: string) => void = warnOnce): FrameBudget {
  const usual = framesIn(FRAME, warn) ?? 1;
  return { usual, longest: Math.max(usual, framesIn(LONGEST, warn) ?? usual) };
}

/** In frames of {@link USUAL_MS}. */
function framesIn(setting: MsSetting, warn: (words: string) => void): number | undefined {
  const ms = readMs(setting, warn);
  return ms === undefined ? undefined : ms / USUAL_MS;
}
