import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readRecording } from '../../../src/cli/shared/wav-reader.js';
import type { MeetingResult } from '../../../src/cli/meeting/result.js';
import { synthesizeVoice } from '../../../src/cli/meeting/synthetic-voice.js';
import { withoutSilenceAround } from '../../../src/cli/shared/silence.js';
import { noSignals } from '../../support/platform.js';
import { narrowcast, samePcm, scratch } from '../command.js';
import { full } from '../shared/disk.js';
import { bytesOf, wavBytes } from '../wav.js';
import { FakeBackend, holdFake, meetingOptions } from './fake-meeting.js';

// A meeting takes its time, and so does the start of a process.

afterEach(() => void vi.restoreAllMocks());

/** A meeting of equals, four of them unless there is more on the command line. */
const crowd = ['meeting', '--scenario', 'crowd', '--participants', '4'];

test('what arrives whole is intact', async () => {
  const backend = new FakeBackend((frame) => [frame]);
  const { status, printed, ours } = await holdFake(meetingOptions(), backend);

  expect(status).toBe(0);
  expect(printed.replace(/\s+/g, ' ')).toContain('samples lost, every recording in');
  expect(ours.participants).toEqual(
    ['participant-01', 'participant-02'].map((identity) => ({
      identity,
      samplesPlayed: 4000,
      framesReceived: expect.any(Number),
      framesDropped: 0,
      samplesLost: 0,
      intact: true,
    })),
  );
  expect(printed.replace(/\s+/g, ' ')).toContain('0 of 8,000 samples lost');
  // The silence before and after it, too.
  expect(ours.participants[0]!.framesReceived).toBeGreaterThan(50);
  expect(backend.left).toBe(1);
});

test('what is still on its way at the end is waited for', async () => {
  const backend = new FakeBackend((frame) => [frame]);
  backend.delay = 20; // twice as long as it takes to play
  const { status, ours } = await holdFake(meetingOptions(), backend);

  expect(status).toBe(0);
  expect(ours.participants.map(({ samplesLost, intact }) => ({ samplesLost, intact }))).toEqual([
    { samplesLost: 0, intact: true },
    { samplesLost: 0, intact: true },
  ]);
});

test('streams of all participants in turn are forgotten while it is played, where asked', async () => {
  const backend = new FakeBackend((frame) => [frame]);
  await holdFake(meetingOptions({ seconds: 1, forget: 20 }), backend);

  expect(backend.forgotten.length).toBeGreaterThanOrEqual(3);
  expect(backend.forgotten).toEqual(backend.forgotten.map((_, at) => at % 2));
  const { length } = backend.forgotten;
  const other = new FakeBackend((frame) => [frame]);
  await holdFake(meetingOptions(), other);
  expect(other.forgotten).toEqual([]);
  // The first meeting is over, and no more is forgotten.
  expect(backend.forgotten).toHaveLength(length);
});

test.each<{ name: string; spoil: (frame: Int16Array) => Int16Array[]; lost: number }>([
  {
    name: 'a frame that is missing',
    spoil: () => [],
    lost: 80,
  },
  { name: 'a frame that comes twice', spoil: (frame) => [frame, frame], lost: 0 },
  { name: 'a frame that is changed', spoil: (frame) => [frame.fill(0)], lost: 80 },
])('$name is told, with status 1', async ({ spoil, lost }) => {
  const backend = new FakeBackend((frame, number, seat) => (seat === 1 && number === 20 ? spoil(frame) : [frame]));
  const { status, printed, ours } = await holdFake(meetingOptions(), backend);

  expect(status).toBe(1);
  expect(printed.replace(/\s+/g, ' ')).toContain('1 recording differs from what was played');
  expect(ours.participants[0]).toMatchObject({ samplesLost: 0, intact: true });
  expect(ours.participants[1]).toMatchObject({ samplesLost: lost, intact: false });
});

test('frames that change places are damage', async () => {
  let held: Int16Array | undefined;
  const backend = new FakeBackend((frame, number, seat) => {
    if (seat !== 1) return [frame];
    if (number === 20) {
      held = frame;
      return [];
    }
    return number === 21 ? [frame, held!] : [frame];
  });
  const { status, ours } = await holdFake(meetingOptions(), backend);

  expect(status).toBe(1);
  expect(ours.participants[1]).toMatchObject({ samplesLost: 80, intact: false });
});

test('a piece that the engine refuses fails the meeting', async () => {
  const backend = new FakeBackend((frame) => [frame]);
  backend.play = () => Promise.reject(new Error('it does not take that'));

  await expect(holdFake(meetingOptions(), backend)).rejects.toThrow('it does not take that');
  expect(backend.left).toBe(1);
});

test('an engine that breaks fails the meeting, with complete files and nothing left open', async () => {
  const backend = new FakeBackend((frame) => [frame]);
  backend.broken = Promise.reject(new Error('the engine broke'));
  backend.broken.catch(() => {});
  const given = meetingOptions();

  await expect(holdFake(given, backend)).rejects.toThrow('the engine broke');
  expect(backend.left).toBe(1);
  await readRecording(join(given.out, 'participant-01.wav'), 8000);
});

test('a disk that is full in the middle fails the meeting, and nothing hangs', async () => {
  const handle = await open(import.meta.filename);
  await handle.close();
  const prototype = Object.getPrototypeOf(handle) as { write(...args: unknown[]): Promise<unknown> };
  const { write } = prototype;
  vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, ...args) {
    if ((args[3] as number) < 44) return write.apply(this, args);
    return Promise.reject(full());
  });
  const backend = new FakeBackend((frame) => [frame]);

  // 60 s. The first 2 s fill a block: it must not go on to the end.
  await expect(holdFake(meetingOptions({ seconds: 60 }), backend)).rejects.toThrow(
    /^can't write .*wav: no space left on device$/,
  );
  expect(backend.left).toBe(1);
});

test('two seconds on the real engine: all there, in the files and in the figures', async () => {
  const folder = scratch();
  const { status, stdout, stderr } = await narrowcast(
    [...crowd, '--no-compare', '--seconds', '2', '--json', 'a.json'],
    {
      cwd: folder,
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/4 participants, [\d,]+ frames read, 0 of 128,000 samples lost/);

  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as { ours: MeetingResult };
  const { rssMb, lagMs, samples } = ours;
  // From the start, and one a second as far as the machine lets it.
  expect(samples[0]).toMatchObject({ at: 0, mainThreadPercent: null });
  expect(samples.length).toBeGreaterThan(1);
  expect(samples.at(-1)!.mainThreadPercent).toBeGreaterThan(0);
  const events = ours.events!;
  expect(Object.keys(ours).toSorted()).toEqual([
    'cpuPercent',
    'events',
    'halfOfSeconds',
    'idlePercent',
    'lagMs',
    'mainThreadClock',
    'mainThreadPercent',
    'mainThreadUsPerFrame',
    'participants',
    'rssMb',
    'samples',
    'wakesPerSecond',
  ]);
  expect(ours.participants).toHaveLength(4);
  for (const [at, participant] of ours.participants.entries()) {
    expect(participant).toEqual({
      identity: `participant-0${at + 1}`,
      samplesPlayed: 32_000,
      framesReceived: expect.any(Number),
      framesDropped: 0,
      samplesLost: 0,
      intact: true,
    });
    const bytes = readFileSync(join(folder, 'recordings', `${participant.identity}.wav`));
    const voice = synthesizeVoice(at, 16_000).subarray(0, 32_000);
    expect(samePcm(withoutSilenceAround(pcmOf(bytes), voice, voice.length), voice)).toBe(true);
  }
  // A frame for every 10 ms of everyone, an answer for every 500 ms, the silence before and after, and little else.
  expect(events.published).toBeGreaterThanOrEqual(800);
  expect(events.published).toBeLessThan(1800);
  expect(events.delivered).toBeGreaterThanOrEqual(800);
  expect(events.dropped).toBe(0);
  expect(events.published).toBe(events.delivered + events.unwanted);
  expect(events.wakes).toBeGreaterThan(0);
  expect(events.wakes).toBeLessThanOrEqual(events.published);
  expect(ours.mainThreadPercent).toBeGreaterThan(0);
  expect(ours.idlePercent).toBeGreaterThan(0);
  expect(ours.mainThreadUsPerFrame).toBeGreaterThan(0);
  expect(ours.cpuPercent).toBeGreaterThan(0);
  if (process.platform === 'linux') expect(ours.wakesPerSecond).toBeGreaterThan(10);
  expect(lagMs.p50).toBeLessThanOrEqual(lagMs.p99);
  expect(lagMs.p99).toBeLessThanOrEqual(lagMs.max);
  expect(rssMb.start).toBeGreaterThan(30);
  expect(rssMb.end).toBeGreaterThan(30);
});

test('nothing is lost while JavaScript is blocked', async () => {
  const folder = scratch();
  const args = [
    ...crowd,
    '--no-compare',
    '--seconds',
    '2.5',
    '--stall',
    '400',
    '--participants',
    '8',
    '--frame-ms',
    '20',
  ];
  const { status } = await narrowcast([...args, '--sample-rate', '48000', '--json', 'a.json'], { cwd: folder });
  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as { ours: MeetingResult };

  expect(status).toBe(0);
  expect(ours.lagMs.max).toBeGreaterThan(390);
  expect(ours.participants).toHaveLength(8);
  for (const { samplesPlayed, samplesLost, intact } of ours.participants) {
    expect({ samplesPlayed, samplesLost, intact }).toEqual({ samplesPlayed: 120_000, samplesLost: 0, intact: true });
  }
});

/** The samples of a WAV file. */
function pcmOf(bytes: Buffer): Int16Array {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + bytes.length));
}

/** Whether a meeting goes on that this was printed of: the first line is there before anything is played. */
const isHeard = (stdout: string) => stdout.split('\n').length > 2;

test.skipIf(noSignals)('nothing is lost when the system stops the process for a while', async () => {
  const folder = scratch();
  let stopped = false;
  const { status, stdout } = await narrowcast([...crowd, '--no-compare', '--seconds', '3', '--json', 'a.json'], {
    cwd: folder,
    onOutput: (sofar, kill) => {
      if (!isHeard(sofar) || stopped) return;
      stopped = true;
      kill('SIGSTOP');
      // What is due meanwhile comes all at once afterwards: more than the engine's queues for streams hold by default.
      setTimeout(() => kill('SIGCONT'), 500);
    },
  });
  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as { ours: MeetingResult };

  expect(ours.lagMs.max).toBeGreaterThan(450);
  expect(ours.participants.map(({ samplesPlayed, samplesLost }) => ({ samplesPlayed, samplesLost }))).toEqual(
    Array.from({ length: 4 }, () => ({ samplesPlayed: 48_000, samplesLost: 0 })),
  );
  expect(stdout).toContain('bit for bit');
  expect(status).toBe(0);
});

test('a last frame that is shorter is there, too', async () => {
  const folder = scratch();
  const args = [
    ...crowd,
    '--no-compare',
    '--seconds',
    '0.55',
    '--participants',
    '1',
    '--frame-ms',
    '200',
    '--json',
    'a.json',
  ];
  const { status } = await narrowcast(args, { cwd: folder });
  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as { ours: MeetingResult };

  expect(status).toBe(0);
  expect(ours.participants[0]).toMatchObject({ samplesPlayed: 8800, samplesLost: 0, intact: true });
});

test('files are played in place of voices', async () => {
  const folder = scratch();
  const speech = Array.from({ length: 4801 }, (_, at) => (at % 3000) - 1500);
  writeFileSync(join(folder, 'one.wav'), wavBytes({}, bytesOf(Int16Array.from(speech))));
  const { status } = await narrowcast(
    [...crowd, '--no-compare', '--seconds', '0.4', '--input', 'one.wav', '--participants', '1'],
    {
      cwd: folder,
    },
  );
  const bytes = readFileSync(join(folder, 'recordings', 'participant-01.wav'));

  expect(status).toBe(0);
  // As far as it goes, silence up to the next chunk, and from the start again.
  const once = [...speech, ...new Array<number>(159).fill(0)];
  const twice = Int16Array.from([...once, ...once]);
  expect(samePcm(withoutSilenceAround(pcmOf(bytes), twice, 6400), twice.subarray(0, 6400))).toBe(true);
});

test.skipIf(noSignals).each([
  { signal: 'SIGINT', status: 130 },
  { signal: 'SIGTERM', status: 143 },
] as const)('$signal ends a meeting early, with everything written', async ({ signal, status }) => {
  const folder = scratch();
  let sent = false;
  const ended = await narrowcast([...crowd, '--no-compare', '--seconds', '10', '--json', 'a.json'], {
    cwd: folder,
    onOutput: (stdout, kill) => {
      if (!isHeard(stdout) || sent) return;
      sent = true;
      kill(signal);
    },
  });
  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as { ours: MeetingResult };

  expect(ended.status).toBe(status);
  expect(ended.stderr).toBe('');
  expect(ended.stdout).toContain('ended early: 4 participants');
  for (const { identity, samplesPlayed, framesReceived, samplesLost, intact } of ours.participants) {
    expect({ samplesLost, intact }).toEqual({ samplesLost: 0, intact: true });
    expect(samplesPlayed).toBeGreaterThanOrEqual(8000);
    expect(samplesPlayed).toBeLessThan(160_000);
    const bytes = readFileSync(join(folder, 'recordings', `${identity}.wav`));
    expect(bytes.length).toBe(44 + framesReceived * 320);
    expect(bytes.readUInt32LE(40)).toBe(framesReceived * 320);
  }
});

test('a reader of the output that leaves ends the meeting, without a trace', async () => {
  const folder = scratch();
  const { spawn } = await import('node:child_process');
  const { root } = await import('../command.js');
  const program = join(root, 'dist', 'cli', 'main.cjs');
  const child = spawn(process.execPath, [program, ...crowd, '--no-compare', '--seconds', '10'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.once('data', () => child.stdout.destroy());
  const status = await new Promise((resolve) => child.on('close', resolve));

  expect(stderr).toBe('');
  expect(status).toBe(141);
  const bytes = readFileSync(join(folder, 'recordings', 'participant-01.wav'));
  expect(bytes.readUInt32LE(40)).toBe(bytes.length - 44);
});

test.each([
  {
    name: 'a folder that is a file',
    args: ['--out', 'taken'],
    says: /^narrowcast: can't make the folder taken: .+\n$/,
  },
  {
    name: 'a folder inside a file',
    args: ['--out', 'taken/inside'],
    says: /^narrowcast: can't make the folder taken.inside: .+\n$/,
  },
  {
    name: 'a report in a folder that is missing',
    args: ['--report', 'missing/report.html'],
    says: /^narrowcast: can't write missing\/report\.html: no such file or directory\n$/,
  },
  {
    name: 'a report in place of a folder',
    args: ['--report', 'occupied'],
    says: /^narrowcast: can't write occupied: it is a folder\n$/,
  },
  {
    name: 'a recording that is a folder',
    args: ['--out', 'occupied'],
    says: /^narrowcast: can't write occupied.participant-01\.wav: illegal operation on a directory\n$/,
  },
  {
    name: 'figures in a folder that is missing',
    args: ['--json', 'missing/a.json'],
    says: /^narrowcast: can't write missing\/a\.json: no such file or directory\n$/,
  },
  {
    name: 'figures in place of a folder',
    args: ['--json', 'occupied'],
    says: /^narrowcast: can't write occupied: it is a folder\n$/,
  },
  {
    name: 'an input that is missing',
    args: ['--input', 'missing.wav'],
    says: /^narrowcast: can't read missing\.wav: no such file or directory\n$/,
  },
  {
    name: 'an input that is no WAV file',
    args: ['--input', 'taken'],
    says: /^narrowcast: taken is not a WAV file that can be read: .+\n$/,
  },
])('$name fails with one line and status 1, at once', async ({ args, says }) => {
  const folder = scratch();
  writeFileSync(join(folder, 'taken'), 'not audio');
  mkdirSync(join(folder, 'occupied', 'participant-01.wav'), { recursive: true });
  const { status, stdout, stderr } = await narrowcast([...crowd, '--seconds', '50', ...args], { cwd: folder });

  expect(stderr).toMatch(says);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

test.skipIf(!existsSync('/dev/full'))('a full disk fails with one line and status 1, at once', async () => {
  const folder = scratch();
  mkdirSync(join(folder, 'recordings'));
  symlinkSync('/dev/full', join(folder, 'recordings', 'participant-03.wav'));
  const { status, stderr } = await narrowcast([...crowd, '--seconds', '50'], { cwd: folder });

  expect(stderr).toBe("narrowcast: can't write recordings/participant-03.wav: no space left on device\n");
  expect(status).toBe(1);
});

test.skipIf(!existsSync('/dev/full')).each(['--json', '--report'])(
  'what %s names, and the disk has no room for, fails with one line, after the result',
  async (option) => {
    const args = [...crowd, '--no-compare', '--seconds', '0.2', option, '/dev/full'];
    const { status, stdout, stderr } = await narrowcast(args);

    expect(stdout).toContain('0 samples lost');
    expect(stderr).toBe("narrowcast: can't write /dev/full: no space left on device\n");
    expect(status).toBe(1);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a folder without permission to write fails with one line, at once',
  async () => {
    // Not even root may.
    const { status, stdout, stderr } = await narrowcast([...crowd, '--seconds', '50', '--out', '/proc/recordings']);

    expect(stderr).toMatch(/^narrowcast: can't make the folder \/proc\/recordings: .+\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  },
);

test.skipIf(process.platform !== 'linux').each(['--json', '--report'])(
  'a file for %s that can not be made fails with one line, before the meeting',
  async (option) => {
    const { status, stdout, stderr } = await narrowcast([...crowd, '--seconds', '50', option, '/proc/y.json']);

    expect(stderr).toMatch(/^narrowcast: can't write \/proc\/y\.json: .+\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  },
);
