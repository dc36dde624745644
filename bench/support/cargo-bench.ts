import { spawnSync } from 'node:child_process';

/** What a Rust benchmark prints of a case: ns per event, each round, of ours and of the field's channels. */
export interface NativeRounds {
  readonly case: string;
  readonly ours: number[];
  readonly tokio?: number[];
  readonly crossbeam?: number[];
}

/** The fastest of the rounds of one run: what disturbs a loop of nanoseconds only ever adds. */
export function fastest({ ours }: NativeRounds): number {
  return Math.min(...ours);
}

/**
 * Builds and runs a Rust benchmark of a checkout (default: this process's folder).
 *
 * @throws Error if cargo fails
 */
export function cargoBench(crate: string, name: string, folder = '.'): NativeRounds[] {
  const { status, stdout } = spawnSync('cargo', ['bench', '--quiet', '--package', crate, '--bench', name], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`cargo bench ${name} failed`);
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as NativeRounds);
}
