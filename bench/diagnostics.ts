// What looking inside costs. `npm run bench -- diagnostics`:
//
// - a line of NARROWCAST_REPORT, of programs with few and with many objects, in µs of the main thread, and as a part of a core at
//   the period of 30 s;
// - how exact the length of a stall is that `narrowcast:stall` tells, in ms;
// - with `--soak MINUTES`: what `narrowcast watch` says after each line of a program that closes what it opens, which is to be
//   nothing about leaks, and for a minute of one with three planted leaks, which is to be told by the second line; `--period 10s`.
//
// What it costs that one can look inside: `npm run bench -- compare --only audio-stream,broadcast --most 2 --against FOLDER`, a
// checkout of the commit before the first of `git log -- src/diagnostics`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findings } from '../src/cli/watch/findings.js';
import type { Report } from '../src/livekit/report.js';
import { inProcess } from './support/child.js';
import { bench, row } from './support/harness.js';
import type { ReportCost } from './support/report-side.js';
import type { StallLength } from './support/stall-length.js';

const ROUNDS = 5;
const STALLS = 50;
const PERIOD_MS = 30_000;

/** Objects of each kind. */
const SIZES = { agent: 8, leaking: 300 } as const;

/** What leaks as fast as that program is a machine's whole work after some minutes. */
const LEAKING_MINUTES = 1;

await bench<'soak' | 'period'>(
  'diagnostics',
  async (add, { soak, period = '10s' }) => {
    for (const [name, objects] of Object.entries(SIZES)) {
      const costs: ReportCost[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const env = { ...process.env, NARROWCAST_TRACE: '1' };
        costs.push(await inProcess(new URL('support/report-side.ts', import.meta.url), [String(objects)], { env }));
      }
      const note = `${objects} streams, sources and listeners; a line has ${costs[0]!.bytes} bytes`;
      add(
        row(
          `report/${name}/line`,
          'µs',
          costs.map(({ lineUs }) => lineUs),
          undefined,
          note,
        ),
      );
      const percent = costs.map(({ lineUs }) => (lineUs / 1000 / PERIOD_MS) * 100);
      add(row(`report/${name}/core`, '% of a core, at 30 s', percent, undefined, 'at most 0.1'));
    }
    const { beyondMs, intervalMs } = await inProcess<StallLength>(new URL('support/stall-length.ts', import.meta.url), [
      String(STALLS),
    ]);
    add(
      row(
        'stall/length/beyond',
        'ms',
        beyondMs,
        undefined,
        'what a stall’s true length is outside of what is told; at most 2',
      ),
    );
    add(row('stall/length/beyond-most', 'ms', [Math.max(...beyondMs)]));
    add(row('stall/length/interval', 'ms', intervalMs));
    if (soak !== undefined) {
      const [tidy, leaks] = await Promise.all([
        told('tidy', Number(soak), period),
        told('leaks', Math.min(Number(soak), LEAKING_MINUTES), period),
      ]);
      add(
        row(
          'soak/tidy/leaks-told',
          'of none',
          [tidy.leaks.size],
          undefined,
          `${tidy.lines} lines; said: ${tidy.words}`,
        ),
      );
      const late = Math.max(...leaks.leaks.values());
      add(row('soak/leaks/leaks-told', 'of 3', [leaks.leaks.size], undefined, `${leaks.lines} lines; ${leaks.words}`));
      add(row('soak/leaks/last-told-by', 'line', [late]));
    }
  },
  ['soak', 'period'],
);

/** What is said of a program while it runs: its leaks, by their place, with the line that first told of each. */
async function told(how: 'tidy' | 'leaks', minutes: number, period: string) {
  const scratch = mkdtempSync(join(tmpdir(), 'narrowcast-bench-'));
  try {
    const file = join(scratch, 'report.jsonl');
    const root = fileURLToPath(new URL('..', import.meta.url));
    const program = join(root, '__test__', 'support', 'leaking-agent.mjs');
    const flag = ['--import', pathToFileURL(join(root, 'dist', 'livekit', 'register.js')).href];
    const child = spawn(process.execPath, [...flag, program, how, String(minutes * 60_000)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, NARROWCAST_TRACE: '1', NARROWCAST_REPORT: `${period}:${file}` },
    });
    await once(child, 'exit');
    const reports = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Report);
    const leaks = new Map<string, number>();
    const others = new Set<string>();
    for (const [at, { time }] of reports.entries()) {
      for (const words of findings(reports.slice(Math.max(0, at - 1), at + 1), Date.parse(time))) {
        const what = words.replace(/: .*/, '');
        if (!words.includes('are never')) others.add(words.replace(/\d[\d,.]*/g, 'N'));
        else if (!leaks.has(what)) leaks.set(what, at + 1);
      }
    }
    const words = [...leaks.keys(), ...others].join('; ') || 'nothing';
    return { lines: reports.length, leaks, words };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
