/** What counts as silence, in dB: the level of nothing at all has no number. */
const SILENCE = -120;

/** A second of a sine. */
export function tone(hertz: number, rate: number, amplitude: number): Int16Array {
  return new Int16Array(rate).map((_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * hertz * i) / rate)));
}

/** The sine of this frequency in whole cycles of it: its amplitude, and how far above all else it is, in dB. */
export function sine(samples: Int16Array, hertz: number, rate: number): { amplitude: number; snr: number } {
  const step = (2 * Math.PI * hertz) / rate;
  let [cosine, sinus] = [0, 0];
  for (const [i, sample] of samples.entries()) {
    cosine += (sample * Math.cos(step * i) * 2) / samples.length;
    sinus += (sample * Math.sin(step * i) * 2) / samples.length;
  }
  let [signal, rest] = [0, 0];
  for (const [i, sample] of samples.entries()) {
    const fitted = cosine * Math.cos(step * i) + sinus * Math.sin(step * i);
    signal += fitted ** 2;
    rest += (sample - fitted) ** 2;
  }
  return { amplitude: Math.hypot(cosine, sinus), snr: decibels(Math.sqrt(signal / rest)) };
}

/** A ratio of amplitudes. */
export function decibels(ratio: number): number {
  return Math.max(SILENCE, 20 * Math.log10(ratio));
}
