// `npm run platforms [-- --check]`: makes the table of platforms in README.md and docs/guarantees.md from docs/platforms.json, the
// results of the last recorded runs. With --check, only says whether these are its text.

import fs from 'node:fs';
import path from 'node:path';
import { fail, root, say } from '../setup.mjs';
import { readResults } from './results.mjs';
import { PLATFORMS } from './targets.mjs';

const [BEGIN, END] = ['<!-- npm run platforms -->', '<!-- end -->'];
const NOT_RUN = '–';

const counts = (runs) =>
  ['passed', 'failed', 'skipped'].map((key) => runs.reduce((sum, run) => sum + run[key], 0)).join(' / ');
const nodes = (runs) => `Node ${runs.map(({ node }) => node).join(', ')}`;
/** Of the newest of some runs. */
const date = (...runs) =>
  runs
    .map((run) => run.date)
    .toSorted()
    .at(-1);

/** Why a cell has no run, where none can be had: `npm run test:platform` has no machine for it, or there is nothing to run. */
const CAN_NOT = [
  ['engine', /musl|win32-arm64/, 'LiveKit has none'],
  ['suite', /linux-arm64/, 'too slow in qemu'],
  ['', /darwin/, 'needs a Mac'],
  ['', /win32-arm64/, 'needs such a PC'],
];

/** A cell that was run, or else why not, or a dash. */
function cell(runs, text, platform, part) {
  if (runs !== undefined && runs.length > 0) return text(runs);
  return CAN_NOT.find(([of, where]) => (of === '' || of === part) && where.test(platform))?.[2] ?? NOT_RUN;
}

/** The table. */
export function table(results = readResults()) {
  const rows = Object.values(PLATFORMS).map((platform) => {
    const { checked, smoke, suite, rust, engine, by } = results[platform] ?? {};
    const dates = [checked, ...(smoke ?? []), ...(suite ?? []), rust, engine].filter(Boolean);
    return [
      platform.replace('-msvc', ''),
      checked ? `${(checked.bytes / 1e6).toFixed(2)} MB` : NOT_RUN,
      cell(smoke, (runs) => `${nodes(runs)}: ${counts(runs)}`, platform, 'smoke'),
      cell(rust && [rust], counts, platform, 'rust'),
      cell(suite, (runs) => `${nodes(runs)}: ${counts(runs)}`, platform, 'suite'),
      cell(engine && [engine], (runs) => `${engine.version}: ${counts(runs)}`, platform, 'engine'),
      by ?? 'not run',
      dates.length > 0 ? date(...dates) : NOT_RUN,
    ];
  });
  const head = [
    'platform',
    'built, checked',
    'package, each part once',
    'Rust tests',
    'whole suite',
    "LiveKit's engine",
    'run by',
    'last',
  ];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Why tests were skipped in the whole suites, as a list. */
function skips(results = readResults()) {
  return Object.values(PLATFORMS)
    .flatMap((platform) =>
      (results[platform]?.suite ?? []).map(({ node, reasons = {} }) => {
        const parts = Object.entries(reasons).toSorted(([, a], [, b]) => b - a);
        const words = parts.map(([why, count]) => `${count} (${why})`).join(', ') || 'not told';
        return `- ${platform.replace('-msvc', '')}, Node ${node}: ${words}.`;
      }),
    )
    .join('\n');
}

const wrong = [];
for (const name of ['README.md', 'docs/guarantees.md']) {
  const file = path.join(root, name);
  const text = fs.readFileSync(file, 'utf8');
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start === -1 || end < start) fail(`platforms: ${name} has no ${BEGIN} before ${END}.`);
  // README has the table alone.
  const list = name === 'README.md' ? '' : `Skipped in the whole suite, and why:\n\n${skips()}\n\n`;
  const made = `${text.slice(0, start + BEGIN.length)}\n\n${table()}\n\n${list}${text.slice(end)}`;
  if (made === text) continue;
  if (process.argv.includes('--check')) wrong.push(name);
  else fs.writeFileSync(file, made);
}
if (wrong.length > 0)
  fail(`${wrong.join(' and ')}: not the table of docs/platforms.json; \`npm run platforms\` makes it.`);
say('the tables of platforms are current.');
