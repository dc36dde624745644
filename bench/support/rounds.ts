/** ns for each of `times` calls. */
export function time(call: () => void, times: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) call();
  return Number(process.hrtime.bigint() - start) / times;
}

/** Times each in turn, starting with another one in every round: what each took in each round. */
export function rounds<Name extends string>(count: number, sides: Record<Name, () => number>): Record<Name, number[]> {
  const names = Object.keys(sides) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let i = 0; i < 20; i++) for (const name of names) sides[name](); // to warm up
  for (let round = 0; round < count; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]!;
      times[name].push(sides[name]());
    }
  }
  return times;
}
