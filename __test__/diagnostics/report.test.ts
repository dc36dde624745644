import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Inspection } from '../../src/diagnostics/inspect.js';
import { LISTED, readWanted, Reporter, type Report } from '../../src/livekit/report.js';
import { narrowcast } from '../cli/command.js';
import { until } from '../support/wait.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the agent until the test is over. */
function agent(how: 'leaks' | 'tidy' | 'threads' | 'ends' | 'disposes', env: NodeJS.ProcessEnv) {
  const program = how === 'threads' ? 'reporting-threads.mjs' : 'leaking-agent.mjs';
  const does = how === 'ends' ? ['tidy', '600'] : how === 'disposes' ? ['tidy', '600', 'dispose'] : [how];
  const args = [
    '--import',
    pathToFileURL(join(root, 'dist/livekit/register.js')).href,
    join(root, '__test__/support', program),
    ...does,
  ];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const output = { stderr: '' };
  child.stderr.on('data', (data) => (output.stderr += data));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(stop);
  return { output, stop, exited: () => child.exitCode !== null };
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

test('three planted leaks are told, with their lines, within two periods', async () => {
  const file = join(scratch(), 'report.jsonl');
  const { output, stop } = agent('leaks', { NARROWCAST_REPORT: `1s:${file}`, NARROWCAST_TRACE: '1' });
  await until(() => linesOf(file).length >= 2, 'there are two lines');
  await stop();
  expect(output.stderr).toBe('');
  const [first, second] = linesOf(file).map((line) => JSON.parse(line) as Report);
  expect(first).toMatchObject({ format: 1, line: 1, thread: 0 });
  expect(first!.periodMs).toBeGreaterThanOrEqual(999);
  expect(second!.alive.streams).toBeGreaterThan(first!.alive.streams);
  const { stdout, status } = await narrowcast(['watch', '--once', file]);
  expect(status).toBe(0);
  for (const found of [
    /: streams opened at \S*leaking-agent\.mjs:15 are never closed: \d+ alive, \+[\d,]+ a minute/,
    /: sources opened at \S*leaking-agent\.mjs:16 are never closed: \d+ alive, \+[\d,]+ a minute/,
    /: listeners added at \S*leaking-agent\.mjs:18 are never removed: \d+ alive, \+[\d,]+ a minute/,
  ]) {
    expect(stdout).toMatch(found);
  }
  expect(stdout.match(/are never/g)).toHaveLength(3);
  expect(stdout).toMatch(/process\s.*streams/);
});

test('a program that closes what it opens has nothing said of it', async () => {
  const file = join(scratch(), 'report.jsonl');
  const { output, stop } = agent('tidy', { NARROWCAST_REPORT: `500ms:${file}`, NARROWCAST_TRACE: '1' });
  await until(() => linesOf(file).length >= 4, 'there are four lines');
  const { stdout } = await narrowcast(['watch', '--once', file]);
  await stop();
  expect(output.stderr).toBe('');
  expect(stdout).not.toContain('are never');
  const last = JSON.parse(linesOf(file).at(-1)!) as Report;
  expect(last.alive).toMatchObject({ streams: 4, sources: 1, listeners: 0 });
  expect(last.opened.streams).toBe(last.closed.streams);
});

test('without a file the lines go to standard error, and none keeps the process alive', async () => {
  const { output } = agent('tidy', { NARROWCAST_REPORT: '200ms' });
  await until(() => output.stderr.split('\n').length > 2, 'there are two lines');
  for (const line of output.stderr.trim().split('\n').slice(0, 2)) {
    expect(JSON.parse(line)).toMatchObject({ format: 1 });
  }
});

test.each([
  ['', 'ends'],
  [" after rtc-node's dispose()", 'disposes'],
] as const)('the last line says that the process has ended%s', async (_, how) => {
  const file = join(scratch(), 'report.jsonl');
  const { exited } = agent(how, { NARROWCAST_REPORT: `100ms:${file}` });
  await until(exited, 'it has ended');
  const lines = linesOf(file).map((line) => JSON.parse(line) as Report);
  expect(lines.at(-1)).toMatchObject({ ended: true });
  // The one before may have been under way when the process ended.
  expect(lines.at(-1)!.line - lines.length).toBeOneOf([0, 1]);
  expect(lines.filter(({ ended }) => ended)).toHaveLength(1);
});

test('Reporter: periodMs is the time since the last line, also in the one that comes at the end', async () => {
  const file = join(scratch(), 'report.jsonl');
  // It ends after 600 ms.
  const { exited } = agent('ends', { NARROWCAST_REPORT: `1h:${file}` });
  await until(exited, 'it has ended');
  const [last] = linesOf(file).map((line) => JSON.parse(line) as Report);
  expect(last).toMatchObject({ line: 1, ended: true });
  expect(last!.periodMs).toBeGreaterThanOrEqual(500);
  expect(last!.periodMs).toBeLessThan(60_000);
});

test('Reporter: drops of streams that nothing reads are counted with their place', () => {
  const counts = Object.fromEntries(LISTED.map((kind) => [kind, { opened: 0, closed: 0, forgotten: 0 }]));
  const stream = (id: number, framesDropped: number, of: object = {}) => ({
    id,
    framesDropped,
    framesOut: 1,
    ageMs: 1,
    place: 'agent.js:45',
    awaited: false,
    piped: false,
    unreadMs: 0,
    ...of,
  });
  const inspection = (streams: object[]) =>
    ({
      rooms: [],
      videoStreams: [],
      sources: [],
      tracks: [],
      subscriptions: [],
      listeners: [],
      streams,
      counts,
      pending: { client: [], ownMs: [] },
      stalls: { count: 0, totalMs: 0 },
      engine: { frames: 0, videoFrames: 0, threadWakes: 0, received: 0 },
    }) as unknown as Inspection;
  const reporter = new Reporter();
  reporter.next(inspection([stream(1, 10), stream(2, 10)]));
  const { framesDropped, groups } = reporter.next(
    // One that nothing reads, one that was read late, a new one that nothing reads, a new one that is read.
    inspection([stream(1, 15), stream(2, 20, { framesOut: 2 }), stream(3, 2), stream(4, 1, { awaited: true })]),
  );
  expect(framesDropped).toBe(18);
  expect(groups).toMatchObject([{ kind: 'streams', dropped: 7 }]);
});

test('each thread reports what is its own', async () => {
  const file = join(scratch(), 'report.jsonl');
  agent('threads', { NARROWCAST_REPORT: `200ms:${file}` });
  const reports = () => linesOf(file).map((line) => JSON.parse(line) as Report);
  await until(() => new Set(reports().map(({ thread }) => thread)).size === 2, 'both threads have reported');
  for (const { thread, alive } of reports()) expect(alive.sources).toBe(thread === 0 ? 1 : 2);
});

test.each([
  ['0s', 'is no period'],
  ['x', 'is no period'],
  ['30', 'is no period'],
  ['30s:', 'is no period'],
  ['-1s', 'is no period'],
  ['30d', 'is no period'],
  ['99999h', 'is no period'],
])('NARROWCAST_REPORT=%s is refused in words', (value, words) => {
  expect(readWanted(value)).toMatch(new RegExp(`^NARROWCAST_REPORT=${value} ${words}`));
});

test.each([
  ['30s', { periodMs: 30_000 }],
  ['1.5s', { periodMs: 1500 }],
  ['500ms:a.jsonl', { periodMs: 500, file: 'a.jsonl' }],
  [' 30s ', { periodMs: 30_000 }],
  ['', undefined],
  [' ', undefined],
  ['0', undefined],
  ['false', undefined],
  ['5m:C:\\reports\\a.jsonl', { periodMs: 300_000, file: 'C:\\reports\\a.jsonl' }],
])('NARROWCAST_REPORT=%s is understood', (value, wanted) => {
  expect(readWanted(value)).toEqual(wanted);
});

test('a period that is none is one warning that names the variable, and the program goes on', async () => {
  const { output, exited } = agent('tidy', { NARROWCAST_REPORT: 'x' });
  await until(() => output.stderr.includes('NARROWCAST_REPORT=x is no period'), 'it warns');
  expect(output.stderr.match(/NARROWCAST_REPORT=x/g)).toHaveLength(1);
  expect(exited()).toBe(false);
});

test.skipIf(process.platform !== 'linux').each([
  ['a folder that is not there', '/nowhere/report.jsonl'],
  ['a full disk', '/dev/full'],
])('a report that cannot be written (%s) is one warning, and the program goes on', async (_, path) => {
  const { output, exited } = agent('tidy', { NARROWCAST_REPORT: `50ms:${path}` });
  await until(() => output.stderr.includes(`can't be written to ${path}`), 'it warns');
  // Several periods later.
  const begin = Date.now();
  await until(() => Date.now() - begin > 500, 'periods are over');
  expect(output.stderr.match(/can't be written/g)).toHaveLength(1);
  expect(exited()).toBe(false);
});
