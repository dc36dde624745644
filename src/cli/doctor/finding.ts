/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  /** What may explain that something is not as expected, although nothing is wrong by itself. */
  readonly warning?: string;
  /** What is wrong, and what to do; undefined if nothing is. */
  readonly problem?: string;
}
