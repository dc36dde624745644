// What the variables of the environment that are no length in ms have in common. It imports nothing: register.ts loads it
// before the program.

/** What turns nothing on, as an unset variable. */
export const OFF: readonly string[] = ['', '0', 'false'];
/** What turns something on. */
export const ON: readonly string[] = ['1', 'true'];

/** Whether the environment turns something on. `warn` is told of a value that is neither, which turns nothing on. */
export function readSwitch(variable: string, warn: (words: string) => void): boolean {
  const value = process.env[variable]?.trim() ?? '';
  if (ON.includes(value)) return true;
  if (!OFF.includes(value)) warn(`${variable}=${value} is ignored: set it to 1, or leave it out`);
  return false;
}
