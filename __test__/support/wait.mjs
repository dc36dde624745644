// What tests, their programs and benchmarks wait with.

/** Waits until `condition` holds, looking again in every turn of the event loop; fails before a test's own limit does. */
export async function until(condition, what, limitMs = 50_000) {
  for (const end = Date.now() + limitMs; !condition();) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await turn();
  }
}

/** One turn of the event loop, in which finalizers and wakes run. */
export function turn() {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Blocks this thread, as a busy agent does. */
export function block(ms) {
  for (const end = performance.now() + ms; performance.now() < end;);
}
