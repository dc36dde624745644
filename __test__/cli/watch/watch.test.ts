import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Group, Report } from '../../../src/livekit/report.js';
import { findings } from '../../../src/cli/watch/findings.js';
import { ReportFile } from '../../../src/cli/watch/report-files.js';
import { watch } from '../../../src/cli/watch/watch.js';
import { Failure } from '../../../src/cli/shared/failure.js';
import { Screen } from '../../../src/cli/shared/screen.js';
import { narrowcast, scratch } from '../command.js';

const kinds = { streams: 0, videoStreams: 0, sources: 0, tracks: 0, subscriptions: 0, listeners: 0 };

function report(of: Partial<Report> = {}): Report {
  return {
    narrowcast: '0.1.0',
    format: 1,
    time: new Date().toISOString(),
    pid: 7,
    thread: 0,
    line: 1,
    periodMs: 30_000,
    rssMb: 90,
    heapMb: 10,
    cpu: 1.5,
    rooms: 1,
    alive: kinds,
    opened: kinds,
    closed: kinds,
    groups: [],
    pending: 0,
    oldestPendingMs: 0,
    frames: 3000,
    framesDropped: 0,
    wakes: 0,
    events: 0,
    stalls: 0,
    stalledMs: 0,
    ...of,
  };
}

const group = (of: Partial<Group>): Group => ({
  kind: 'streams',
  place: 'agent.js:45',
  alive: 6,
  grew: 3,
  idle: 3,
  ended: 0,
  oldestMs: 40_000,
  ...of,
});

const twice = (then: Partial<Group>, now: Partial<Group>) =>
  findings([report({ groups: [group(then)] }), report({ line: 2, groups: [group(now)] })], Date.now());

const text = (file: Report | string) => `${typeof file === 'string' ? file : JSON.stringify(file)}\n`;

async function once(...paths: string[]): Promise<string> {
  let output = '';
  await watch(paths, { once: true }, new Screen({ columns: 120, write: (text) => (output += text) }));
  return output;
}

test('a leak is what grew in both periods, had none closed, and does nothing', () => {
  expect(twice({ alive: 309, grew: 3 }, { alive: 312, grew: 3 })).toEqual([
    'streams opened at agent.js:45 are never closed: 312 alive, +6 a minute',
  ]);
  expect(twice({}, { grew: 0 })).toEqual([]);
  expect(twice({ grew: 0 }, {})).toEqual([]);
  expect(twice({ ended: 1 }, {})).toEqual([]);
  expect(twice({}, { ended: 1 })).toEqual([]);
  expect(twice({}, { idle: 2 })).toEqual([]);
  expect(findings([report({ groups: [group({})] })], Date.now())).toEqual([]);
  const { place: _, ...nowhere } = group({ kind: 'listeners' });
  const without = [report({ groups: [nowhere] }), report({ groups: [nowhere] })];
  expect(findings(without, Date.now())).toEqual([
    'listeners are never removed: 6 alive, +6 a minute (NARROWCAST_TRACE=1 in its environment says where)',
  ]);
});

test('readers that are away, drops, stalls, pending answers and a process that is silent are told of', () => {
  const now = report({
    time: new Date(Date.now() - 120_000).toISOString(),
    groups: [group({ grew: 0, unreadMs: 12_000 })],
    framesDropped: 5,
    stalls: 2,
    stalledMs: 700,
    pending: 3,
    oldestPendingMs: 40_000,
  });
  expect(findings([now], Date.now())).toEqual([
    'streams opened at agent.js:45 are not read: one of them for 12 s',
    '5 frames were dropped in the last 30 s: a reader was late',
    'the thread was blocked 2 times in the last 30 s, for 700 ms in all',
    '3 answers of the engine are pending, one of them for 40 s',
    `has reported nothing since ${now.time.slice(11, 19)} UTC: it was killed, or is blocked`,
  ]);
});

test('several files with several processes make one table', async () => {
  const folder = scratch();
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  writeFileSync(one, text(report({ pid: 11 })) + text(report({ pid: 12, thread: 3 })));
  writeFileSync(other, text(report({ pid: 13, alive: { ...kinds, streams: 1234 } })));
  const output = await once(one, other);
  expect(output).toMatch(/process.*rooms.*streams.*alive/);
  expect(output).toMatch(/ 11 [^]* 12 thread 3 [^]* 13 .* 1,234 /);
  expect(output).toMatch(/nothing looks wrong\n$/);
});

test('a file that is empty, of another version, or no report is told of', async () => {
  const folder = scratch();
  const [empty, version, foreign] = ['empty', 'version', 'foreign'].map((name) => join(folder, name));
  writeFileSync(empty!, '');
  writeFileSync(version!, text(JSON.stringify({ ...report(), narrowcast: '9.0.0', format: 9 })));
  writeFileSync(foreign!, text('a log') + text('null') + text('{"level": 30}') + text(report()));
  expect(await once(empty!)).toContain(`${empty}: no report yet`);
  expect(await once(version!)).toContain(
    `${version}: reports of narrowcast 9.0.0 are left out: watch them with that version`,
  );
  const output = await once(foreign!);
  expect(output).toContain(`${foreign}: 3 lines are no reports, and left out`);
  expect(output).toContain(' 7 ');
});

test('a file that is not there, or cannot be read, is a failure in one line', async () => {
  const folder = scratch();
  await expect(once(join(folder, 'none'))).rejects.toThrow(Failure);
  await expect(once(folder)).rejects.toThrow(/^can't read .*directory/);
});

test('ReportFile: reads what is appended, also a line in parts, and starts again where the file was cut', async () => {
  const path = join(scratch(), 'report');
  const file = new ReportFile(path);
  expect(await file.read()).toBe(false);
  const parts = JSON.stringify(report({ pid: 8 }));
  writeFileSync(path, text(report()) + parts.slice(0, 40));
  await file.read();
  expect(file.reporting.get('7/0')!.reports).toHaveLength(1);
  appendFileSync(path, `${parts.slice(40)}\n${text(report({ line: 2 }))}`);
  await file.read();
  expect(file.reporting.get('7/0')!.reports).toHaveLength(2);
  expect(file.reporting.has('8/0')).toBe(true);
  truncateSync(path, 0);
  appendFileSync(path, text(report({ pid: 9 })));
  await file.read();
  expect([...file.reporting.keys()]).toEqual(['9/0']);
  expect(file.foreign).toBe(0);
});

test('ReportFile: a process that got the number of one that has ended starts anew', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(path, [report(), report({ line: 2 }), report()].map(text).join(''));
  const file = new ReportFile(path);
  await file.read();
  expect(file.reporting.get('7/0')!.reports).toHaveLength(1);
});

test.each([
  ['groups', undefined],
  ['groups', [{ kind: 'cars', alive: 1 }]],
  ['alive', null],
  ['alive', { streams: 1 }],
  ['periodMs', '30s'],
  ['time', 'now'],
])('a report with %s as %j is no report: it is left out, and the others are shown', async (name, value) => {
  const path = join(scratch(), 'report');
  writeFileSync(path, text(JSON.stringify({ ...report({ pid: 6 }), [name]: value })) + text(report()));
  const output = await once(path);

  expect(output).toContain(`${path}: 1 lines are no reports, and left out`);
  expect(output).toContain(' 7 ');
  expect(output).not.toContain(' 6 ');
});

const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

test('a thread that has ended is shown as such for three periods, with what leaked, and then left out', async () => {
  const path = join(scratch(), 'report');
  const lines = (ms: number) => [
    report({ groups: [group({})], time: ago(ms + 30_000) }),
    report({ line: 2, groups: [group({})], time: ago(ms + 10_000) }),
    report({ line: 3, time: ago(ms), ended: true }),
  ];
  writeFileSync(path, lines(80_000).map(text).join(''));
  const ended = await once(path);

  expect(ended).toMatch(/ 7 .* ended /);
  expect(ended).toContain('7: streams opened at agent.js:45 are never closed');
  expect(ended).not.toContain('has reported nothing');
  writeFileSync(path, lines(100_000).map(text).join(''));
  const over = await once(path);
  expect(over).not.toContain(' 7 ');
  expect(over).toMatch(/^nothing looks wrong\n1 thread that has ended or been silent for long: left out\n$/);
});

test('a thread that was killed is told of for twenty periods', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(path, text(report({ time: ago(590_000) })));
  expect(await once(path)).toContain('it was killed, or is blocked');
  writeFileSync(path, text(report({ time: ago(610_000) })));
  expect(await once(path)).not.toContain('it was killed');
});

test('while it runs, it tells what comes, and each thing once', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(path, '');
  let leaking = false;
  const { stdout } = await narrowcast(['watch', path], {
    onOutput: (output, kill) => {
      if (output.includes('never closed')) return kill('SIGTERM');
      if (leaking || !output.includes('no report yet')) return;
      leaking = true;
      for (const line of [1, 2]) appendFileSync(path, text(report({ line, groups: [group({})] })));
    },
  });
  expect(stdout).toBe(
    `${path}: no report yet\n7: streams opened at agent.js:45 are never closed: 6 alive, +6 a minute\n`,
  );
});

test('on a terminal, the table is drawn over, and fits its width', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(path, text(report({ groups: [group({})] })) + text(report({ line: 2, groups: [group({})] })));
  let output = '';
  const columns = 60;
  const screen = new Screen({ isTTY: true, columns, write: (text) => (output += text) });
  await watch([path], { once: true }, screen);
  const lines = output.split('\n').map((line) => line.replace('\x1b[K', ''));
  expect(lines.filter((line) => line.includes('process'))).toHaveLength(1);
  expect(Math.max(...lines.slice(0, 5).map((line) => line.length))).toBeLessThan(columns);
});
