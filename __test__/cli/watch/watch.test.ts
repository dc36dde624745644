import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Group, Report } from '../../../src/livekit/report.js';
import { findings, isOver } from '../../../src/cli/watch/findings.js';
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
  await watch(paths, { once: true }, new Screen({ write: (text) => (output += text) }));
  return output;
}

/** What a terminal of so many columns shows, line by line. */
async function onTerminal(path: string, columns: number): Promise<string[]> {
  let output = '';
  await watch([path], { once: true }, new Screen({ isTTY: true, columns, write: (text) => (output += text) }));
  return output.split('\n').map((line) => line.replace('\x1b[K', ''));
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
  expect(output).toMatch(/process.*alive.*MB.*streams.*sources.*listeners.*drops.*subscriptions/);
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

test('watch --once: a thread that has ended keeps what it leaked, and when that was', async () => {
  const path = join(scratch(), 'report');
  const lines = (ms: number) => [
    report({ groups: [group({})], time: ago(ms + 30_000) }),
    report({ line: 2, groups: [group({})], time: ago(ms + 10_000) }),
    report({ line: 3, time: ago(ms), ended: true }),
  ];
  writeFileSync(path, lines(80_000).map(text).join(''));
  const ended = await once(path);

  expect(ended).toMatch(/ 7 .* ended /);
  expect(ended).toContain('7 (ended 80 seconds ago): streams opened at agent.js:45 are never closed');
  expect(ended).not.toContain('has reported nothing');
  writeFileSync(path, lines(600_000).map(text).join(''));
  const over = await once(path);
  expect(over).toMatch(/ 7 .* ended /);
  expect(over).toContain('7 (ended 10 minutes ago): streams opened at agent.js:45 are never closed');
  expect(over).toMatch(/\nno thread reports any more: the last report came at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/);
});

test('watch --once: nothing wrong with threads that have all ended is not "nothing looks wrong"', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(
    path,
    text(report({ time: ago(700_000) })) + text(report({ line: 2, time: ago(600_000), ended: true })),
  );
  expect(await once(path)).toMatch(
    /^no thread reports any more: .* UTC\n1 thread has ended, and its last report was in order: left out\n$/,
  );
  writeFileSync(path, text(report({ time: ago(20_000) })) + text(report({ line: 2, time: ago(10_000), ended: true })));
  expect(await once(path)).not.toContain('nothing looks wrong');
  appendFileSync(path, text(report({ pid: 8 })));
  expect(await once(path)).toMatch(/\nnothing looks wrong\n$/);
});

test('watch --once: a thread that was killed seven hours ago is told of, with its leak', async () => {
  const path = join(scratch(), 'report');
  const lines = [7.1 * 3_600_000, 7 * 3_600_000].map((ms, at) =>
    report({ line: at + 1, groups: [group({})], time: ago(ms) }),
  );
  writeFileSync(path, lines.map(text).join(''));
  const output = await once(path);
  expect(output).toContain('7 (last report 7 hours ago): streams opened at agent.js:45 are never closed');
  expect(output).toMatch(/7 \(last report 7 hours ago\): has reported nothing since .*: it was killed, or is blocked/);
  expect(output).not.toContain('nothing looks wrong');
});

test('watch: while it runs, a thread that ended is shown for three periods, one that was killed for twenty', () => {
  const ended = (ms: number) => [report(), report({ line: 2, periodMs: 100, time: ago(ms), ended: true })];
  expect(isOver(ended(80_000), Date.now())).toBe(false);
  expect(isOver(ended(100_000), Date.now())).toBe(true);
  expect(isOver([report({ time: ago(590_000) })], Date.now())).toBe(false);
  expect(isOver([report({ time: ago(610_000) })], Date.now())).toBe(true);
});

test('watch: while it runs, threads that are all over are not "nothing looks wrong"', async () => {
  const path = join(scratch(), 'report');
  writeFileSync(path, text(report({ time: ago(700_000) })));
  const { stdout } = await narrowcast(['watch', path], { onOutput: (_, kill) => kill('SIGTERM') });
  expect(stdout).toMatch(/^no thread reports any more: .* UTC\n1 thread .*: left out\n$/);
});

test('watch: a thread that was blocked for a period is not taken for one with longer periods', () => {
  const late = [report(), report({ line: 2, periodMs: 300_000, time: ago(80_000) })];
  expect(findings(late, Date.now())).toEqual([expect.stringContaining('has reported nothing')]);
});

test('drops of streams that nothing reads are said with these streams, and not laid to a reader that is late', () => {
  const leak = [report({ groups: [group({})] }), report({ groups: [group({ dropped: 40 })], framesDropped: 40 })];
  expect(findings(leak, Date.now())).toEqual([
    'streams opened at agent.js:45 are never closed: 6 alive, +6 a minute; they dropped 40 frames in the last 30 s',
  ]);
  const away = report({ groups: [group({ unreadMs: 12_000, dropped: 40 })], framesDropped: 45 });
  expect(findings([away], Date.now())).toEqual([
    'streams opened at agent.js:45 are not read: one of them for 12 s; they dropped 40 frames in the last 30 s',
    '5 frames were dropped in the last 30 s: a reader was late',
  ]);
});

test('watch: a terminal of 80 columns has what tells of a leak, whole columns, and the names of the others', async () => {
  const path = join(scratch(), 'report');
  const alive = { ...kinds, streams: 1234, listeners: 567 };
  const twelve = Array.from({ length: 12 }, (_, at) => report({ pid: 12_345, line: at + 1, rssMb: 1234, alive }));
  const ended = report({ pid: 8, ended: true });
  writeFileSync(path, [...twelve, report({ pid: 8 }), { ...ended, line: 2 }].map(text).join(''));
  const lines = await onTerminal(path, 80);
  expect(lines[1]).toMatch(/^│ process │ alive +│ +MB │ streams │ sources │ listeners │ drops │$/);
  expect(lines.join('\n')).toMatch(/ 12345 .* █{12} │ 1,234 │ +1,234 .* 567 /);
  expect(lines.join('\n')).toMatch(/ 8 .* ended /);
  expect(lines.join('\n')).toContain('\nno room for frames/s, cpu, rooms, tracks, subscriptions\n');
  // Without a terminal there is room for all.
  expect(await once(path)).toMatch(/process.*alive.*MB.*subscriptions │\n/);
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
  const columns = 60;
  const lines = await onTerminal(path, columns);
  expect(lines.filter((line) => line.includes('process'))).toHaveLength(1);
  expect(Math.max(...lines.slice(0, 5).map((line) => line.length))).toBeLessThan(columns);
});
