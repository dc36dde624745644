/** Silence within a voice that was put in because nothing was there to play. All in ms. */
export interface Gap {
  /** From the first sample of the voice. */
  readonly at: number;
  readonly ms: number;
}

/** How a voice without a silent sample of its own was heard. */
export interface VoiceSoFar {
  /** How many gaps it has. */
  readonly gaps: number;
  /** How long these are in all, in ms. */
  readonly missingMs: number;
  /** Its peak in each 100 ms of the latest 6 s, from 0 to 1; -1 where there is a gap. */
  readonly strip: readonly number[];
}

/** A whole voice. */
export interface Voice {
  readonly gaps: number;
  readonly missingMs: number;
  /** From its first sample to its last, gaps included. */
  readonly lengthMs: number;
  /** Each of the gaps, up to 1,000. */
  readonly list: readonly Gap[];
  /** Its peak, from 0 to 1, in parts of equal length. */
  readonly peaks: readonly number[];
}

/** Silence that is shorter is no gap, in ms: the engine plays whole 10 ms. */
const SHORTEST_MS = 5;

/** What a peak is taken of, in ms. */
const PEAK_MS = 10;

/** Peaks of a strip's column, and columns of a strip. */
const PEAKS_PER_COLUMN = 10;
const COLUMNS = 60;

/** Most peaks, and gaps, that a {@link Voice} has. */
const MOST_PEAKS = 1200;
const MOST_GAPS = 1000;

const FULL_SCALE = 32_768;

/** Finds the gaps in a voice that has no silent sample of its own. What is silent before and after it is no gap. */
export class VoiceMeter {
  readonly #sampleRate: number;
  readonly #list: Gap[] = [];
  /** One for each {@link PEAK_MS} since it began; 0: silent throughout. */
  readonly #peaks: number[] = [];
  #gaps = 0;
  #missing = 0;
  /** Samples since it began. */
  #length = 0;
  /** Silent samples at its end. */
  #silent = 0;
  /** Of the part that a peak is taken of. */
  #peak = 0;

  /**
   * @param sampleRate Hz, a multiple of 100
   * @param floor a sample that is no louder is silent: 0 where the voice comes unchanged
   */
  constructor(
    sampleRate: number,
    private readonly floor = 0,
  ) {
    this.#sampleRate = sampleRate;
  }

  /** What was heard next. */
  add(pcm: Int16Array): void {
    const part = (this.#sampleRate / 1000) * PEAK_MS;
    const shortest = (this.#sampleRate / 1000) * SHORTEST_MS;
    for (const sample of pcm) {
      if (Math.abs(sample) <= this.floor) {
        if (this.#length === 0) continue;
        this.#silent++;
      } else {
        if (this.#silent >= shortest) this.#gap();
        this.#silent = 0;
        this.#peak = Math.max(this.#peak, Math.abs(sample));
      }
      if (++this.#length % part !== 0) continue;
      this.#peaks.push(this.#peak / FULL_SCALE);
      this.#peak = 0;
    }
  }

  soFar(): VoiceSoFar {
    const end = Math.ceil(this.#heardPeaks / PEAKS_PER_COLUMN);
    const latest = this.#peaks.slice(Math.max(0, end - COLUMNS) * PEAKS_PER_COLUMN, this.#heardPeaks);
    const strip = columnsOf(latest, PEAKS_PER_COLUMN, (part) => (part.includes(0) ? -1 : Math.max(...part)));
    return { gaps: this.#gaps, missingMs: this.#ms(this.#missing), strip };
  }

  whole(): Voice {
    const heard = this.#peaks.slice(0, this.#heardPeaks);
    const most = Math.ceil(heard.length / MOST_PEAKS);
    return {
      gaps: this.#gaps,
      missingMs: this.#ms(this.#missing),
      lengthMs: this.#ms(this.#length - this.#silent),
      list: this.#list,
      peaks: columnsOf(heard, most, (part) => Math.round(Math.max(...part) * 1000) / 1000),
    };
  }

  #gap(): void {
    const gap = { at: this.#ms(this.#length - this.#silent), ms: this.#ms(this.#silent) };
    if (this.#list.length < MOST_GAPS) this.#list.push(gap);
    this.#gaps++;
    this.#missing += this.#silent;
  }

  /** How many peaks there are up to its last sample that is not silent. */
  get #heardPeaks(): number {
    return Math.ceil((this.#length - this.#silent) / ((this.#sampleRate / 1000) * PEAK_MS));
  }

  #ms(samples: number): number {
    return Math.round((samples / this.#sampleRate) * 1000);
  }
}

/** Its peak in each of so many parts of equal length. */
export function peaksIn({ peaks }: Voice, parts: number): number[] {
  return Array.from({ length: parts }, (_, at) =>
    Math.max(...peaks.slice(Math.floor((at * peaks.length) / parts), Math.ceil(((at + 1) * peaks.length) / parts))),
  );
}

function columnsOf(values: readonly number[], width: number, of: (part: readonly number[]) => number): number[] {
  const columns: number[] = [];
  for (let at = 0; at < values.length; at += width) columns.push(of(values.slice(at, at + width)));
  return columns;
}
