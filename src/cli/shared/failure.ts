import { getSystemErrorMap } from 'node:util';
import { NarrowcastError } from '../../errors.js';

/** Something that a run can't go on without, in words for the person at the terminal. */
export class Failure extends Error {}

/** What is wrong with a file, as a {@link Failure}: `can't write recordings/a.wav: no space left on device`. */
export function fileFailure(what: string, path: string, cause: unknown): Failure {
  return new Failure(`can't ${what} ${path}: ${reasonOf(cause)}`, { cause });
}

function reasonOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return known ? known[1] : message;
}

/** The one line that tells what went wrong; undefined for an unexpected error, which needs its stack. */
export function failureLine(error: unknown): string | undefined {
  return error instanceof Failure || error instanceof NarrowcastError ? error.message : undefined;
}
