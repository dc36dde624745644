// What a program printed, and how two sides of it are compared.

/** A line: what an object showed. Where that is a count: by how much narrowcast's may differ, or only be higher. */
type Entry = readonly [what: string, value: unknown, tolerance?: number | { readonly more: number }];

/** By object, in the order in which each showed them. */
export type Trace = Record<string, Entry[]>;

/** Something that is not the same on both sides, and why. */
export interface Difference {
  /** As the trace has it. */
  readonly program: string;
  readonly object: string;
  readonly what: string;
  /** What each side shows. */
  readonly plain: unknown;
  readonly narrowcast: unknown;
  /** The sides on which narrowcast does, `register` and `install`; both, if left out. */
  readonly sides?: readonly string[];
  /** The conditions under which it does; all, if left out. */
  readonly conditions?: readonly string[];
  /** A sentence for docs/guarantees.md. */
  readonly reason: string;
}

/** Reads what a program printed. */
export function parseTrace(text: string): Trace {
  const trace: Trace = {};
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [object, ...entry] = JSON.parse(line) as [string, ...Entry];
    (trace[object] ??= []).push(entry);
  }
  return trace;
}

/**
 * `ours` with plain's values where it may have its own: where a count is within its tolerance, and where a difference says
 * what each side shows. What then is not plain's is a fault.
 */
export function withAllowances(ours: Trace, plain: Trace, differences: readonly Difference[]): Trace {
  const unused = new Set(differences);
  const allowed = (object: string, entry: Entry, other: Entry | undefined): Entry => {
    const [what, value, tolerance = 0] = entry;
    if (other?.[0] !== what) return entry;
    const more = Number(value) - Number(other[1]);
    if (typeof tolerance === 'object' ? more <= tolerance.more : Math.abs(more) <= tolerance) return other;
    for (const difference of differences) {
      if (difference.object !== object || difference.what !== what) continue;
      if (!same(difference.narrowcast, value) || !same(difference.plain, other[1])) continue;
      unused.delete(difference);
      return other;
    }
    return entry;
  };
  const result = Object.fromEntries(
    Object.entries(ours).map(([object, entries]) => [
      object,
      entries.map((entry, at) => allowed(object, entry, plain[object]?.[at])),
    ]),
  );
  // One that does not show is no difference any more: it has to leave the list.
  for (const { object, what, reason } of unused) (result[object] ??= []).push([`no difference of ${what}`, reason]);
  return result;
}

/** A line for each entry, the objects in an order of their own. */
export function asText(trace: Trace): string {
  const objects = Object.keys(trace).toSorted();
  return objects
    .flatMap((object) => trace[object]!.map(([what, value]) => `${object}: ${what}: ${JSON.stringify(value)}\n`))
    .join('');
}

/** A trace without the count of handles: rtc-node's own streams lose some by chance, whatever client they have. */
export function withoutLosses(trace: Trace): Trace {
  return Object.fromEntries(
    Object.entries(trace).map(([object, entries]) => [
      object,
      entries.filter(([what]) => object !== 'leftovers' || what !== 'handles'),
    ]),
  );
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
