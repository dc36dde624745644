/** What of a terminal, or of a file or pipe in its place, a {@link Screen} uses. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Where nothing says how wide a terminal is. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Lines that are drawn over and over in the same place of a terminal. */
export class Screen {
  readonly #output: Output;
  /** Lines that are on the terminal now, to be drawn over. */
  #drawn: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  /** Whether lines can be drawn over: otherwise print, and only what is worth a line. */
  get live(): boolean {
    return this.#output.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  get columns(): number {
    // A terminal that does not know its size says 0.
    return this.#output.columns || DEFAULT_COLUMNS;
  }

  /** Columns that a table may take: a file or pipe has room for everything. */
  get width(): number {
    return this.#output.isTTY === true ? this.columns : Infinity;
  }

  get rows(): number {
    return this.#output.rows || DEFAULT_ROWS;
  }

  /** Replaces what was drawn last. No line may be as wide as the terminal. */
  draw(lines: readonly string[]): void {
    this.print(lines);
    this.#drawn = lines;
  }

  /** Prints lines that stay, in place of what was drawn last. */
  print(lines: readonly string[]): void {
    if (this.live) {
      // Line by line: some terminals keep what is cleared all at once in their history.
      this.#output.write(`${this.#back()}${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    } else {
      this.#output.write(`${lines.join('\n')}\n`);
    }
    this.#drawn = [];
  }

  /** Moves to the first line drawn. A terminal that became narrower has broken its lines into several. */
  #back(): string {
    const rows = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / this.columns)), 0);
    return rows > 0 ? `\x1b[${rows}A\r` : '';
  }
}
