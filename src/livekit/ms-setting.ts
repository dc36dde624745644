import { invalid } from '../validate.js';

/** A setting in ms: an option of `install()`, which is put into the environment, for threads and child processes. */
export interface MsSetting<O extends string = string> {
  readonly option: O;
  readonly variable: string;
  readonly least: number;
  readonly most: number;
  /** It is a multiple of this. */
  readonly step: number;
  /** Why. */
  readonly because: string;
  /** What holds where the variable says what can't be. */
  readonly instead: string;
}

/** Puts options of `install()` into the environment. @throws {NarrowcastError} `INVALID_ARGUMENT`, and nothing was set */
export function setMs<O extends string>(
  options: { readonly [K in O]?: unknown },
  settings: readonly MsSetting<O>[],
): void {
  const given = settings.filter(({ option }) => options[option] !== undefined);
  for (const setting of given) {
    const ms: unknown = options[setting.option];
    if (!canBe(ms, setting)) throw invalid(setting.option, ms, expected(setting));
  }
  for (const { option, variable } of given) process.env[variable] = String(options[option]);
}

/** What the environment says; undefined where it says nothing, or what can't be, which `warn` is told. */
export function readMs(setting: MsSetting, warn: (words: string) => void): number | undefined {
  const { variable, instead } = setting;
  const value = process.env[variable]?.trim() ?? '';
  if (value === '') return undefined;
  const ms = Number(value);
  if (canBe(ms, setting)) return ms;
  warn(`${variable}=${value} is ignored, and ${instead}: set it to ${expected(setting)}`);
  return undefined;
}

function canBe(ms: unknown, { least, most, step }: MsSetting): ms is number {
  return typeof ms === 'number' && ms >= least && ms <= most && ms % step === 0;
}

function expected({ least, most, step, because }: MsSetting): string {
  return `a number of ms from ${least} to ${most} that is a multiple of ${step}, ${because}`;
}
