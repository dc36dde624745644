const numbers = new Intl.NumberFormat('en-US');

/** A number with its thousands apart. */
export const count = (value: number): string => numbers.format(value);

/** A number with its thousands apart, or `-` where there is none. */
export const countOrNone = (value: number | null): string => (value === null ? '-' : count(value));

/** `1.74 %`. */
export const percent = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} %`;

/** `21.6 µs`. */
export const micros = (value: number): string => `${value.toFixed(1)} µs`;

/** `1.3 ms`. */
export const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;

/** `90 MB`. */
export const megabytes = (value: number): string => `${value.toFixed(0)} MB`;

/** A value in words, or `-` where there is none. */
export const orNone = (value: number | null, format: (value: number) => string): string =>
  value === null ? '-' : format(value);

/** `1.70–1.78 %`: the unit once. */
export const rangeText = ([low, high]: readonly [number, number], format: (value: number) => string): string =>
  `${format(low).replace(/ .*/, '')}–${format(high)}`;

/** `3 participants`. */
export function people(number: number): string {
  return number === 1 ? '1 participant' : `${count(number)} participants`;
}

/** `01:05`, hours only where there are any. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `2026-11-21T140530Z`: a moment, for the name of a file. */
export const timeName = (date: Date): string => `${date.toISOString().slice(0, 19).replaceAll(':', '')}Z`;

/** Columns of a name, at most, where there are others beside it. */
const NAME_COLUMNS = 30;

/** Text of others in one line of a terminal, with nothing that the terminal takes for an order. */
export function visible(text: string): string {
  return text.replace(/\p{C}|\p{Z}/gu, (character) => (character === ' ' ? ' ' : '�'));
}

/** A name that another participant chose: {@link visible}, and no longer than a column. */
export function printable(name: string): string {
  const line = visible(name);
  const characters = Array.from(line);
  return characters.length > NAME_COLUMNS ? `${characters.slice(0, NAME_COLUMNS - 1).join('')}…` : line;
}
