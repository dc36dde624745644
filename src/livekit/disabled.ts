import { OFF, ON } from '../environment.js';
import { nearest } from '../nearest.js';

/** The variable that turns `narrowcast/livekit/register` off without a change of the command line. */
const VARIABLE = 'NARROWCAST_DISABLE';

/** The classes of rtc-node that `narrowcast/livekit/register` replaces. */
const CLASSES = ['AudioMixer', 'AudioResampler', 'AudioSource', 'AudioStream', 'VideoStream'];

/** What the environment says of `narrowcast/livekit/register`. */
export interface Disabled {
  /** It does nothing in this process. */
  readonly all: boolean;
  /** Classes that stay rtc-node's own. */
  readonly classes: readonly string[];
  /** That in words, and what is wrong with it; undefined where the variable says nothing. */
  readonly words: string | undefined;
}

/** Reads {@link VARIABLE}: `1`, or a list of classes. */
export function readDisabled(value: string = process.env[VARIABLE] ?? ''): Disabled {
  const names = value.split(/[\s,]+/).filter((name) => !OFF.includes(name));
  const all = names.some((name) => ON.includes(name));
  const classes = CLASSES.filter((name) => names.includes(name));
  const unknown = names.filter((name) => ![...ON, ...CLASSES].includes(name));
  const words = [
    ...(all ? ['narrowcast/livekit/register does nothing in this process'] : []),
    ...(!all && classes.length > 0
      ? [`narrowcast/livekit/register leaves rtc-node's own ${classes.join(', ')} in place`]
      : []),
    ...unknown.map((name) => {
      const meant = nearest(name, CLASSES);
      return `${name} is none of its names${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
    }),
  ];
  if (unknown.length > 0) words.push(`It takes 1, or any of ${CLASSES.join(', ')}`);
  return {
    all,
    classes,
    words: words.length > 0 ? `${VARIABLE}=${value}: ${words.join('. ')}` : undefined,
  };
}
