import { existsSync, readdirSync, readFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { difference, differenceText, MAIN_THREAD } from '../../../src/cli/shared/figures.js';
import type { MeetingFigures } from '../../../src/cli/meeting/result.js';
import { noSignals } from '../../support/platform.js';
import { narrowcast, root, scratch } from '../command.js';
import { sideResult } from './figures.js';
import { FakeBackend, holdFake, meetingOptions } from './fake-meeting.js';
import { until } from '../../support/wait.mjs';

// Two processes start, and a meeting takes its time.

afterEach(() => void vi.unstubAllEnvs());

/** The process of the run on rtc-node, as {@link fakeRtcNode} says that it behaves. */
const rtcNodeProgram = fileURLToPath(new URL('fake-rtc-node.mjs', import.meta.url));

function fakeRtcNode(behaviour: 'loses' | 'crashes' | 'refuses' | 'is interrupted'): void {
  vi.stubEnv('FAKE_RTC_NODE', behaviour);
}

test.each([
  { ours: 10, peer: 40, says: '4.0 times less' },
  { ours: 30, peer: 20, says: '1.5 times more' },
  { ours: 100, peer: 102, says: 'the same' },
  // The seconds of each differ by more.
  { ours: 10, peer: 14, spread: [8, 13] as const, says: 'the same' },
  { ours: 10, peer: 14, spread: [9, 12] as const, says: '1.4 times less' },
  { ours: null, peer: 3, says: undefined },
  { ours: 3, peer: null, says: undefined },
])('$ours compared with $peer, of seconds that differ by $spread, is $says', ({ ours, peer, spread, says }) => {
  const result = (mainThreadPercent: number | null) =>
    sideResult({
      mainThreadPercent,
      halfOfSeconds: { mainThreadPercent: spread ?? null, mainThreadUsPerFrame: null, cpuPercent: null },
    });
  const found = difference(MAIN_THREAD, result(ours), result(peer));

  expect(found && differenceText(found)).toBe(says ?? null);
});

test("meeting: tells what the run on rtc-node loses, and does not take it for narrowcast's loss", async () => {
  fakeRtcNode('loses');
  const { status, printed, ours, peer } = await holdFake(meetingOptions(), new FakeBackend((frame) => [frame]), {
    rtcNodeProgram,
    columns: 60,
  });

  expect(status).toBe(0);
  expect(ours.participants.every(({ intact }) => intact)).toBe(true);
  expect(peer?.participants[0]).toMatchObject({ framesReceived: 40, samplesLost: 800, intact: false });
  expect(printed).toMatch(/│ participant-01 .*│ intact +│ 800 lost │/);
  expect(printed).toMatch(/│ samples lost +│ +0 │ +1,600 │/);
  expect(printed).toMatch(/^main thread [\d.]+ %; rtc-node 5\.00 %: /m);
  expect(printed.split('\n').filter((line) => !line.startsWith('every recording') && line.length >= 60)).toEqual([]);
});

test('meeting: exits with status 1 if narrowcast loses something, whatever the run on rtc-node does', async () => {
  fakeRtcNode('loses');
  const backend = new FakeBackend((frame, number) => (number === 3 ? [] : [frame]));
  const { status, printed } = await holdFake(meetingOptions(), backend, { rtcNodeProgram });

  expect(status).toBe(1);
  expect(printed).toContain('2 recordings differ from what was played');
  expect(printed.replace(/\s+/g, ' ')).toContain(
    'sides run for different times and may read different numbers of frames',
  );
});

test.each([
  { name: 'crashes', program: rtcNodeProgram, says: `its process ended with ${noSignals ? 'status 1' : 'SIGKILL'}` },
  { name: 'refuses', program: rtcNodeProgram, says: 'it does not want to' },
  { name: 'loses', program: join(root, 'missing.mjs'), says: 'its process ended with status 1' },
] as const)(
  'meeting: goes on when the run on rtc-node fails, and says why in one line ($says)',
  async ({ name, program, says }) => {
    fakeRtcNode(name);
    const given = meetingOptions();
    const report = join(given.out, 'report.html');
    const backend = new FakeBackend((frame) => [frame]);
    const { status, printed, ours, peer } = await holdFake({ ...given, report }, backend, { rtcNodeProgram: program });

    expect(printed.split('\n').filter((line) => line.includes('rtc-node'))).toEqual([
      `narrowcast: no comparison with rtc-node: ${says}`,
    ]);
    expect(peer).toBeNull();
    expect(ours.participants.map(({ intact }) => intact)).toEqual([true, true]);
    expect(readFileSync(report, 'utf8')).toContain(`No comparison with rtc-node: ${says}`);
    expect(status).toBe(0);
  },
);

test('meeting: Ctrl-C to the run on rtc-node ends both', async () => {
  fakeRtcNode('is interrupted');
  const backend = new FakeBackend((frame) => [frame]);
  const { status, printed, peer } = await holdFake(meetingOptions({ seconds: 3600 }), backend, { rtcNodeProgram });

  expect(status).toBe(130);
  expect(printed).toContain('ended early:');
  // What it had until then is compared.
  expect(peer?.participants).toHaveLength(2);
});

test('nothing of what is recorded is lost by streams that are forgotten beside it, on either side', async () => {
  const folder = scratch();
  const args = [
    'meeting',
    '--scenario',
    'crowd',
    '--participants',
    '2',
    '--seconds',
    '1.5',
    '--forget',
    '10',
    '--json',
    'a.json',
  ];
  const { status, stderr } = await narrowcast(args, { cwd: folder });
  const { ours, peer, meeting } = figuresIn(folder);

  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(meeting.forget).toBe(10);
  // The frames of two, with silence before and after; the others are those of forgotten streams.
  expect(ours.events!.published).toBeGreaterThan(4 * 150);
  expect(ours.participants.map(({ samplesPlayed, samplesLost }) => ({ samplesPlayed, samplesLost }))).toEqual(
    Array.from({ length: 2 }, () => ({ samplesPlayed: 24_000, samplesLost: 0 })),
  );
  expect(peer!.participants.map(({ framesReceived }) => framesReceived > 0)).toEqual([true, true]);
});

test('the same meeting on plain rtc-node, side by side', async () => {
  const folder = scratch();
  const args = ['meeting', '--scenario', 'crowd', '--participants', '2', '--seconds', '1.5', '--json', 'a.json'];
  const { status, stdout, stderr } = await narrowcast(args, { cwd: folder });
  const { ours, peer, meeting, machine } = figuresIn(folder);

  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(meeting).toEqual({ participants: 2, seconds: 1.5, sampleRate: 16_000, frameMs: 10, stall: 0, forget: 0 });
  expect(machine.node).toBe(process.version);
  expect(stdout).toMatch(/│ +narrowcast │ +rtc-node │ +ratio │/);
  expect(Object.keys(peer!).toSorted()).toEqual(Object.keys(ours).toSorted());
  expect(peer!.events).toBeNull();
  // Windows counts a thread's time in steps of 15.6 ms: of so short a meeting there may be none.
  if (process.platform !== 'win32') {
    expect(peer!.mainThreadPercent).toBeGreaterThan(0);
    expect(peer!.idlePercent).toBeGreaterThan(0);
  }
  // From the start, and one a second as far as the machine lets it.
  expect(peer!.samples[0]).toMatchObject({ at: 0, mainThreadPercent: null });
  expect(peer!.samples.length).toBeGreaterThan(1);
  for (const { identity, samplesPlayed, samplesLost, framesReceived, framesDropped } of peer!.participants) {
    expect({ samplesPlayed, framesDropped }).toEqual({ samplesPlayed: 24_000, framesDropped: null });
    // On a machine that holds the process up it loses some.
    expect(samplesLost).toBeLessThan(samplesPlayed);
    const wav = readFileSync(join(folder, 'recordings', 'rtc-node', `${identity}.wav`));
    expect(wav.length).toBe(44 + framesReceived * 320);
  }
  const report = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(report).toContain('narrowcast beside plain rtc-node');
});

test('--no-compare and --no-report leave them out', async () => {
  const folder = scratch();
  const args = [
    'meeting',
    '--scenario',
    'crowd',
    '--no-compare',
    '--no-report',
    '--seconds',
    '0.2',
    '--json',
    'a.json',
  ];
  const { status, stdout } = await narrowcast(args, { cwd: folder });

  expect(status).toBe(0);
  expect(stdout).not.toContain('rtc-node');
  expect(figuresIn(folder).peer).toBeNull();
  expect(readdirSync(folder).toSorted()).toEqual(['a.json', 'recordings']);
  expect(existsSync(join(folder, 'recordings', 'rtc-node'))).toBe(false);
});

test.skipIf(!existsSync('/dev/full'))(
  'meeting: goes on when the disk is full for the run on rtc-node alone',
  async () => {
    const folder = scratch();
    mkdirSync(join(folder, 'recordings', 'rtc-node'), { recursive: true });
    symlinkSync('/dev/full', join(folder, 'recordings', 'rtc-node', 'participant-02.wav'));
    const args = ['meeting', '--scenario', 'crowd', '--participants', '2', '--seconds', '0.5', '--json', 'a.json'];
    const { status, stdout } = await narrowcast(args, { cwd: folder });

    expect(stdout).toContain(
      "narrowcast: no comparison with rtc-node: can't write recordings/rtc-node/participant-02.wav: no space left",
    );
    expect(stdout).toMatch(/2 participants, [\d,]+ frames read, 0 of 16,000 samples lost/);
    expect(figuresIn(folder).peer).toBeNull();
    expect(status).toBe(0);
  },
);

// The processes of others are found in /proc.
const elsewhere = process.platform !== 'linux';

test.skipIf(elsewhere).each([
  { name: 'Ctrl-C in the terminal', signal: 'SIGINT', to: 'both', status: 130 },
  { name: 'Ctrl-C for narrowcast alone', signal: 'SIGINT', to: 'ours', status: 130 },
  { name: 'Ctrl-C for rtc-node alone', signal: 'SIGINT', to: 'peer', status: 130 },
  { name: 'SIGTERM for narrowcast alone', signal: 'SIGTERM', to: 'ours', status: 143 },
] as const)('meeting: $name ends both runs early, with everything written', async ({ signal, to, status }) => {
  const folder = scratch();
  const meeting = await startMeeting(folder);
  if (to === 'both') process.kill(-meeting.pid, signal);
  else process.kill(to === 'ours' ? meeting.pid : meeting.peer, signal);

  expect(await meeting.ended).toBe(status);
  expect(meeting.stderr()).toBe('');
  expect(meeting.stdout()).toContain('ended early:');
  await gone(meeting.peer);
  const { ours, peer } = figuresIn(folder);
  expect(ours.participants.map(({ intact }) => intact)).toEqual([true, true]);
  for (const { identity, framesReceived } of peer!.participants) {
    const wav = readFileSync(join(folder, 'recordings', 'rtc-node', `${identity}.wav`));
    expect(wav.readUInt32LE(40)).toBe(framesReceived * 320);
  }
});

test.skipIf(elsewhere)("meeting: the run on rtc-node ends when narrowcast's process is killed", async () => {
  const meeting = await startMeeting(scratch());
  process.kill(meeting.pid, 'SIGKILL');

  expect(await meeting.ended).toBe('SIGKILL');
  await gone(meeting.peer);
});

test.skipIf(elsewhere)('meeting: goes on when the run on rtc-node is killed', async () => {
  const folder = scratch();
  const meeting = await startMeeting(folder, '3');
  process.kill(meeting.peer, 'SIGKILL');

  expect(await meeting.ended).toBe(0);
  expect(meeting.stdout()).toContain('narrowcast: no comparison with rtc-node: its process ended with SIGKILL\n');
  const { ours, peer } = figuresIn(folder);
  expect(peer).toBeNull();
  expect(ours.participants.map(({ samplesPlayed, intact }) => ({ samplesPlayed, intact }))).toEqual([
    { samplesPlayed: 48_000, intact: true },
    { samplesPlayed: 48_000, intact: true },
  ]);
});

function figuresIn(folder: string): MeetingFigures {
  return JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as MeetingFigures;
}

/** Starts a meeting on both sides, as the leader of a group of processes, and waits until both play. */
async function startMeeting(folder: string, seconds = '3600') {
  const program = join(root, 'dist', 'cli', 'main.cjs');
  const args = [
    program,
    'meeting',
    '--scenario',
    'crowd',
    '--participants',
    '2',
    '--seconds',
    seconds,
    '--json',
    'a.json',
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<string | number | null>((resolve) =>
    child.on('close', (status, signal) => resolve(signal ?? status)),
  );
  const pid = child.pid!;
  const peerFile = join(folder, 'recordings', 'rtc-node', 'participant-02.wav');
  // Recordings are written in blocks of a second.
  await until(() => existsSync(peerFile) && readFileSync(peerFile).length > 44, "rtc-node's recording has sound");
  const peer = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  return { pid, peer, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Resolves when there is no such process any more. */
function gone(pid: number): Promise<void> {
  return until(() => !existsSync(`/proc/${pid}`), 'the process has ended');
}
