// What came of the runs on each platform: docs/platforms.json, and the table that is made from it.

import fs from 'node:fs';
import path from 'node:path';
import { root } from '../setup.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const file = path.join(root, 'docs', 'platforms.json');

/** @returns {Counts} */
export const none = () => ({ passed: 0, failed: 0, skipped: 0 });

/** Adds `more` to `counts`. */
export function add(counts, more) {
  for (const key of Object.keys(counts)) counts[key] += more[key];
}

export const words = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

export const readResults = () => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {});

/** When it was run. Not the commit: a rebase gives the same code another one. */
export const stamp = () => ({ date: new Date().toISOString().slice(0, 10) });

/** Puts `parts` of a platform's results in place of those of the last run; of a list, those of the same Node. */
export function record(platform, parts) {
  const results = readResults();
  for (const [name, runs] of Object.entries(parts)) {
    if (!Array.isArray(runs)) continue;
    const others = (results[platform]?.[name] ?? []).filter(({ node }) => !runs.some((run) => run.node === node));
    parts[name] = [...others, ...runs].toSorted((a, b) => Number.parseInt(a.node, 10) - Number.parseInt(b.node, 10));
  }
  results[platform] = { ...results[platform], ...parts };
  const sorted = Object.fromEntries(Object.entries(results).toSorted(([a], [b]) => a.localeCompare(b)));
  fs.writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}
