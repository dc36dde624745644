/** The name that a misspelled one is most like; undefined if it is not like any of them. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Infinity;
  for (const candidate of known) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits <= Math.max(name.length, candidate.length) / 2) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** How many letters have to be added, left out or changed to make one word of the other (Levenshtein). */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const edits = [row];
    for (let at = 1; at <= to.length; at++) {
      const changed = above[at - 1]! + (from[row - 1] === to[at - 1] ? 0 : 1);
      edits.push(Math.min(changed, above[at]! + 1, edits[at - 1]! + 1));
    }
    above = edits;
  }
  return above[to.length]!;
}
