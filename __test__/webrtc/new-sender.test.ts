import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TransceiverPool } from '../../src/webrtc/index.js';
import { FakeConnection, FakeTrack, FakeTransceiver } from './fake-connection.js';
import { any, failure, setUp, soon } from './set-up.js';

// What a pool does unless it is asked for `reuse: 'sender'`: a new sender each time, on the m-line of a stopped one.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const layers = () => [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }];

describe('publishing again', () => {
  it.each(['video', 'audio'] as const)('gives %s a new sender, on the m-line of the last one', async (kind) => {
    const { pc, pool, acquire, release } = setUp();
    const seen = new Set<FakeTransceiver>();
    for (let cycle = 0; cycle < 30; cycle++) {
      const track = new FakeTrack(kind);
      const lease = await acquire(track, kind === 'video' ? { sendEncodings: layers() } : {});
      expect(lease).toMatchObject({ reused: false, needsNegotiation: true, transceiver: { sender: { track } } });
      seen.add(lease.transceiver);
      pc.negotiate();
      const freed = kind === 'video' ? 'shrunk' : 'stopped';
      expect(await release(lease.transceiver)).toEqual({ needsNegotiation: true, freed });
      expect(pool.stats()).toMatchObject({ leased: 0, stopping: 1 });
      pc.negotiate();
      expect(pool.stats().stopping).toBe(0);
    }
    expect([seen.size, pc.sections.length, pc.getTransceivers().length]).toEqual([30, 2, 0]);
    const shrunk = kind === 'video' ? 30 : 0;
    expect(pool.stats()).toMatchObject({ created: 30, reused: 0, stopped: 30, shrunk, anchors: 0, parked: 0 });
    expect(pool.check()).toEqual([]);
  });

  it('is bounded by two m-lines if each offer has a stop and a start', async () => {
    const { pc, acquire, release } = setUp();
    let last: FakeTransceiver | undefined;
    for (let cycle = 0; cycle < 10; cycle++) {
      if (last) expect(await release(last)).toMatchObject({ needsNegotiation: true });
      const lease = await acquire();
      expect(lease.needsNegotiation).toBe(true);
      last = lease.transceiver;
      pc.negotiate();
      expect(last.currentDirection).toBe('sendonly');
    }
    expect(pc.sections).toHaveLength(3); // the data channel's, too
  });

  it('adds the transceiver before acquire returns, so what is published at once is in one offer', () => {
    const { pc, pool } = setUp();
    void pool.acquire(new FakeTrack('audio'));
    void pool.acquire(new FakeTrack('video'));
    expect(pc.transceivers.map(({ kind }) => kind)).toEqual(['audio', 'video']);
  });
});

describe('unpublishing', () => {
  it('makes the encoders tiny before the stop, and says in every offer from now on that it sends nothing', async () => {
    const { pc, pool, blanks, acquire } = setUp();
    const track = new FakeTrack();
    const { transceiver } = await acquire(track, { sendEncodings: layers() });
    pc.negotiate();
    const seen: unknown[] = [];
    pc.decide = ({ name }) => {
      seen.push([name, transceiver.direction]);
      return 'succeed';
    };
    const released = pool.release(transceiver);
    expect(transceiver.direction).toBe('inactive');
    expect(await soon(released)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
    expect(seen).toEqual([
      ['setParameters', 'inactive'],
      ['replaceTrack', 'inactive'],
    ]);
    expect([transceiver.stopped, track.readyState, blanks.map(({ readyState }) => readyState)]).toEqual([
      true,
      'live',
      ['ended'],
    ]);
  });

  it.each(['track', 'stream'])('paints its own blank picture where the canvas’s %s takes frames', async (owner) => {
    const frames: string[] = [];
    const has = (each: string) => (each === owner ? { requestFrame: () => void frames.push(each) } : {});
    const captureStream = () => ({
      ...has('stream'),
      getVideoTracks: () => [Object.assign(new FakeTrack(), has('track'))],
    });
    const canvas = { getContext: () => ({ fillRect: () => {} }), captureStream };
    vi.stubGlobal('document', { createElement: () => canvas });
    try {
      const { pc, acquire, release } = setUp(any({ blankVideoTrack: undefined }));
      const { transceiver } = await acquire();
      pc.negotiate();
      expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
    } finally {
      vi.unstubAllGlobals();
    }
    expect(frames).toEqual([owner, owner, owner]);
  });

  it("with free: 'stop' stops at once, before release returns", async () => {
    const { pc, pool, blanks, acquire } = setUp({ free: 'stop' });
    const { transceiver } = await acquire();
    pc.negotiate();
    const released = pool.release(transceiver);
    expect(transceiver.stopped).toBe(true);
    expect(await released).toEqual({ needsNegotiation: true, freed: 'stopped' });
    expect(blanks).toEqual([]);
  });

  it.each(['no offer has it', 'its offer was taken back'])('needs no negotiation if %s', async (when) => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire();
    if (when !== 'no offer has it') {
      pc.offer();
      pc.rollback();
    }
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'stopped' });
    pc.negotiate();
    expect(pc.sections).toHaveLength(1);
  });

  it.each(['is pending', 'was answered meanwhile', 'said inactive already'])(
    'needs a negotiation if an offer that has it %s',
    async (when) => {
      const { pc, pool, acquire } = setUp();
      const { transceiver } = await acquire();
      if (when !== 'said inactive already') pc.offer();
      else {
        pc.negotiate();
        transceiver.direction = 'inactive';
        pc.negotiate();
      }
      if (when === 'was answered meanwhile') pc.answer();
      const released = pool.release(transceiver);
      expect((await soon(released)).needsNegotiation).toBe(true);
      if (when === 'is pending') pc.answer();
      expect(pool.stats().stopping).toBe(1);
      pc.negotiate();
      expect([pool.stats().stopping, pc.sections[1]!.rejected]).toEqual([0, true]);
    },
  );

  it('has the m-line used again only after the stop was accepted: not after a glare', async () => {
    const { pc, pool, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    await release(transceiver);
    pc.offer();
    pc.rollback();
    expect(pool.stats()).toMatchObject({ stopping: 1, lostNegotiations: 1 });
    await acquire();
    pc.negotiate();
    expect(pc.sections).toHaveLength(3);
    expect(pool.stats()).toMatchObject({ stopping: 0, lostNegotiations: 1 });
    await acquire(new FakeTrack());
    pc.negotiate();
    expect(pc.sections).toHaveLength(3);
  });

  it.each([
    ['the blank track cannot be made', { blankVideoTrack: any<() => FakeTrack>(() => any<FakeTrack[]>(undefined)[0]) }],
    ['a call never settles', {}],
  ])('stops it where %s', async (_, options) => {
    const { pc, pool, acquire, release } = setUp(options);
    const { transceiver } = await acquire();
    pc.negotiate();
    if (!('blankVideoTrack' in options)) pc.decide = () => undefined;
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'stopped' });
    expect(pool.stats()).toMatchObject({ stopped: 1, failed: 'blankVideoTrack' in options ? 0 : 1 });
  });

  it('never sets the direction of what another caller stops meanwhile', async () => {
    const { pc, pool, acquire } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    const set = vi.spyOn(transceiver, 'direction', 'set');
    pc.decide = () => undefined;
    const released = pool.release(transceiver);
    await vi.advanceTimersByTimeAsync(1);
    transceiver.stop();
    pc.calls[0]!.succeed();
    expect(await soon(released)).toMatchObject({ needsNegotiation: true });
    expect(set.mock.calls).toEqual([['inactive']]);
    expect(pool.stats()).toMatchObject({ lost: 1, stopped: 0, failed: 0, stopping: 1 });
  });

  it('of a track that is kept frees it for the next sender before that one has it', async () => {
    const { pc, pool, acquire } = setUp();
    const track = new FakeTrack();
    const { transceiver } = await acquire(track);
    pc.negotiate();
    void pool.release(transceiver);
    const again = await acquire(track);
    expect([again.transceiver.sender.track, transceiver.stopped]).toEqual([track, true]);
  });
});

describe('the first m-line of the BUNDLE group', () => {
  const first = () => setUp({}, new FakeConnection());

  it('is never stopped, but made tiny and inactive, and kept for good', async () => {
    const { pc, pool, acquire, release } = first();
    const { transceiver } = await acquire();
    await acquire(new FakeTrack('audio'));
    pc.negotiate();
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
    expect(transceiver).toMatchObject({ stopped: false, direction: 'inactive', sender: { track: null } });
    pc.negotiate();
    expect(pool.stats()).toMatchObject({ anchors: 1, leased: 1, stopped: 0, shrunk: 1 });
    expect(pool.check()).toEqual([]);
    for (let cycle = 0; cycle < 5; cycle++) {
      const again = await acquire();
      expect(again).toMatchObject({ reused: false });
      expect(again.transceiver).not.toBe(transceiver);
      pc.negotiate();
      await release(again.transceiver);
      pc.negotiate();
    }
    expect([pc.sections.length, transceiver.stopped]).toEqual([3, false]);
  });

  it("is made tiny with free: 'stop', too, and not stopped in a first offer that is pending", async () => {
    const { pc, acquire, release } = setUp({ free: 'stop' }, new FakeConnection());
    const { transceiver } = await acquire();
    pc.offer();
    await release(transceiver);
    expect(transceiver).toMatchObject({ stopped: false, direction: 'inactive' });
    pc.answer();
    pc.negotiate();
    expect(transceiver.currentDirection).toBe('inactive');
  });

  it('is silenced where making it tiny fails, and by dispose() in the middle of it', async () => {
    for (const how of ['fails', 'disposed']) {
      const { pc, pool, acquire } = first();
      const { transceiver } = await acquire();
      pc.negotiate();
      pc.decide = () => undefined;
      const released = pool.release(transceiver);
      released.catch(() => {});
      await vi.advanceTimersByTimeAsync(1);
      if (how === 'disposed') pool.dispose();
      pc.decide = () => 'succeed';
      pc.calls[0]!.fail();
      if (how === 'disposed') await expect(soon(released)).rejects.toEqual(failure('disposed'));
      else expect(await soon(released)).toEqual({ needsNegotiation: true, freed: 'none' });
      await vi.advanceTimersByTimeAsync(1);
      expect(transceiver).toMatchObject({ stopped: false, direction: 'inactive', sender: { track: null } });
    }
  });

  it('is stopped before it has an m-line, for then it is nothing yet', async () => {
    const { acquire, release } = first();
    const { transceiver } = await acquire();
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'stopped' });
  });

  it('is not stopped when its sender is one too many, or given up', async () => {
    const { pc, pool, acquire, release } = setUp({ reuse: 'sender', maxParkedPerKey: 0 }, new FakeConnection());
    const { transceiver } = await acquire();
    pc.negotiate();
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
    expect([transceiver.stopped, pool.stats().anchors]).toEqual([false, 1]);
  });
});

describe('close() of the connection', () => {
  type State = 'acquiring' | 'leased' | 'releasing' | 'parked' | 'anchors' | 'stopping';
  const states: State[] = ['acquiring', 'leased', 'releasing', 'parked', 'anchors', 'stopping'];
  const cases = states.flatMap((state) => [false, true].map((offered) => [state, offered] as const));

  it.each(cases)('leaves nothing that is %s, with an offer pending: %s', async (state, offered) => {
    const reuse = state === 'acquiring' || state === 'parked' ? 'sender' : 'none';
    const { pc, pool, acquire, release, park } = setUp(
      { reuse },
      state === 'anchors' ? new FakeConnection() : undefined,
    );
    let pending: Promise<unknown> | undefined;
    let transceiver: FakeTransceiver;
    if (reuse === 'sender') transceiver = await park();
    else {
      ({ transceiver } = await acquire());
      pc.negotiate();
    }
    if (state === 'anchors' || state === 'stopping') await release(transceiver);
    pc.decide = () => undefined; // from here on no call ends
    if (state === 'acquiring') pending = pool.acquire(new FakeTrack());
    if (state === 'releasing') pending = pool.release(transceiver);
    const outcome = pending?.then(
      () => 'no error',
      (error: unknown) => error,
    );
    await vi.advanceTimersByTimeAsync(1);
    if (offered) pc.offer();
    expect(pool.stats()[state]).toBe(1);
    pc.close();
    if (outcome) expect(await soon(outcome)).toEqual(failure('closed'));
    const nothing = { acquiring: 0, leased: 0, releasing: 0, parked: 0, anchors: 0, stopping: 0, failed: 0 };
    expect(pool.stats()).toMatchObject(nothing);
    expect(pool.check()).toEqual([]);
    await expect(soon(pool.acquire(new FakeTrack()))).rejects.toEqual(failure('closed'));
    await expect(soon(pool.release(transceiver))).rejects.toMatchObject({
      code: state === 'leased' ? 'closed' : expect.stringMatching(/^(closed|not-leased)$/),
    });
    pool.dispose();
    pool.dispose();
  });
});

describe('check()', () => {
  it.each<[string, (transceiver: FakeTransceiver, pc: FakeConnection) => void, string]>([
    ['stopped', (each) => each.stop(), ''],
    ['without a track', (each) => (each.sender.track = null), 'its sender has no track'],
    ['with a track that ended', (each) => each.sender.track!.stop(), 'its track has ended'],
    ['turned', (each) => (each.direction = 'inactive'), 'its direction is inactive'],
    ['gone', (_, pc) => pc.transceivers.splice(0), 'the connection does not list it'],
  ])('names what is lent, but %s', async (_, change, problem) => {
    const { pc, pool, acquire } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    expect(pool.check()).toEqual([]);
    change(transceiver, pc);
    const [found] = pool.check();
    expect(found).toMatch(/^video transceiver of m-line 1, leased: /);
    expect(found).toContain(problem);
  });

  it('names what is kept, but sends or was stopped', async () => {
    const { pool, park } = setUp({ reuse: 'sender' });
    const [turned, filled, stopped] = [await park(), await park(), await park()];
    expect(turned).toBe(filled); // one sender, each time
    turned.direction = 'sendonly';
    expect(pool.check()).toEqual(['video transceiver of m-line 1, parked: its direction is sendonly']);
    turned.direction = 'inactive';
    filled.sender.track = new FakeTrack();
    expect(pool.check()).toEqual(['video transceiver of m-line 1, parked: its sender has a live track']);
    filled.sender.track = null;
    stopped.stop();
    expect(pool.check()).toEqual(['video transceiver of m-line 1, parked: it was stopped']);
  });

  it('has nothing to say of a connection that is closed, or a pool that is disposed', async () => {
    const { pc, pool, acquire } = setUp();
    await acquire();
    pc.close();
    expect(pool.check()).toEqual([]);
    pool.dispose();
    expect(pool.check()).toEqual([]);
  });
});

describe('a connection', () => {
  it('has one pool at a time', () => {
    const { pc, pool } = setUp();
    expect(() => new TransceiverPool(pc)).toThrow(failure('pool-exists', 'dispose() it first'));
    pool.dispose();
    new TransceiverPool(pc);
  });

  it('has one pool at a time, also where a page has two copies of the module', async () => {
    const { pc, pool } = setUp();
    vi.resetModules();
    const copy = await import('../../src/webrtc/index.js');
    expect(copy.TransceiverPool).not.toBe(TransceiverPool);
    expect(() => new copy.TransceiverPool(pc)).toThrow(failure('pool-exists'));
    pool.dispose();
    new copy.TransceiverPool(pc);
    expect(() => new TransceiverPool(pc)).toThrow(failure('pool-exists'));
  });

  it('is no pool’s if the options were wrong', () => {
    const pc = new FakeConnection();
    expect(() => new TransceiverPool(pc, any({ free: 'no' }))).toThrow(failure('invalid-argument'));
    new TransceiverPool(pc);
  });

  it('with transceivers already keeps them as they are', async () => {
    const pc = new FakeConnection();
    const theirs = pc.addTransceiver(new FakeTrack());
    pc.negotiate();
    const { pool, acquire, release } = setUp({}, pc);
    const { transceiver } = await acquire();
    pc.negotiate();
    await release(transceiver);
    pool.dispose();
    expect([theirs.stopped, theirs.direction, theirs.sender.set, theirs.sender.replaced]).toEqual([
      false,
      'sendrecv',
      [],
      [],
    ]);
    await expect(pool.release(theirs)).rejects.toEqual(failure('foreign'));
  });

  it('counts offers of this side that were taken back, and no others', () => {
    const { pc, pool } = setUp();
    pc.negotiate();
    expect(pool.stats().lostNegotiations).toBe(0);
    for (let i = 1; i <= 2; i++) {
      pc.offer();
      pc.rollback();
      expect(pool.stats().lostNegotiations).toBe(i);
    }
    pc.negotiate();
    expect(pool.stats().lostNegotiations).toBe(2);
  });
});
