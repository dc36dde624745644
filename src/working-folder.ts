/** The working folder; undefined if it was removed, as by a new release while a process manager starts the program again. */
export function workingFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}
