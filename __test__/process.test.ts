import { describe, expect, it } from 'vitest';
import { runNode } from './support/child.js';

const CLEAN = { status: 0, signal: null, stderr: '' };

describe('a process with 64 subscriptions and 64 streams', () => {
  it.each(['nothing is waited for', 'everything is waited for', 'everything was closed', 'end in a flood'])(
    'ends by itself when it has nothing else to do (%s)',
    async (how) => {
      expect(await runNode('end-of-process.mjs', [how])).toEqual({ ...CLEAN, stdout: 'last line\n' });
    },
    90_000,
  );

  it.each(['exit while waiting', 'exit with much unread'])(
    'exits with the status it was given (%s)',
    async (how) => {
      expect(await runNode('end-of-process.mjs', [how])).toEqual({ ...CLEAN, status: 7, stdout: '' });
    },
    90_000,
  );

  it.each(['exit in a flood', 'exit in a filter'])(
    'exits with the status it was given while another thread puts (%s)',
    async (how) => {
      expect(await runNode('end-of-process.mjs', [how])).toEqual({ ...CLEAN, status: 7, stdout: 'last line\n' });
    },
    90_000,
  );

  it.each(['throw while waiting', 'throw in a flood', 'throw after a wake'])(
    'says no more than the uncaught error (%s)',
    async (how) => {
      const { status, signal, stderr } = await runNode('end-of-process.mjs', [how]);
      expect([status, signal]).toEqual([1, null]);
      const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '');
      const others = lines.filter((line) => !/^ +(at |throw |\^)|^file:\/\/|^ +\^+$|^Node\.js v/.test(line));
      expect(others).toEqual(['Error: mine']);
    },
    90_000,
  );
});

describe('a process does not end before it has read what it caused itself', () => {
  it.each([
    ['it puts events', ['match', '100 to the end of the process']],
    ['it closes its queue', ['0 to the end of the source']],
    ['it closes its subscription', ['0 to the end of the source']],
    ['it unsubscribes', ['0 to the end of the source']],
    ['it writes samples', ['read', '10 to the end of the process']],
    ['it closes its stream', ['0 to the end of the source']],
  ])(
    '(%s)',
    async (how, lines) => {
      const stdout = ['last line', ...lines, ''].join('\n');
      expect(await runNode('end-of-process.mjs', [how])).toEqual({ ...CLEAN, stdout });
    },
    90_000,
  );
});

it('worker threads may end in any way while their subscriptions and streams are in use', async () => {
  expect(await runNode('worker-ends.mjs')).toEqual({ ...CLEAN, stdout: 'the main thread goes on\n' });
}, 90_000);

it('what is imported is what is required', async () => {
  expect(await runNode('import-and-require.mjs')).toEqual({ ...CLEAN, stdout: 'the same\n' });
}, 90_000);

it('two copies of narrowcast work in one process, on the same queues', async () => {
  expect(await runNode('two-copies.mjs')).toEqual({ ...CLEAN, stdout: 'both work\n' });
}, 90_000);
