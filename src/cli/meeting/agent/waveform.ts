import { peaksIn, type Voice } from './voice.js';

/** A gap is drawn as wide as this at least, in hundredths of a percent of the width. */
const NARROWEST = 40;

/**
 * A voice as it was heard, in SVG: an upright line for each part, and a rectangle for each gap, in a box of these sizes at the
 * origin. Colours come from the page.
 *
 * @param lengthMs what the width stands for
 */
export function waveform(voice: Voice, width: number, height: number, lengthMs: number): string {
  const { peaks, list, lengthMs: own } = voice;
  const middle = height / 2;
  const loudest = Math.max(...peaks, 0.01);
  const columns = Math.max(1, Math.min(peaks.length, 600));
  const x = (ms: number) => round((ms / lengthMs) * width);
  const lines = peaksIn(voice, columns).map((peak, at) => {
    if (!(peak > 0)) return '';
    const reach = Math.max(0.6, (peak / loudest) * (middle - 1));
    return `M${x(((at + 0.5) / columns) * own)} ${round(middle - reach)}V${round(middle + reach)}`;
  });
  const gaps = list.map(({ at, ms }) => {
    const wide = Math.max(x(ms), (NARROWEST / 10_000) * width);
    return `<rect x="${x(at)}" y="0" width="${round(wide)}" height="${height}"/>`;
  });
  return `${gaps.join('')}<path d="${lines.join('')}"/>`;
}

const round = (value: number) => Math.round(value * 10) / 10;
