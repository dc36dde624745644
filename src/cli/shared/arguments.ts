import { InvalidArgumentError } from 'commander';

/** Reads an option's value: a whole number from `min` to `max`. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads an option's value: a number of seconds, in steps of 10 ms, from one step to `max` seconds. */
export function duration(max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d{1,2})?$/.test(text) ? Number(text) : NaN;
    if (value >= 0.01 && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from 0.01 to ${max}, with two decimals at most.`);
  };
}

/** Reads an option's value: names of files, separated by commas. Given several times, they add up. */
export function files(text: string, before: readonly string[]): string[] {
  const names = text.split(',');
  if (names.some((name) => name === '')) {
    throw new InvalidArgumentError('It must be names of files, separated by commas.');
  }
  return [...before, ...names];
}

/** Reads an option's value: the name of a file or folder. */
export function path(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}
