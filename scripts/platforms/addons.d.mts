/** What facts.py tells of an addon. */
export interface Facts {
  readonly system: string | null;
  readonly bytes: number;
  readonly [fact: string]: unknown;
}
export function faults(platform: string, facts: Facts): string[];
