import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, type TestContext } from 'vitest';
import { differences } from './differences.js';
import { asText, parseTrace, withAllowances, withoutLosses, type Trace } from './trace.js';

// Programs that use rtc-node as it is documented, and know nothing of narrowcast. Each runs with rtc-node alone and with
// narrowcast, at the same time and under the same condition, and has to show the same.

const here = new URL('./', import.meta.url);
const flag = new URL('../../dist/livekit/register.js', here);

/** What is loaded before a program, on each side. */
const sides = {
  /** rtc-node alone. */
  plain: [],
  /** `--import narrowcast/livekit/register`: narrowcast's classes in place of rtc-node's. */
  register: [flag],
  /** rtc-node's own classes, after `install()`. */
  install: [new URL('installed.mjs', here)],
} satisfies Record<string, URL[]>;

type Side = keyof typeof sides;

/** What else the program's thread has to do: see conditions.mjs. */
const conditions = ['idle', 'blocked', 'turns'];

/** Below the test's own, so that it can be told how far a program came. */
const LIMIT_MS = 170_000;

/** What a program is given, and what it may ask of the test. */
export interface Surroundings {
  readonly argument?: unknown;
  readonly onMessage?: (message: unknown) => Promise<void>;
}

/** How a program ended, and what it showed until then. */
interface Ended {
  readonly trace: Trace;
  /** What it and rtc-node printed beside its trace: no part of what is compared. */
  readonly printed: string;
}

/** Tests that each program of `programs/FOLDER` shows the same on all sides, under each condition. */
export function testPrograms(folder: string, surroundings: () => Promise<Surroundings>): void {
  const programs = fs
    .readdirSync(new URL(`programs/${folder}/`, here))
    .flatMap((file) => (file.endsWith('.mjs') ? [`${folder}/${file.slice(0, -4)}`] : []));
  // Two at a time, but one where each of its processes takes all that a processor has.
  describe.each(conditions)('%s', { concurrent: true }, (condition) => {
    const each = condition === 'turns' ? test.sequential : test;
    each.for(programs)('%s shows the same with narrowcast as with rtc-node alone', async (program, context) => {
      const run = async (side: Side) => runSide(program, side, condition, await surroundings(), context);
      const [plain, register, install] = await Promise.all([run('plain'), run('register'), run('install')]);
      // With another status rtc-node has not shown what it is to show.
      context
        .expect(plain.trace.process, asText(plain.trace) + plain.printed)
        .toEqual([['ended', { status: 0, signal: null }]]);
      for (const [side, ours] of Object.entries({ register, install })) {
        const known = differences.filter(
          (difference) =>
            difference.program === program &&
            (difference.sides ?? ['register', 'install']).includes(side) &&
            (difference.conditions ?? conditions).includes(condition),
        );
        // With install() the streams are rtc-node's own, and lose by chance what they lose without it.
        const comparable = side === 'install' ? withoutLosses : (trace: Trace) => trace;
        const expected = comparable(atWork(plain, false));
        const shown = withAllowances(comparable(atWork(ours, true)), expected, known);
        const message = `with ${side}; what each printed beside its trace:\n${plain.printed}\n${side}:\n${ours.printed}`;
        context.expect.soft(asText(shown), message).toBe(asText(expected));
      }
    });
  });
}

/** A trace without the line that says whether narrowcast carried the engine's events, which is checked. */
function atWork({ trace, printed }: Ended, narrowcast: boolean): Trace {
  const { 'at work': said, ...rest } = trace;
  expect({ printed, said }).toEqual({ printed, said: [['narrowcast', narrowcast]] });
  return rest;
}

/** Runs a program to its end. */
async function runSide(
  program: string,
  side: Side,
  condition: string,
  { argument, onMessage }: Surroundings,
  { onTestFinished }: TestContext,
): Promise<Ended> {
  const imports = [...sides[side], new URL('at-work.mjs', here), new URL('conditions.mjs', here)];
  const args = imports.flatMap(({ href }) => ['--import', href]);
  const script = fileURLToPath(new URL(`programs/${program}.mjs`, here));
  const child = spawn(process.execPath, ['--expose-gc', ...args, script, JSON.stringify(argument ?? null)], {
    env: { ...process.env, NODE_ENV: 'production', RUST_LOG: 'off', CONDITION: condition, TRACE_FD: '3' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [lines, printed] = ['', ''];
  child.stdio[3]!.on('data', (data) => (lines += data));
  for (const output of [child.stdout!, child.stderr!]) output.on('data', (data) => (printed += data));
  child.on('message', (message) => void onMessage?.(message));
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(limit);
  return { trace: { ...parseTrace(lines), process: [['ended', { status, signal }]] }, printed };
}
