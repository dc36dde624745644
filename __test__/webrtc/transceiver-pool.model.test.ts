import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TransceiverPool, type TransceiverPoolError } from '../../src/webrtc/index.js';
import { FakeConnection, FakeTrack, type FakeTransceiver } from './fake-connection.js';

// Random operations on a pool and its connection, by the pool's user and by others, with calls that succeed, fail or
// never end, in any order.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SETTLE_MS = 1000;
const MOST_PARKED = 2;

const REQUESTS = [
  {},
  { sendEncodings: [{ rid: 'q' }, { rid: 'h' }] },
  { codecs: [{ mimeType: 'video/VP8', clockRate: 90_000 }] },
  { profile: 'encrypted' },
];

const which = fc.nat(20);
/** Ids of the streams that it is published in. */
const streams = fc.constantFrom([], [], ['a'], ['b']);
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('acquire' as const),
      audio: fc.boolean(),
      request: fc.nat({ max: REQUESTS.length - 1 }),
      streams,
      // Of those that there are already, if any; mostly a new one.
      old: rarely(which),
    }),
  },
  // A publication from its beginning to its end, or part of the way if something is in the way.
  { weight: 8, arbitrary: fc.record({ op: fc.constant('publish' as const), request: fc.nat(1), streams }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('release' as const), which }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('release any' as const), which }) },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('end call' as const), which, well: fc.nat(4) }) },
  { weight: 5, arbitrary: fc.constant({ op: 'negotiate' as const }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('narrow' as const), layers: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 3, arbitrary: fc.constant({ op: 'offer' as const }) },
  { weight: 3, arbitrary: fc.constant({ op: 'answer' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'rollback' as const }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('stop' as const), which }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('addTrack' as const), audio: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('end track' as const), which }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('wait' as const), ms: fc.constantFrom(0, 20, 60, SETTLE_MS) }) },
);
/** After how many operations nothing new begins, if ever. */
const ending = rarely(fc.record({ op: fc.constantFrom('close' as const, 'dispose' as const), at: fc.nat(40) }));
const settings = fc.constantFrom(
  { reuse: 'sender' as const },
  { reuse: 'sender' as const },
  { reuse: 'none' as const },
  { reuse: 'none' as const, free: 'stop' as const },
);
/** Whether a data channel has the first m-line, or a transceiver may. */
const anchored = fc.boolean();
/** Whether calls end at once and well, which leads further, or when an operation says so. */
const scripted = rarely(fc.constant(true));

it('TransceiverPool never lends one transceiver twice, never leaks one, and never stops the anchor', async () => {
  let [reused, recycled, anchors] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 60, size: 'max' }),
      ending,
      settings,
      scripted,
      anchored,
      async (operations, end, options, byHand, isAnchored) => {
        const pc = new FakeConnection();
        if (isAnchored) pc.anchor();
        if (byHand) pc.decide = () => undefined;
        const pool = new TransceiverPool(pc, {
          ...options,
          settleMs: SETTLE_MS,
          shrinkMs: 30,
          maxParkedPerKey: MOST_PARKED,
          blankVideoTrack: () => new FakeTrack('video'),
        });
        const lent = new Map<FakeTransceiver, FakeTrack>();
        /** Lent when the pool was disposed. */
        const owned = new Set<FakeTransceiver>();
        const tracks: FakeTrack[] = [];
        const theirs = new Set<FakeTransceiver>();
        const made = () => pc.transceivers.filter((each) => !theirs.has(each));
        let [pending, disposed, taken] = [0, false, 0];
        const codes: string[] = [];

        /** Whether the other side knows that this sends no more, and that its m-line is free. */
        const endIsKnown = ({ currentDirection, stopped, mid }: FakeTransceiver) =>
          stopped
            ? mid === null || currentDirection === 'stopped'
            : pc.signalingState === 'stable' && currentDirection !== 'sendonly';
        /** Those that have the first m-line now, or had it: where another caller stops it, another is the first. */
        const firsts = new Set<FakeTransceiver>();
        const isFirst = ({ mid }: FakeTransceiver) =>
          mid !== null &&
          [pc.localDescription, pc.currentLocalDescription].some(
            (each) => /BUNDLE (\S+)/.exec(each?.sdp ?? '')?.[1] === mid,
          );
        const byOthers = new Set<FakeTransceiver>();
        const acquire = (track: FakeTrack, base: object, ids: readonly string[]) => {
          const request = { ...base, streams: ids.map((id) => ({ id })) };
          pending++;
          void pool
            .acquire(track, request)
            .then(({ transceiver, reused, needsNegotiation }) => {
              expect(lent.has(transceiver)).toBe(false);
              expect(theirs.has(transceiver)).toBe(false);
              lent.set(transceiver, track);
              if (pc.signalingState === 'closed') return; // since it was given

              expect(transceiver).toMatchObject({ stopped: false, direction: 'sendonly' });
              expect(transceiver.sender.track).toBe(track);
              expect(transceiver.sender.streams).toEqual(ids);
              expect(needsNegotiation).toBe(true);
              // Never half configured: all layers that were asked for, and on.
              const wanted = (request as (typeof REQUESTS)[1]).sendEncodings ?? [{}];
              expect(transceiver.sender.encodings.map(({ active }) => active)).toEqual(wanted.map(() => true));
              if (reused) expect(transceiver.currentDirection).not.toBe('sendonly');
            })
            .catch((error: TransceiverPoolError) => codes.push(error.code ?? error.stack))
            .finally(() => pending--);
        };
        const release = (transceiver: FakeTransceiver) => {
          const expected = lent.delete(transceiver) ? [] : ['not-leased', 'foreign'];
          pending++;
          void pool
            .release(transceiver)
            .then(({ freed, needsNegotiation }) => {
              expect(expected).toEqual([]);
              if (pc.signalingState !== 'closed') expect(needsNegotiation).toBe(!endIsKnown(transceiver));
              if (freed === 'stopped') expect(transceiver.stopped).toBe(true);
              if (options.reuse === 'none' && !isFirst(transceiver)) expect(transceiver.stopped).toBe(true);
            })
            .catch((error: TransceiverPoolError) => {
              if (expected.length > 0) expect([...expected, 'closed', 'disposed']).toContain(error.code);
              else codes.push(error.code ?? error.stack);
            })
            .finally(() => pending--);
        };

        for (const [i, step] of operations.entries()) {
          const pick = <T>(all: T[], i: number): T | undefined => all[i % Math.max(1, all.length)];
          const { op } = step;
          if (op === 'acquire') {
            const track = pick(tracks, step.old ?? 0);
            const fresh = new FakeTrack(step.audio ? 'audio' : 'video');
            if (step.old === undefined || !track) tracks.push(fresh);
            acquire(step.old === undefined || !track ? fresh : track, REQUESTS[step.request]!, step.streams);
          }
          if (op === 'publish') {
            const before = new Set(lent.keys());
            tracks.push(new FakeTrack('video'));
            acquire(tracks.at(-1)!, REQUESTS[step.request]!, step.streams);
            await vi.advanceTimersByTimeAsync(0);
            pc.negotiate();
            for (const transceiver of [...lent.keys()].filter((each) => !before.has(each))) release(transceiver);
            await vi.advanceTimersByTimeAsync(40);
            pc.negotiate();
          }
          if (op === 'release' && lent.size > 0) release(pick([...lent.keys()], step.which)!);
          if (op === 'release any' && pc.transceivers.length > 0) release(pick(pc.transceivers, step.which)!);
          if (op === 'end call') {
            const call = pick(pc.calls, step.which);
            if (step.well > 0) call?.succeed();
            else call?.fail();
          }
          if (op === 'negotiate') pc.negotiate();
          if (op === 'narrow') pc.negotiate({ layers: step.layers });
          if (op === 'offer' && pc.signalingState === 'stable') pc.offer();
          if (op === 'answer' && pc.signalingState === 'have-local-offer') pc.answer();
          if (op === 'rollback' && pc.signalingState === 'have-local-offer') pc.rollback();
          if (op === 'stop') {
            const transceiver = pick(pc.alive(), step.which);
            if (pc.signalingState !== 'closed' && transceiver) {
              byOthers.add(transceiver);
              transceiver.stop();
            }
          }
          if (op === 'addTrack' && pc.signalingState !== 'closed') {
            const before = made();
            const one = pc.addTrack(new FakeTrack(step.audio ? 'audio' : 'video'));
            theirs.add(one);
            // An anchor that has never sent can't be kept from it.
            if (before.includes(one)) {
              taken++;
              expect([firsts.has(one), one.hasSent]).toEqual([true, false]);
            }
          }
          if (op === 'end track') pick(tracks, step.which)?.stop();
          if (end?.op === 'close' && end.at === i) pc.close();
          if (end?.op === 'dispose' && end.at === i) {
            pool.dispose();
            disposed = true;
          }
          await vi.advanceTimersByTimeAsync(op === 'wait' ? step.ms : 0);
          if (end?.op === 'dispose' && end.at === i) for (const each of lent.keys()) owned.add(each);

          for (const each of made().filter(isFirst)) {
            firsts.add(each);
            if (pc.signalingState !== 'closed' && !byOthers.has(each)) expect(each.stopped).toBe(false);
          }
          // One track, one sender.
          const sent = made().flatMap((each) => {
            const { stopped, direction, sender } = each;
            // A given up anchor may keep its track, but is inactive.
            return stopped || !sender.track || (firsts.has(each) && direction === 'inactive') ? [] : [sender.track];
          });
          expect(new Set(sent).size).toBe(sent.length);
          // What is lent is left alone.
          for (const [transceiver, track] of lent)
            if (!transceiver.stopped) expect(transceiver.sender.track).toBe(track);
        }

        // All comes to an end, whatever never settles.
        await vi.advanceTimersByTimeAsync(20 * SETTLE_MS);
        expect(pending).toBe(0);
        if (pc.signalingState === 'have-local-offer') pc.answer();
        pc.decide = () => 'succeed';
        for (const transceiver of lent.keys()) release(transceiver);
        await vi.advanceTimersByTimeAsync(20 * SETTLE_MS);
        expect([pending, lent.size]).toEqual([0, 0]);
        const expected = ['closed', 'disposed', 'track-ended', 'track-in-use'];
        expect(codes.filter((code) => !expected.includes(code))).toEqual([]);
        if (pc.signalingState === 'closed') return;

        // Each that was made is parked, silent; or stopped; or, the pool being gone, whose it was.
        const stats = pool.stats();
        expect(stats).toMatchObject({ acquiring: 0, leased: 0, releasing: 0, created: made().length + taken });
        const alive = made().filter(({ stopped }) => !stopped);
        if (disposed) {
          expect(stats.parked).toBe(0);
          const left = alive.filter((each) => !owned.has(each) && !firsts.has(each));
          expect(left).toEqual([]);
          return;
        }
        expect(alive).toHaveLength(stats.parked + stats.anchors);
        for (const { direction } of alive) expect(direction).toBe('inactive');
        // Of an anchor that was given up, a call may never settle; then it keeps its track, and says so.
        const full = alive.filter(({ sender }) => sender.track !== null);
        expect(full.length).toBeLessThanOrEqual(Math.min(stats.anchors, stats.failed));
        expect(pool.check()).toHaveLength(full.filter(({ sender }) => sender.track!.readyState === 'live').length);
        if (options.reuse === 'none') expect([stats.parked, stats.reused]).toEqual([0, 0]);
        // Once another caller has stopped it, another m-line is the first.
        expect(stats.anchors).toBeLessThanOrEqual(1 + byOthers.size);
        // What was stopped awaits a negotiation, and then nothing does.
        pc.negotiate();
        expect(pool.stats().stopping).toBe(0);
        reused += stats.reused;
        recycled += stats.created + (isAnchored ? 1 : 0) - pc.sections.length;
        anchors += stats.anchors;
      },
    ),
    { numRuns: 300 },
  );
  // It went to where it matters.
  expect(reused).toBeGreaterThan(50);
  expect(recycled).toBeGreaterThan(50);
  expect(anchors).toBeGreaterThan(5);
}, 120_000);
