// What a program's trace is made of: a line for each thing that an object (a stream, a room, a request) showed. The order
// of the lines counts within an object, not between objects.
import fs from 'node:fs';

/** Where the test reads the trace; a program that is run by hand prints it. */
const fd = Number(process.env.TRACE_FD ?? 1);
export const condition = process.env.CONDITION ?? 'idle';

/**
 * The trace of one object: `say(what, value)`. `say.about(what, count, tolerance)` for a count that may differ by
 * `tolerance` between the sides; by condition, where it only may under one: `{ blocked: 30 }`. `say.atMost(what, count,
 * more)` for a count that with narrowcast may be lower, or higher by `more`.
 */
export function trace(object) {
  const line = (...fields) => fs.writeSync(fd, `${JSON.stringify([object, ...fields], plain)}\n`);
  const say = (what, value = true) => line(what, value);
  say.about = (what, count, tolerance) =>
    line(what, count, (typeof tolerance === 'number' ? tolerance : tolerance[condition]) ?? 0);
  say.atMost = (what, count, more) => line(what, count, { more });
  return say;
}

/** JSON without what JSON has not. */
const plain = (_, value) =>
  typeof value === 'bigint' ? `${value}n` : value === undefined ? 'undefined' : Object.is(value, -0) ? 0 : value;

/** The trace of what is no object's. */
export const say = trace('program');

/** Says that something is so, which has to be so on either side: ends the program if it is not. */
export function holds(what, condition) {
  if (!condition) throw new Error(`it does not hold: ${what}`);
  say(what);
}

const KINDS = new Set([
  'TypeError',
  'RangeError',
  'SyntaxError',
  'DOMException',
  'RpcError',
  'ConnectError',
  'StreamError',
  'Error',
]);

/** What a program can tell an error by: its class, as far as JavaScript or rtc-node has it, and its numeric code. */
export function kind(error) {
  if (!(error instanceof Error)) return `a ${typeof error}`;
  let { constructor } = error;
  // rtc-node's build gives some classes a name with an underscore.
  const name = () => constructor.name.replace(/^_/, '');
  while (!KINDS.has(name())) constructor = Object.getPrototypeOf(constructor);
  if (name() === 'DOMException') return error.name;
  return typeof error.code === 'number' ? [name(), error.code] : name();
}

/** How a promise settles: its value, or the error's kind. */
export const outcome = (promise) =>
  Promise.resolve(promise).then(
    (value) => ({ value }),
    (error) => ({ error: kind(error) }),
  );

/** How a call ends: what it returns, or the kind of what it throws. */
export function result(call) {
  try {
    return { value: call() };
  } catch (error) {
    return { error: kind(error) };
  }
}

/** Waits until `condition` holds. The test that runs the program has the limit. */
export async function until(condition) {
  while (!(await condition())) await sleep(5);
}

/** Whether a promise settles within 3 s: for what may never happen. */
export const soon = (promise) => Promise.race([promise.then(() => true), sleep(3000).then(() => false)]);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Equal values in a row, counted: `[[value, count], …]`. */
export function runs(values) {
  const counted = [];
  for (const value of values) {
    const last = counted.at(-1);
    if (last && JSON.stringify(last[0]) === JSON.stringify(value)) last[1]++;
    else counted.push([value, 1]);
  }
  return counted;
}
