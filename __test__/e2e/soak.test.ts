import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Aftermath } from '../../bench/soak/meeting.js';
import { trend } from '../../bench/soak/memory.js';
import type { RoomAftermath } from '../../bench/soak/room-meeting.js';
import { wrongCounts, wrongRoomCounts, wrongSlope } from '../../bench/soak/verdict.js';
import { narrowcast, root, scratch } from '../cli/command.js';

const soak = (...args: string[]) => narrowcast(args, { program: join(root, 'scripts', 'soak.mjs') });

/** What a meeting leaves that left nothing behind. */
const clean: Aftermath = {
  handles: { frames: 0, streams: 0 },
  listeners: 0,
  streams: { open: 0, notCollected: 0 },
  memory: { firstMb: 100, lastMb: 101, slopeMbPerMin: 0.2 },
  neverRead: {
    played: 1500,
    counts: { framesIn: 1500, framesOut: 0, framesDropped: 500, framesBuffered: 1000 },
    waiting: 1000,
    droppedBefore: 500,
  },
  did: { cancelled: 8, forgotten: 1, framesRead: 12_000 },
  faults: [],
};
const counts = clean.neverRead.counts!;

describe('the command', () => {
  // rtc-node's own side ends there by "trying to drop an invalid handle", each time.
  test.skipIf(process.platform === 'win32')(
    'finds nothing left by narrowcast after streams were cancelled, forgotten and never read',
    async () => {
      const json = join(scratch(), 'soak.json');
      const { status, stdout } = await soak('--minutes', '0.05', '--json', json);
      expect(stdout).toMatch(/narrowcast left nothing behind/);
      expect(status).toBe(0);
      const { ours, peer, ...rest } = JSON.parse(readFileSync(json, 'utf8')) as Record<'ours' | 'peer', Aftermath>;
      expect(rest).toEqual({ name: 'soak', minutes: 0.05, load: expect.any(Object), wrong: [] });
      expect(ours).toMatchObject({
        handles: { frames: 0, streams: 0 },
        listeners: 0,
        streams: { open: 0, notCollected: 0 },
        did: { cancelled: 8, forgotten: 1 },
      });
      expect(peer.did).toMatchObject({ cancelled: 8, forgotten: 1 });
      for (const { memory, neverRead, did } of [ours, peer]) {
        expect(memory).toEqual({
          firstMb: expect.any(Number),
          lastMb: expect.any(Number),
          slopeMbPerMin: expect.any(Number),
        });
        expect(neverRead.waiting).toBeGreaterThan(100);
        expect(did.framesRead).toBeGreaterThan(1000);
      }
    },
    70_000,
  );

  test.each([
    ['--minutes', '0'],
    ['--minutes', '-1'],
    ['--minutes', 'abc'],
    ['--minutes', '31'],
    ['--minutes'],
    ['--hours', '1'],
    ['--server', 'here'],
    ['10'],
    ['--minutes', '1', '--json', ''],
  ])('refuses %s %s in a line, with status 2', async (...args) => {
    const { status, stdout, stderr } = await soak(...args);
    expect(stderr).toMatch(/^narrowcast: soak: .*npm run soak -- --minutes M.*\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test('refuses a file that it could not write, before it begins', async () => {
    const { status, stderr } = await soak('--minutes', '10', '--json', join(scratch(), 'none', 'soak.json'));
    expect(stderr).toMatch(/^narrowcast: soak: can't write .*soak\.json: no such file or directory\n$/);
    expect(status).toBe(1);
  });
});

describe('the verdict', () => {
  test('is good where nothing is left, and all frames are accounted for', () => {
    expect(wrongCounts(clean)).toEqual([]);
    expect(wrongSlope(clean)).toEqual([]);
  });

  test.each<[string, Partial<Aftermath>]>([
    ['handles of frames left: 1', { handles: { frames: 1, streams: 0 } }],
    ['handles of streams left: 1', { handles: { frames: 0, streams: 1 } }],
    ['listeners left: 2', { listeners: 2 }],
    ['listeners left: -1', { listeners: -1 }],
    ['streams left open: 1', { streams: { open: 1, notCollected: 0 } }],
    ['streams not collected: 1', { streams: { open: 0, notCollected: 1 } }],
    ['panics: 1', { faults: ['panics: 1'] }],
  ])('tells of %s', (what, left) => {
    expect(wrongCounts({ ...clean, ...left })).toEqual([what]);
  });

  test.each<[string, Partial<Aftermath['neverRead']>]>([
    ['1501 frames were played', { played: 1501 }],
    ['1499 frames were played', { played: 1499 }],
    ['unaccounted', { counts: { ...counts, framesOut: 1 } }],
    ['unaccounted', { counts: { ...counts, framesIn: 1501 }, played: 1501 }],
    ['room for 1000', { waiting: 1001, counts: { ...counts, framesIn: 1501, framesBuffered: 1001 }, played: 1501 }],
    ['999 were there to read', { waiting: 999 }],
    ['1001 were there to read', { waiting: 1001 }],
    ['the next says 0', { droppedBefore: 0 }],
    ['the next says 501', { droppedBefore: 501 }],
    ['counted nothing', { counts: undefined }],
  ])('of the unread stream: %s', (what, neverRead) => {
    expect(wrongCounts({ ...clean, neverRead: { ...clean.neverRead, ...neverRead } })).toEqual([
      expect.stringContaining(what),
    ]);
  });

  const room: RoomAftermath = {
    ...clean,
    lagMs: { p50: 0, p99: 1 },
    slow: {
      framesRead: 1500,
      droppedBefore: 500,
      counts: { framesIn: 2001, framesOut: 1500, framesDropped: 500, framesBuffered: 1.5 },
      unaccounted: 0,
    },
    did: { opened: 2, left: 12, cancelled: 12, forgotten: 2, framesRead: 12_000 },
  };

  test('is good of a room in which a part of a frame waited', () => {
    expect(wrongRoomCounts(room)).toEqual([]);
  });

  test.each<[string, Partial<RoomAftermath>]>([
    ['handles of frames left: 1', { handles: { frames: 1, streams: 0 } }],
    ['listeners left: 2', { listeners: 2 }],
    ['panics: 1', { faults: ['panics: 1'] }],
    ['frames of 1 of 2 are unaccounted', { slow: { ...room.slow, unaccounted: 1 } }],
    ['1499 frames were read, and 1500', { slow: { ...room.slow, framesRead: 1499 } }],
    ['1501 frames were read, and 1500', { slow: { ...room.slow, framesRead: 1501 } }],
    ['500 frames are dropped, and those after them say 400', { slow: { ...room.slow, droppedBefore: 400 } }],
    ['500 frames are dropped, and those after them say 501', { slow: { ...room.slow, droppedBefore: 501 } }],
    ['counted nothing', { slow: { ...room.slow, counts: undefined } }],
  ])('of a room: %s', (what, left) => {
    expect(wrongRoomCounts({ ...room, ...left })).toEqual([expect.stringContaining(what)]);
  });

  test.each([0.21, -0.21])('tells of memory that changes by %s MB/min, where asked', (slopeMbPerMin) => {
    const steep = { ...clean, memory: { ...clean.memory, slopeMbPerMin } };
    expect(wrongSlope(steep)).toEqual([expect.stringContaining('MB/min')]);
    expect(wrongCounts(steep)).toEqual([]);
  });
});

describe('the slope', () => {
  const perSecond = (seconds: number, mb: (minute: number) => number) =>
    trend(
      new Float64Array(seconds).map((_, second) => mb(second / 60) * 1e6),
      1000,
    ).slopeMbPerMin;

  test('is that of steady growth', () => {
    expect(perSecond(600, (minute) => 100 + 4.1 * minute)).toBeCloseTo(4.1);
    expect(perSecond(60, (minute) => 100 - 4.1 * minute)).toBeCloseTo(-4.1);
  });

  test('does not see the warm-up, nor a peak', () => {
    expect(perSecond(600, (minute) => (minute < 3.3 ? 30 * minute : 100))).toBe(0);
    expect(perSecond(600, (minute) => (Math.floor(minute) === 9 ? 500 : 100))).toBe(0);
  });
});
