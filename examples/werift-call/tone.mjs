// Tones, and what is heard of them.

/** Seconds of a tone, as a speech synthesis gives it: in floating point, at 24 kHz. */
export function tone(hertz, seconds) {
  return Float32Array.from(
    { length: 24_000 * seconds },
    (_, at) => 0.5 * Math.sin((at * hertz * 2 * Math.PI) / 24_000),
  );
}

/** Reads a stream to its end: how many ms were loud, and how high the tone in them was. */
export async function hear(stream) {
  let [loud, crossings, last] = [0, 0, 0];
  let rate = 0;
  for await (const { data, sampleRate } of stream) {
    rate = sampleRate;
    if (!data.some((sample) => Math.abs(sample) > 4000)) continue;
    loud += data.length;
    for (const sample of data) {
      if (last < 0 && sample >= 0) crossings++;
      if (sample !== 0) last = sample;
    }
  }
  return { loudMs: Math.round((1000 * loud) / rate) || 0, hertz: Math.round((crossings * rate) / loud) || 0 };
}
