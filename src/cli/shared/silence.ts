/** Samples of silence that `samples` begins with. */
export function zerosAtStart(samples: Int16Array): number {
  let zeros = 0;
  while (zeros < samples.length && samples[zeros] === 0) zeros++;
  return zeros;
}

/** Samples of silence that `samples` ends with. */
export function zerosAtEnd(samples: Int16Array): number {
  let end = samples.length;
  while (end > 0 && samples[end - 1] === 0) end--;
  return samples.length - end;
}

/**
 * What was recorded, without the silence that the engine sends before it has something to play and afterwards: as much
 * of it stays as what was played has itself.
 *
 * @param loop was played over and over, `expected` samples of it
 */
export function withoutSilenceAround(recorded: Int16Array, loop: Int16Array, expected: number): Int16Array {
  const lead = zerosAtStart(loop);
  const before = lead < loop.length ? Math.min(lead, expected) : expected;
  const start = Math.max(0, zerosAtStart(recorded) - before);
  let after = 0;
  while (after < expected && loop[(expected - 1 - after) % loop.length] === 0) after++;
  const rest = recorded.subarray(start);
  return rest.subarray(0, rest.length - Math.max(0, zerosAtEnd(rest) - after));
}
