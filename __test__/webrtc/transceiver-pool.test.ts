import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TransceiverPool, type TransceiverPoolError, type TransceiverPoolOptions } from '../../src/webrtc/index.js';
import { FakeConnection, FakeTrack, type Call } from './fake-connection.js';
import { any, failure, setUp as anySetUp, soon } from './set-up.js';

/** Most of what follows is of senders that are handed out again. */
const setUp = (options: TransceiverPoolOptions = {}) => anySetUp({ reuse: 'sender', ...options });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const layers = () => [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }];
const vp9 = { mimeType: 'video/VP9', clockRate: 90_000, sdpFmtpLine: 'profile-id=0' };
const vp8 = { mimeType: 'video/VP8', clockRate: 90_000 };

describe('publishing again', () => {
  it('uses the same transceiver, with as many m-lines as before', async () => {
    const { pc, pool, acquire, release } = setUp();
    for (let cycle = 0; cycle < 30; cycle++) {
      const track = new FakeTrack();
      const lease = await acquire(track, { sendEncodings: layers() });
      expect(lease).toEqual({ transceiver: pc.transceivers[0], reused: cycle > 0, needsNegotiation: true });
      expect(lease.transceiver).toMatchObject({ direction: 'sendonly', sender: { track } });
      expect(lease.transceiver.sender.encodings.map(({ active }) => active)).toEqual([true, true, true]);
      pc.negotiate();
      expect(await release(lease.transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
      pc.negotiate();
    }
    expect(pc.transceivers).toHaveLength(1);
    expect(pool.stats()).toEqual({
      acquiring: 0,
      leased: 0,
      releasing: 0,
      parked: 1,
      anchors: 0,
      stopping: 0,
      created: 1,
      reused: 29,
      shrunk: 30,
      stopped: 0,
      failed: 0,
      lost: 0,
      lostNegotiations: 0,
    });
  });

  it('is possible with a track that its caller keeps alive', async () => {
    const { pc, pool, park } = setUp();
    const track = new FakeTrack();
    for (let cycle = 0; cycle < 3; cycle++) await park(track);
    expect(pc.transceivers).toHaveLength(1);
    expect([track.readyState, pool.stats().reused]).toEqual(['live', 2]);
  });

  it('leaves nothing of the last publication: limits, layers switched off, modes, streams, codecs', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire(new FakeTrack(), { sendEncodings: layers(), streams: [{ id: 'old' }] });
    const fresh = transceiver.sender.encodings;
    pc.negotiate();
    transceiver.sender.encodings = fresh.map((encoding) => ({
      ...encoding,
      active: false,
      maxBitrate: 1,
      maxFramerate: 1,
      scaleResolutionDownBy: 9,
      scalabilityMode: 'L3T3',
      priority: 'high',
      networkPriority: 'high',
      adaptivePtime: true,
      codec: vp9,
    }));
    transceiver.sender.degradationPreference = 'maintain-framerate';
    transceiver.preferred = [vp9];
    await release(transceiver);
    pc.negotiate();

    const again = await acquire(new FakeTrack(), { sendEncodings: layers() });
    expect(again).toMatchObject({ transceiver, reused: true });
    const { sender } = transceiver;
    for (const [i, encoding] of sender.encodings.entries()) {
      // What a browser lists unasked may be there, with its default.
      expect(encoding).toEqual({
        ...fresh[i],
        networkPriority: 'low',
        adaptivePtime: false,
      });
    }
    expect(sender.degradationPreference).toBeUndefined();
    expect([transceiver.preferred, sender.streams]).toEqual([[], []]);
  });

  it('has the limits, the streams and the codecs that are asked for now', async () => {
    const { acquire, park } = setUp();
    const request = { codecs: [vp9], sendEncodings: layers() };
    await park(new FakeTrack(), request);
    const sendEncodings = [
      { rid: 'q', maxBitrate: 100, scaleResolutionDownBy: 4 },
      { rid: 'h', active: false },
      { rid: 'f', scalabilityMode: 'L1T2' },
    ];
    const { transceiver } = await acquire(new FakeTrack(), { ...request, sendEncodings, streams: [{ id: 'new' }] });
    expect(transceiver.sender.encodings).toMatchObject([
      { rid: 'q', active: true, maxBitrate: 100, scaleResolutionDownBy: 4 },
      { rid: 'h', active: false, scaleResolutionDownBy: 1 },
      { rid: 'f', active: true, scalabilityMode: 'L1T2', scaleResolutionDownBy: 1 },
    ]);
    expect([transceiver.preferred, transceiver.sender.streams]).toEqual([[vp9], ['new']]);
  });

  it('changes no parameters where they are right already, for some libraries cannot', async () => {
    const { pc, acquire, park } = setUp();
    const parked = await park(new FakeTrack('audio'));
    pc.decide = ({ name }) => (name === 'setParameters' ? 'fail' : 'succeed');
    expect(await acquire(new FakeTrack('audio'))).toMatchObject({ transceiver: parked, reused: true });
    expect(parked.sender.set).toEqual([]);
  });

  it('changes no parameters where each codec and size is the same, though not the same object', async () => {
    const { pc, acquire, release } = setUp();
    const request = {
      sendEncodings: [{ active: true, codec: vp8, scaleResolutionDownTo: { maxWidth: 640, maxHeight: 360 } }],
    };
    const { transceiver } = await acquire(new FakeTrack(), request);
    pc.negotiate();
    pc.decide = ({ name }) => (name === 'setParameters' ? 'fail' : 'succeed'); // so it stays active, too
    await release(transceiver);
    pc.negotiate();
    expect(await acquire(new FakeTrack(), request)).toMatchObject({ transceiver, reused: true });
  });

  it('keeps on receiving what the transceiver receives', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire();
    transceiver.direction = 'sendrecv';
    pc.negotiate();
    await release(transceiver);
    expect(transceiver.direction).toBe('recvonly');
    pc.negotiate();
    expect(await acquire()).toMatchObject({ transceiver: { direction: 'sendrecv' }, reused: true });
  });
});

describe('a transceiver is used again only', () => {
  it.each<[string, [FakeTrack, object], [FakeTrack, object]]>([
    ['for its kind', [new FakeTrack('video'), {}], [new FakeTrack('audio'), {}]],
    ['for its codecs', [new FakeTrack(), { codecs: [vp9] }], [new FakeTrack(), { codecs: [vp8] }]],
    [
      'for the order of its codecs',
      [new FakeTrack(), { codecs: [vp9, vp8] }],
      [new FakeTrack(), { codecs: [vp8, vp9] }],
    ],
    ['without codecs, if it had none', [new FakeTrack(), { codecs: [vp9] }], [new FakeTrack(), {}]],
    ['for its layers', [new FakeTrack(), { sendEncodings: layers() }], [new FakeTrack(), {}]],
    [
      'for their order',
      [new FakeTrack(), { sendEncodings: layers() }],
      [new FakeTrack(), { sendEncodings: layers().toReversed() }],
    ],
    ['for its profile', [new FakeTrack(), { profile: 'encrypted' }], [new FakeTrack(), {}]],
  ])('%s', async (_, [track, options], [other, otherOptions]) => {
    const { pc, acquire, park } = setUp();
    const parked = await park(track, options);
    expect(await acquire(other, otherOptions)).toMatchObject({ reused: false });
    expect(pc.transceivers).toHaveLength(2);
    expect(await acquire(new FakeTrack(track.kind), options)).toEqual(
      expect.objectContaining({ transceiver: parked, reused: true }),
    );
  });

  it('with all its layers, if an answer took some of them away', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire(new FakeTrack(), { sendEncodings: layers() });
    pc.negotiate({ layers: 1 });
    await release(transceiver);
    pc.negotiate();
    expect(await acquire(new FakeTrack(), { sendEncodings: layers() })).toMatchObject({ reused: false });
    expect(await acquire()).toMatchObject({ transceiver, reused: true });
    expect(transceiver.sender.encodings).toMatchObject([{ active: true, scaleResolutionDownBy: 1 }]);
  });

  it('whatever the name of a single layer, for it has none', async () => {
    const { acquire, park } = setUp();
    const parked = await park(new FakeTrack(), { sendEncodings: [{ rid: 'f' }] });
    const sendEncodings = [{ rid: 'q', maxBitrate: 100 }];
    expect(await acquire(new FakeTrack(), { sendEncodings })).toMatchObject({ transceiver: parked, reused: true });
    expect(parked.sender.encodings).toMatchObject([{ active: true, maxBitrate: 100 }]);
  });

  it('once the other side knows of the end, whatever is being negotiated', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    pc.offer(); // of something else, made while it was sending
    await release(transceiver);
    expect(await acquire()).toMatchObject({ reused: false });
    pc.answer();
    expect(await acquire()).toMatchObject({ reused: false });
    pc.offer();
    expect(await acquire()).toMatchObject({ reused: false });
    pc.answer();
    pc.offer(); // the next one no longer matters
    expect(await acquire()).toMatchObject({ transceiver, reused: true });
    pc.negotiate();
    await release(transceiver);
    expect(await acquire()).toMatchObject({ reused: false });
  });

  it('if it was not made to send since then, by an offer made before its release', async () => {
    const { pc, acquire, release, park } = setUp();
    const parked = await park();
    await acquire();
    const offered = parked.direction;
    await release(parked);
    pc.offer();
    parked.offered = offered; // for it was made before, and set now
    pc.answer();
    expect(parked.currentDirection).toBe('sendonly');
    expect(await acquire()).toMatchObject({ reused: false });
    pc.negotiate();
    expect(await acquire()).toMatchObject({ transceiver: parked, reused: true, needsNegotiation: true });
  });

  it("if it is not another lease's by now", async () => {
    const { pc, pool, acquire, park } = setUp();
    const taken = await park();
    taken.hasSent = false; // or else addTrack leaves it alone
    expect(pc.addTrack(new FakeTrack())).toBe(taken);
    const turned = await park();
    turned.direction = 'sendrecv';
    const filled = await park();
    filled.sender.track = new FakeTrack();
    const stopped = await park();
    stopped.stop();
    expect(pool.stats()).toMatchObject({ parked: 0, lost: 4 });
    expect(await acquire()).toMatchObject({ reused: false });
  });

  it('and never if it was not made here', async () => {
    const { pc, acquire } = setUp();
    const placeholder = pc.addTransceiver(new FakeTrack(), { direction: 'recvonly' });
    placeholder.sender.track = null;
    expect(await acquire()).toMatchObject({ reused: false });
  });
});

describe('unpublishing', () => {
  it('makes the encoders tiny: inactive, a blank frame, no track, inactive, in this order', async () => {
    const { pc, blanks, acquire, release } = setUp();
    const track = new FakeTrack();
    const { transceiver } = await acquire(track, { sendEncodings: layers() });
    pc.negotiate();
    const seen: unknown[] = [];
    pc.decide = ({ name, sender }) => {
      seen.push([name, sender.encodings.some(({ active }) => active), transceiver.direction]);
      return 'succeed';
    };
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
    expect(seen).toEqual([
      ['setParameters', true, 'sendonly'],
      ['replaceTrack', false, 'sendonly'],
      ['replaceTrack', false, 'sendonly'],
    ]);
    expect(transceiver.sender.replaced).toEqual([blanks[0], null]);
    expect(transceiver.direction).toBe('inactive');
    expect([blanks[0]!.readyState, track.readyState]).toEqual(['ended', 'live']);
  });

  it('gives the encoders shrinkMs, and paints meanwhile', async () => {
    const paint = vi.fn<() => void>();
    const { pc, pool, acquire } = setUp({
      shrinkMs: 300,
      blankVideoTrack: () => Object.assign(new FakeTrack(), { paint }),
    });
    const { transceiver } = await acquire();
    pc.negotiate();
    let over = false;
    void pool.release(transceiver).then(() => (over = true));
    await vi.advanceTimersByTimeAsync(290);
    expect([over, paint.mock.calls.length > 1]).toEqual([false, true]);
    await vi.advanceTimersByTimeAsync(20);
    expect(over).toBe(true);
  });

  it.each<[string, TransceiverPoolOptions, (call: Call) => 'succeed' | 'fail']>([
    ['there is no page to take a blank track of', any({ blankVideoTrack: undefined }), () => 'succeed'],
    [
      'a blank track cannot be made',
      { blankVideoTrack: () => any<{ track: FakeTrack }>(undefined).track },
      () => 'succeed',
    ],
    ['the blank track is of the wrong kind', { blankVideoTrack: () => new FakeTrack('audio') }, () => 'succeed'],
    ['parameters cannot be changed', {}, ({ name }) => (name === 'setParameters' ? 'fail' : 'succeed')],
  ])('frees nothing, and keeps the transceiver, where %s', async (_, options, decide) => {
    const { pc, pool, acquire, release } = setUp(options);
    const { transceiver } = await acquire();
    pc.negotiate();
    pc.decide = decide;
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'none' });
    expect(pool.stats()).toMatchObject({ parked: 1, shrunk: 0, failed: 0 });
    expect(transceiver.sender.track).toBeNull();
  });

  it('of audio needs no blank', async () => {
    const { pc, blanks, acquire, release } = setUp();
    const { transceiver } = await acquire(new FakeTrack('audio'));
    pc.negotiate();
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'none' });
    expect(transceiver).toMatchObject({ direction: 'inactive', sender: { track: null, set: [] } });
    expect(blanks).toEqual([]);
  });

  it('stops what has never sent, for addTrack would take it', async () => {
    const { pc, pool, acquire, release } = setUp();
    const { transceiver } = await acquire();
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'stopped' });
    expect(pc.addTrack(new FakeTrack())).not.toBe(transceiver);
    expect(pool.stats()).toMatchObject({ parked: 0, stopped: 1, failed: 0 });
  });

  it('keeps what has sent, even if the app had made it inactive before', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    transceiver.direction = 'inactive';
    pc.negotiate();
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'shrunk' });
    expect(await acquire()).toMatchObject({ transceiver, reused: true });
  });

  it('keeps maxParkedPerKey, and stops the others', async () => {
    const { pc, pool, acquire } = setUp({ maxParkedPerKey: 2 });
    const leases = [];
    for (let i = 0; i < 4; i++) leases.push(await acquire());
    leases.push(await acquire(new FakeTrack('audio')));
    pc.negotiate();
    const released = await soon(Promise.all(leases.map(({ transceiver }) => pool.release(transceiver))));
    // Those that are stopped are made tiny, too: that is when their memory comes back.
    expect(released.map(({ freed }) => freed)).toEqual(['shrunk', 'shrunk', 'shrunk', 'shrunk', 'none']);
    expect(released.every(({ needsNegotiation }) => needsNegotiation)).toBe(true);
    expect(pool.stats()).toMatchObject({ parked: 3, stopped: 2 });
  });

  it.each<[string, TransceiverPoolOptions]>([
    ['has never sent', {}],
    ['is one too many', { maxParkedPerKey: 0 }],
  ])('while an offer says that it sends, stops what %s, and asks for another offer', async (_, options) => {
    const { pc, acquire, release } = setUp(options);
    const { transceiver } = await acquire();
    pc.offer();
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'stopped' });
  });

  it('that fails asks for an offer by what is known then: one may be pending, or answered meanwhile', async () => {
    const { pc, pool, acquire, release, park } = setUp();
    await park();
    await park(new FakeTrack('audio'));
    const video = await acquire();
    const audio = await acquire(new FakeTrack('audio'));
    pc.offer();
    pc.decide = ({ name }) => (name === 'replaceTrack' ? 'fail' : 'succeed');
    // The last answer said that they are inactive.
    expect(await release(video.transceiver)).toEqual({ needsNegotiation: true, freed: 'stopped' });
    pc.decide = () => undefined;
    const pending = pool.release(audio.transceiver);
    await vi.advanceTimersByTimeAsync(1);
    pc.answer();
    pc.calls[0]!.fail();
    expect(await soon(pending)).toEqual({ needsNegotiation: true, freed: 'stopped' });
  });

  it('sees that it has sent without any event, as of a library that has none, and while an offer is pending', async () => {
    const { pc, acquire, release } = setUp();
    vi.spyOn(pc, 'dispatchEvent').mockReturnValue(true);
    const { transceiver } = await acquire();
    pc.negotiate();
    pc.offer();
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'shrunk' });
  });
});

describe('a failed reuse', () => {
  it.each<[string, (call: Call) => 'succeed' | 'fail' | undefined]>([
    ['setParameters fails', ({ name }) => (name === 'setParameters' ? 'fail' : 'succeed')],
    ['replaceTrack fails', ({ name }) => (name === 'replaceTrack' ? 'fail' : 'succeed')],
    ['setParameters never settles', ({ name }) => (name === 'setParameters' ? undefined : 'succeed')],
    ['replaceTrack never settles', ({ name }) => (name === 'replaceTrack' ? undefined : 'succeed')],
  ])('tries the next, then makes one, and leaves no sender half configured: %s', async (_, decide) => {
    const { pc, pool, acquire, release } = setUp();
    const first = await acquire();
    const second = await acquire();
    pc.negotiate();
    await release(first.transceiver);
    await release(second.transceiver);
    pc.negotiate();

    pc.decide = (call) => (call.sender === first.transceiver.sender ? decide(call) : 'succeed');
    const next = await acquire();
    expect(next).toMatchObject({ transceiver: second.transceiver, reused: true });
    expect(first.transceiver.stopped).toBe(true);
    await release(next.transceiver);
    pc.negotiate();

    pc.decide = decide;
    expect(await acquire()).toMatchObject({ reused: false, needsNegotiation: true });
    expect(second.transceiver.stopped).toBe(true);
    expect(pool.stats()).toMatchObject({ created: 3, leased: 1, parked: 0, failed: 2, stopped: 2, acquiring: 0 });
  });

  it.each(['setCodecPreferences', 'setStreams', 'direction'])('falls back where %s throws', async (what) => {
    const { acquire, park } = setUp();
    const parked = await park();
    const fail = () => {
      throw new Error('no');
    };
    if (what === 'setStreams') parked.sender.setStreams = fail;
    else if (what === 'direction') Object.defineProperty(parked, 'direction', { get: () => 'inactive', set: fail });
    else parked.setCodecPreferences = fail;
    expect(await acquire()).toMatchObject({ reused: false });
    expect(parked.stopped).toBe(true);
  });

  const loud = { sendEncodings: [{ active: true, maxBitrate: 1 }] };
  /** Four parked, and no sender that takes what is asked for. */
  const refusing = async () => {
    const all = setUp();
    const leases = [];
    for (let i = 0; i < 4; i++) leases.push(await all.acquire());
    all.pc.negotiate();
    for (const { transceiver } of leases) await all.release(transceiver);
    all.pc.negotiate();
    all.pc.decide = ({ name }) => (name === 'setParameters' ? 'fail' : 'succeed');
    return all;
  };

  it('because of what is asked for costs nothing that is kept', async () => {
    const { pc, pool, acquire } = await refusing();
    const no = new RangeError('maxBitrate');
    vi.spyOn(pc, 'addTransceiver').mockImplementation(() => {
      throw no;
    });
    for (let i = 0; i < 2; i++) {
      await expect(acquire(new FakeTrack(), loud)).rejects.toMatchObject({ code: 'refused', cause: no });
    }
    expect(pool.stats()).toMatchObject({ parked: 4, acquiring: 0, failed: 0, stopped: 0 });
    pc.decide = () => 'succeed';
    vi.restoreAllMocks();
    expect(await acquire()).toMatchObject({ reused: true });
  });

  it('of all costs one, if a new one takes what is asked for', async () => {
    const { pc, pool, acquire } = await refusing();
    expect(await acquire(new FakeTrack(), loud)).toMatchObject({ reused: false });
    expect(pool.stats()).toMatchObject({ parked: 3, acquiring: 0, failed: 1, stopped: 1 });
    expect(pc.alive()).toHaveLength(4);
  });

  it('leaves alone what addTrack took meanwhile, and nothing behind in a pool that was disposed meanwhile', async () => {
    const { pc, pool } = await refusing();
    pc.decide = () => undefined;
    const pending = pool.acquire(new FakeTrack(), loud);
    pending.catch(() => {});
    await vi.advanceTimersByTimeAsync(1);
    const [taken] = pc.transceivers;
    taken!.hasSent = false; // or else addTrack leaves it alone
    expect(pc.addTrack(new FakeTrack())).toBe(taken);
    pc.calls[0]!.fail();
    await vi.advanceTimersByTimeAsync(1);
    pool.dispose();
    pc.calls[0]!.fail();
    await expect(soon(pending)).rejects.toEqual(failure('disposed'));
    expect(pc.transceivers.map(({ stopped }) => stopped)).toEqual([false, true, true, true]);
  });

  it('waits for as long as settleMs says', async () => {
    const { pc, pool, park } = setUp({ settleMs: 700 });
    await park();
    pc.decide = () => undefined;
    let over = false;
    void pool.acquire(new FakeTrack()).then(() => (over = true));
    await vi.advanceTimersByTimeAsync(690);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(60);
    expect(over).toBe(true);
  });
});

describe('a race', () => {
  it('between two that want the one parked transceiver has one winner', async () => {
    const { pc, pool, park } = setUp();
    const parked = await park();
    const leases = await soon(Promise.all([pool.acquire(new FakeTrack()), pool.acquire(new FakeTrack())]));
    expect(leases.map(({ reused }) => reused).toSorted()).toEqual([false, true]);
    expect(new Set(leases.map(({ transceiver }) => transceiver)).size).toBe(2);
    expect(leases.find(({ reused }) => reused)!.transceiver).toBe(parked);
    expect(pc.alive()).toHaveLength(2);
  });

  it('of a release with an acquire of the same track never has the track in two senders', async () => {
    const { pc, pool, acquire } = setUp();
    const track = new FakeTrack();
    const { transceiver } = await acquire(track);
    pc.negotiate();
    const holders = () => pc.alive().filter(({ sender }) => sender.track === track).length;
    const most: number[] = [];
    pc.decide = () => (most.push(holders()), 'succeed');
    void pool.release(transceiver);
    const lease = await acquire(track);
    expect(Math.max(...most)).toBe(1);
    expect(lease.transceiver.sender.track).toBe(track);
    expect(holders()).toBe(1);
  });

  it('of acquire with an addTransceiver of the same track never has two winners', async () => {
    const { pc, pool, acquire } = setUp();
    const track = new FakeTrack();
    const { transceiver } = await acquire(track);
    pc.negotiate();
    pc.addTransceiver(track); // as nothing but the pool forbids
    void pool.release(transceiver);
    await expect(acquire(track)).rejects.toEqual(failure('track-in-use'));
    expect(pc.alive().filter(({ sender }) => sender.track === track)).toHaveLength(1);
  });

  it('of acquire with an addTransceiver of the same track, made meanwhile, does not touch the track', async () => {
    const { pc, pool, park } = setUp();
    const parked = await park();
    pc.decide = () => undefined;
    const track = new FakeTrack();
    const pending = pool.acquire(track);
    await vi.advanceTimersByTimeAsync(1);
    pc.addTransceiver(track);
    pc.decide = () => 'succeed';
    pc.calls[0]!.succeed();
    await expect(soon(pending)).rejects.toEqual(failure('track-in-use'));
    expect(parked.sender.replaced).not.toContain(track);
    expect(pool.stats()).toMatchObject({ parked: 1, acquiring: 0, failed: 0 });
  });

  it('of a release with the acquire that is not over is refused', async () => {
    const { pc, pool, park } = setUp();
    const parked = await park();
    pc.decide = () => undefined;
    const pending = pool.acquire(new FakeTrack());
    await expect(pool.release(parked)).rejects.toEqual(failure('not-leased'));
    pc.decide = () => 'succeed';
    pc.calls[0]!.succeed();
    await expect(soon(pending)).resolves.toMatchObject({ transceiver: parked });
  });

  it.each(['acquire', 'release'] as const)('of %s with close() ends, though replaceTrack never does', async (what) => {
    const { pc, pool, acquire, park } = setUp();
    const transceiver = what === 'acquire' ? await park() : (await acquire()).transceiver;
    if (what === 'release') pc.negotiate();
    pc.decide = ({ name }) => (name === 'replaceTrack' ? undefined : 'succeed');
    const pending: Promise<unknown> = what === 'acquire' ? pool.acquire(new FakeTrack()) : pool.release(transceiver);
    pending.catch(() => {});
    await vi.advanceTimersByTimeAsync(1);
    expect(pc.calls).toHaveLength(1);
    pc.close();
    await vi.advanceTimersByTimeAsync(100); // much less than settleMs
    await expect(pending).rejects.toEqual(failure('closed'));
    expect(pool.stats()).toMatchObject({ acquiring: 0, leased: 0, releasing: 0, parked: 0, failed: 0 });
  });

  it.each(['setParameters', 'replaceTrack'])(
    'with an answer that takes layers away, during %s, gives all layers',
    async (when) => {
      const { pc, pool, park } = setUp();
      const request = { sendEncodings: layers() };
      await park(new FakeTrack(), request);
      pc.decide = ({ name }) => (name === when ? undefined : 'succeed');
      const pending = pool.acquire(new FakeTrack(), request);
      await vi.advanceTimersByTimeAsync(1);
      pc.negotiate({ layers: 1 });
      pc.decide = () => 'succeed';
      pc.calls[0]!.succeed();
      const lease = await soon(pending);
      expect(lease).toMatchObject({ reused: false });
      expect(lease.transceiver.sender.encodings).toHaveLength(3);
      expect(pool.stats()).toMatchObject({ acquiring: 0, leased: 1, releasing: 0, failed: 1, parked: 0 });
    },
  );

  it('with a stop from outside, while acquiring, gives another one', async () => {
    const { pc, pool, park } = setUp();
    const parked = await park();
    pc.decide = () => undefined;
    const pending = pool.acquire(new FakeTrack());
    await vi.advanceTimersByTimeAsync(1);
    parked.stop();
    pc.calls[0]!.succeed();
    await expect(soon(pending)).resolves.toMatchObject({ reused: false });
    expect(pool.stats()).toMatchObject({ lost: 1, failed: 0, leased: 1 });
  });

  it('with a stop from outside, while releasing, keeps nothing', async () => {
    const { pc, pool, acquire } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    pc.decide = () => undefined;
    const pending = pool.release(transceiver);
    await vi.advanceTimersByTimeAsync(1);
    transceiver.stop();
    pc.calls[0]!.succeed();
    await expect(soon(pending)).resolves.toEqual({ needsNegotiation: true, freed: 'stopped' });
    expect(pool.stats()).toMatchObject({ parked: 0, releasing: 0, lost: 1, stopped: 0 });
  });

  it('with addTrack, while acquiring, leaves the track of that one where it is', async () => {
    const { pc, pool, park } = setUp();
    const parked = await park();
    parked.hasSent = false; // or else addTrack leaves it alone
    pc.decide = () => undefined;
    const pending = pool.acquire(new FakeTrack());
    await vi.advanceTimersByTimeAsync(1);
    const theirs = new FakeTrack();
    expect(pc.addTrack(theirs)).toBe(parked);
    pc.decide = () => 'succeed';
    pc.calls[0]!.succeed();
    await expect(soon(pending)).resolves.toMatchObject({ reused: false });
    expect([parked.sender.track, parked.stopped]).toEqual([theirs, false]);
  });

  it('with the end of the track, while acquiring, keeps the transceiver for the next', async () => {
    const { pc, pool, acquire, park } = setUp();
    const parked = await park();
    for (const name of ['setParameters', 'replaceTrack']) {
      pc.decide = (call) => (call.name === name ? undefined : 'succeed');
      const track = new FakeTrack();
      const pending = pool.acquire(track);
      await vi.advanceTimersByTimeAsync(1);
      track.stop();
      pc.decide = () => 'succeed';
      pc.calls[0]!.succeed();
      await expect(soon(pending)).rejects.toEqual(failure('track-ended'));
      expect(parked).toMatchObject({ direction: 'inactive', sender: { track: null } });
      expect(parked.sender.encodings.some(({ active }) => active)).toBe(false);
      expect(pool.stats()).toMatchObject({ parked: 1, leased: 0 });
    }
    expect(await acquire()).toMatchObject({ transceiver: parked, reused: true });
  });

  it('of offers, with one taken back, leaves no belief in what was not agreed on', async () => {
    const { pc, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    await release(transceiver);
    pc.offer();
    pc.rollback();
    expect(await acquire()).toMatchObject({ reused: false });
    pc.negotiate();
    expect(await acquire()).toMatchObject({ transceiver, reused: true });
    pc.offer();
    pc.rollback();
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'shrunk' });
  });
});

describe('acquire refuses', () => {
  it.each<[string, unknown, unknown, string]>([
    ['nothing', null, {}, 'track is null'],
    ['something else than a track', { kind: 'data' }, {}, "track.kind is data: pass 'audio' or 'video'"],
    ['options that are none', new FakeTrack(), 1, 'options is 1'],
    ['a stream alone', new FakeTrack(), { streams: { id: 'a' } }, 'streams is'],
    ['encodings that are none', new FakeTrack(), { sendEncodings: [1] }, 'an element of sendEncodings is 1'],
    ['a name of a codec', new FakeTrack(), { codecs: ['VP9'] }, 'an element of codecs is VP9'],
    ['a codec without a type', new FakeTrack(), { codecs: [{}] }, 'mimeType of a codec is undefined'],
    ['a profile that is none', new FakeTrack(), { profile: 1 }, 'profile is 1'],
    ['a misspelled option', new FakeTrack(), { stream: [] }, 'options.stream is not known: did you mean streams?'],
    ['an unknown option', new FakeTrack(), { x: 1 }, 'options.x is not known: leave it out (known: streams'],
  ])('%s', async (_, track, options, message) => {
    const { pc, acquire } = setUp();
    await expect(acquire(any(track), any(options))).rejects.toEqual(failure('invalid-argument', message));
    expect(pc.transceivers).toEqual([]);
  });

  it('a track that has ended', async () => {
    const { acquire } = setUp();
    const track = new FakeTrack();
    track.stop();
    await expect(acquire(track)).rejects.toEqual(failure('track-ended'));
  });

  it('a track that is on its way already, is sent already, or is sent by other code', async () => {
    const { pc, pool, acquire, park } = setUp();
    await park();
    const track = new FakeTrack();
    const pending = pool.acquire(track);
    await expect(pool.acquire(track)).rejects.toEqual(failure('track-in-use'));
    const { transceiver } = await soon(pending);
    await expect(acquire(track)).rejects.toEqual(failure('track-in-use'));
    transceiver.stop(); // then it is free again
    await acquire(track);

    const theirs = new FakeTrack();
    pc.addTransceiver(theirs);
    await expect(acquire(theirs)).rejects.toEqual(failure('track-in-use'));
  });

  it('what the connection refuses, with its error, and leaves nothing behind', async () => {
    const { pc, pool, acquire } = setUp();
    const track = new FakeTrack();
    const no = new TypeError('bad rid');
    pc.addTransceiver = () => {
      throw no;
    };
    await expect(acquire(track)).rejects.toMatchObject({ code: 'refused', cause: no });
    Reflect.deleteProperty(pc, 'addTransceiver');
    const make = pc.addTransceiver.bind(pc);
    pc.addTransceiver = (...args) => {
      const transceiver = make(...args);
      transceiver.setCodecPreferences = () => {
        throw no;
      };
      return transceiver;
    };
    await expect(acquire(track, { codecs: [vp9] })).rejects.toMatchObject({ code: 'refused', cause: no });
    expect(pc.alive()).toEqual([]);
    expect(pool.stats()).toMatchObject({ created: 0, leased: 0 });
    await acquire(track); // not in use
  });

  it('on a connection that is closed, and so does release', async () => {
    const { pc, pool, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.close();
    await expect(acquire()).rejects.toEqual(failure('closed'));
    await expect(release(transceiver)).rejects.toEqual(failure('closed'));
    expect(pool.stats()).toMatchObject({ leased: 0, parked: 0, lost: 0 });
  });
});

describe('release refuses', () => {
  it('what is not of this pool', async () => {
    const { pc, release } = setUp();
    const other = setUp();
    const { transceiver } = await other.acquire();
    for (const each of [transceiver, pc.addTransceiver(new FakeTrack()), undefined, 1]) {
      await expect(release(any(each))).rejects.toEqual(failure('foreign'));
    }
    expect(pc.transceivers[0]!.stopped).toBe(false);
  });

  it('the same twice, at once and later', async () => {
    const { pc, pool, acquire } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    const first = pool.release(transceiver);
    await expect(pool.release(transceiver)).rejects.toEqual(failure('not-leased'));
    await soon(first);
    await expect(pool.release(transceiver)).rejects.toEqual(failure('not-leased'));
    expect(pool.stats()).toMatchObject({ parked: 1, shrunk: 1 });
  });

  it('a second time what was stopped from outside; the first time there is nothing to do', async () => {
    const { pc, pool, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    transceiver.stop();
    transceiver.currentDirection = 'stopped';
    expect(await release(transceiver)).toEqual({ needsNegotiation: false, freed: 'stopped' });
    await expect(release(transceiver)).rejects.toEqual(failure('not-leased'));
    expect(pool.stats()).toMatchObject({ leased: 0, lost: 1 });
  });

  it.each<[string, (call: Call) => 'succeed' | 'fail' | undefined]>([
    ['cannot silence', ({ name }) => (name === 'replaceTrack' ? 'fail' : 'succeed')],
    ['may be changed later', ({ name }) => (name === 'setParameters' ? undefined : 'succeed')],
    ['may be silenced later', ({ name }) => (name === 'replaceTrack' ? undefined : 'succeed')],
  ])('to keep what it %s', async (_, decide) => {
    const { pc, pool, acquire, release } = setUp();
    const { transceiver } = await acquire();
    pc.negotiate();
    pc.decide = decide;
    expect(await release(transceiver)).toEqual({ needsNegotiation: true, freed: 'stopped' });
    expect(pool.stats()).toMatchObject({ parked: 0, failed: 1, stopped: 1 });
  });
});

describe('a pool', () => {
  it.each<[unknown, string]>([
    [{ maxParkedPerKey: -1 }, 'maxParkedPerKey is -1'],
    [{ maxParkedPerKey: NaN }, 'maxParkedPerKey is NaN'],
    [{ maxParkedPerKey: null }, 'maxParkedPerKey is null'],
    [{ maxParkedPerKey: '4' }, 'maxParkedPerKey is 4'],
    [{ maxParkedPerKey: [] }, 'maxParkedPerKey is '],
    [{ settleMs: '5' }, 'settleMs is 5'],
    [{ free: 'no' }, 'free is no'],
    [{ settleMs: 0 }, 'settleMs is 0'],
    [{ settleMs: Infinity }, 'settleMs is Infinity'],
    [{ shrinkMs: '50' }, 'shrinkMs is 50'],
    [{ blankVideoTrack: new FakeTrack() }, 'blankVideoTrack is'],
    [{ reuse: true }, 'reuse is true'],
    [{ settleMS: 5 }, 'options.settleMS is not known: did you mean settleMs?'],
    [{ shrink: true }, 'options.shrink is not known: did you mean shrinkMs?'],
    [null, 'options is null'],
  ])('has no such options: %o', (options, message) => {
    expect(() => new TransceiverPool(new FakeConnection(), any(options))).toThrow(failure('invalid-argument', message));
  });

  it.each([undefined, null, {}, 1])('needs a connection, which %s is not', (pc) => {
    expect(() => new TransceiverPool(any<FakeConnection>(pc))).toThrow(failure('invalid-argument', 'pc is'));
  });

  it('takes undefined for an option that is not there', async () => {
    const { pc, acquire, release } = setUp(any({ maxParkedPerKey: undefined, free: undefined, settleMs: undefined }));
    const { transceiver } = await acquire(new FakeTrack(), any({ streams: undefined, codecs: undefined }));
    pc.negotiate();
    expect(await release(transceiver)).toMatchObject({ freed: 'shrunk' });
  });

  it('stops what it keeps when it is disposed, and leaves what it has lent', async () => {
    const { pc, pool, acquire, release, park } = setUp();
    const lent = await acquire(new FakeTrack('audio'));
    const parked = await park();
    const listeners = vi.spyOn(pc, 'removeEventListener');
    pool.dispose();
    pool.dispose();
    expect([parked.stopped, lent.transceiver.stopped]).toEqual([true, false]);
    expect(listeners).toHaveBeenCalledOnce();
    await expect(acquire()).rejects.toEqual(failure('disposed'));
    await expect(release(lent.transceiver)).rejects.toEqual(failure('disposed'));
    expect(pool.stats()).toMatchObject({ leased: 0, parked: 0, stopped: 1 });
  });

  it.each(['acquire', 'release'] as const)('that is disposed during %s keeps nothing', async (what) => {
    const { pc, pool, acquire, park } = setUp();
    const transceiver = what === 'acquire' ? await park() : (await acquire()).transceiver;
    if (what === 'release') pc.negotiate();
    pc.decide = () => undefined;
    const pending: Promise<unknown> = what === 'acquire' ? pool.acquire(new FakeTrack()) : pool.release(transceiver);
    pending.catch(() => {});
    await vi.advanceTimersByTimeAsync(1);
    pool.dispose();
    pc.decide = () => 'succeed';
    pc.calls[0]!.succeed();
    await expect(soon(pending)).rejects.toEqual(failure('disposed'));
    expect(transceiver.stopped).toBe(true);
    expect(pool.stats()).toMatchObject({ acquiring: 0, releasing: 0, parked: 0, failed: 0 });
  });

  it('says what is wrong by a code, and is an Error', async () => {
    const { acquire } = setUp();
    const error = await acquire(any(null)).catch((thrown: TransceiverPoolError) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe('TransceiverPoolError: track is null: pass an object');
    await expect(acquire(new FakeTrack(), any([]))).rejects.toThrow('options is an array: pass an object');
  });
});
