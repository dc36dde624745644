import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runNode } from '../support/child.js';

// The files beside this one are faults of rtc-node, one each. The same program runs on both sides, in processes of their
// own. That the fault shows on the plain side is asserted, too: versions are pinned, so that a new one is looked at when
// it comes, and a test of a fault that upstream has mended is then one of what upstream must not lose again.

interface Options {
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  limitMs?: number;
}

/** Runs a program of `programs`, which prints what it found, on one side. */
async function runOn<Found>(
  side: 'plain' | 'narrowcast',
  program: string,
  { args = [], env = {}, limitMs = 60_000 }: Options = {},
): Promise<Found> {
  const script = fileURLToPath(new URL(`./programs/${program}.mjs`, import.meta.url));
  const { status, signal, stdout, stderr } = await runNode(script, [side, ...args], {
    env: { NODE_ENV: 'production', ...env }, // rtc-node logs less
    limitMs,
  });
  expect({ side, status, signal, stderr }).toEqual({ side, status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as Found;
}

/** Runs a program of `programs` on both sides, one after the other. */
export async function runOnBoth<Found>(
  program: string,
  options?: Options,
): Promise<{ plain: Found; narrowcast: Found }> {
  return {
    plain: await runOn<Found>('plain', program, options),
    narrowcast: await runOn<Found>('narrowcast', program, options),
  };
}
