import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { narrowcast, root, scratch } from './command.js';

// The start of a process takes its time.

test.each([
  { args: ['meeting', '--participants', '0'], says: "'--participants <n>' argument '0' is invalid" },
  { args: ['meeting', '--participants', '1.5'], says: 'whole number from 1 to' },
  { args: ['meeting', '--participants', 'four'], says: 'whole number from 1 to' },
  { args: ['meeting', '--participants', '1e1'], says: 'whole number from 1 to' },
  { args: ['meeting', '--seconds', '-1'], says: "'--seconds <s>' argument '-1' is invalid" },
  { args: ['meeting', '--seconds', '0'], says: "argument '0' is invalid" },
  { args: ['meeting', '--seconds', 'Infinity'], says: 'is invalid' },
  { args: ['meeting', '--seconds', '86000', '--sample-rate', '192000'], says: 'longer than a WAV file can be' },
  { args: ['meeting', '--frame-ms', '0'], says: 'whole number from 1 to' },
  { args: ['meeting', '--frame-ms', '1', '--sample-rate', '44100'], says: 'does not make whole samples at 44100 Hz' },
  { args: ['meeting', '--sample-rate', '11025'], says: 'must be a multiple of 100' },
  { args: ['meeting', '--forget', '101'], says: 'whole number from 0 to 100' },
  { args: ['meeting', '--scenario', 'office'], says: 'Allowed choices are agent, crowd, leak, quiet' },
  { args: ['meeting', '--forget', '1'], says: '--forget goes with --scenario crowd or leak' },
  { args: ['meeting', '--scenario', 'crowd', '--svg', 'a.svg'], says: '--svg draws the voice of --scenario agent' },
  { args: ['meeting', '--scenario', 'leak', '--agents'], says: '--agents goes with --scenario agent' },
  { args: ['meeting', '--url', 'ws://127.0.0.1:1'], says: '--url goes with --agents' },
  { args: ['meeting', '--stall', '-5'], says: 'whole number from 0 to' },
  { args: ['meeting', '--input', 'a.wav,,b.wav'], says: 'names of files, separated by commas' },
  { args: ['meeting', '--out', ''], says: 'must not be empty' },
  { args: ['meeting', '--out'], says: 'argument missing' },
  { args: ['meeting', '--participant', '3'], says: "unknown option '--participant' (Did you mean --participants?)" },
  { args: ['meeting', 'now'], says: 'too many arguments' },
  { args: ['meting'], says: "unknown command 'meting' (Did you mean meeting?)" },
  { args: ['watch'], says: "missing required argument 'file'" },
  { args: ['watch', '--twice', 'a'], says: "unknown option '--twice'" },
  { args: ['--nonsense'], says: "unknown option '--nonsense'" },
])('$args is refused with one line and status 2', async ({ args, says }) => {
  const folder = scratch();
  const { status, stdout, stderr } = await narrowcast(args, { cwd: folder });

  expect(stderr).toContain(says);
  expect(stderr).toMatch(/^narrowcast: [^\n]+\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(2);
  expect(existsSync(join(folder, 'recordings'))).toBe(false);
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

  expect(await narrowcast(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test.each(['meeting', 'record', 'watch', 'doctor'])('%s --help names the actor', async (command) => {
  const { stdout } = await narrowcast([command, '--help']);
  expect(stdout.replace(/\s+/g, ' ')).not.toMatch(/everybody|somebody|nobody|whoever|let go of/);
});

test('help names the commands and all options', async () => {
  const { status, stdout } = await narrowcast(['--help']);
  const meeting = await narrowcast(['meeting', '--help']);

  expect(status).toBe(0);
  expect(stdout).toMatch(/meeting[^]*record[^]*watch[^]*doctor/);
  for (const option of [
    'scenario',
    'svg',
    'participants',
    'seconds',
    'input',
    'frame-ms',
    'sample-rate',
    'stall',
    'forget',
    'out',
    'json',
    'report',
    'url',
  ]) {
    expect(meeting.stdout).toContain(`--${option} <`);
  }
  expect(meeting.stdout).toContain('--agents [folder]');
  const record = await narrowcast(['record', '--help']);
  for (const option of ['url', 'token', 'room', 'identity', 'rate', 'seconds', 'out', 'json', 'report']) {
    expect(record.stdout).toContain(`--${option} <`);
  }
});
