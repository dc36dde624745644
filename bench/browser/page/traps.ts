// Two connections in one page: what the pool must know about a browser, each tried on it.

import { TransceiverPool, type TransceiverPoolOptions } from '../../../src/webrtc/index.js';
import type { PoolState, TrapCalls } from '../calls.js';
import { Picture, tone } from './media.js';
import { gathered, onlyThisMachine } from './sdp.js';

/** A connection with a pool, and the one at its other end. */
class Pair {
  readonly pc: RTCPeerConnection;
  readonly other = new RTCPeerConnection();
  readonly pool: TransceiverPool<RTCPeerConnection>;
  readonly picture = new Picture(480, 270, 10);

  /** Most of what follows is of senders that are handed out again. */
  constructor(options: TransceiverPoolOptions = { reuse: 'sender' }, configuration?: RTCConfiguration) {
    this.pc = new RTCPeerConnection(configuration);
    this.pool = new TransceiverPool(this.pc, options);
  }

  async negotiate(): Promise<void> {
    const { pc, other } = this;
    await pc.setLocalDescription();
    await gathered(pc);
    await other.setRemoteDescription({ type: 'offer', sdp: onlyThisMachine(pc.localDescription!.sdp) });
    await other.setLocalDescription();
    await gathered(other);
    await pc.setRemoteDescription({ type: 'answer', sdp: onlyThisMachine(other.localDescription!.sdp) });
  }

  /** Publishes and unpublishes, with the other side knowing of both. */
  async park(
    track: MediaStreamTrack,
    options?: Parameters<TransceiverPool<RTCPeerConnection>['acquire']>[1],
    meanwhile: (transceiver: RTCRtpTransceiver) => unknown = () => {},
  ): Promise<RTCRtpTransceiver> {
    const { transceiver } = await this.pool.acquire(track, options);
    await this.negotiate();
    await meanwhile(transceiver);
    await this.pool.release(transceiver);
    await this.negotiate();
    return transceiver;
  }

  close(): void {
    this.pc.close();
    this.other.close();
    this.picture.stop();
  }
}

const layers = () => [{ rid: 'h' }, { rid: 'f' }];

/** Runs with a pair, which is closed afterwards. */
const paired =
  <T>(run: (pair: Pair) => Promise<T>, options?: TransceiverPoolOptions, configuration?: RTCConfiguration) =>
  async (): Promise<T> => {
    const pair = new Pair(options, configuration);
    try {
      return await run(pair);
    } finally {
      pair.close();
    }
  };

/** Of the error; 'none' without one. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code: string }) => error.code,
  );

async function closedIn(pair: Pair, state: PoolState, offered: boolean): ReturnType<TrapCalls['closedIn']> {
  const { pc, pool, picture } = pair;
  // A data channel has the first m-line of the others.
  if (state !== 'anchors') {
    pc.createDataChannel('anchor');
    await pair.negotiate();
  }
  const { transceiver } = await pool.acquire(picture.track());
  await pair.negotiate();
  let pending: Promise<unknown> = Promise.resolve();
  if (state === 'acquiring' || state === 'parked') {
    await pool.release(transceiver);
    await pair.negotiate();
    if (state === 'acquiring') pending = pool.acquire(picture.track());
  } else if (state === 'releasing') pending = pool.release(transceiver);
  else if (state !== 'leased') await pool.release(transceiver);
  const code = codeOf(pending);
  if (offered && state !== 'acquiring' && state !== 'releasing') await pc.setLocalDescription();
  else if (offered) void pc.setLocalDescription().catch(() => {});
  const before = pool.stats()[state];
  pc.close();
  const left = pool.stats();
  const after =
    left.acquiring + left.leased + left.releasing + left.parked + left.anchors + left.stopping + left.failed;
  return { before, code: await code, after, check: pool.check() };
}

const calls: TrapCalls = {
  narrowed: paired(async (pair) => {
    // A browser does not take simulcast: its answer narrows it.
    const parked = await pair.park(pair.picture.track(), { sendEncodings: layers() });
    const simulcast = await pair.pool.acquire(pair.picture.track(), { sendEncodings: layers() });
    const single = await pair.pool.acquire(pair.picture.track());
    return {
      simulcastReused: simulcast.reused,
      singleReused: single.transceiver === parked,
      encodings: single.transceiver.sender.getParameters().encodings.map(({ active }) => active),
    };
  }),

  leftovers: paired(async (pair) => {
    const codecs = RTCRtpSender.getCapabilities('video')!.codecs;
    const vp9 = codecs.filter(({ mimeType }) => mimeType === 'video/VP9');
    const stream = new MediaStream();
    let before: RTCRtpEncodingParameters[] = [];
    await pair.park(pair.picture.track(), { streams: [stream] }, async (transceiver) => {
      const parameters = transceiver.sender.getParameters();
      before = structuredClone(parameters.encodings);
      Object.assign(parameters.encodings[0]!, { maxBitrate: 50_000, maxFramerate: 3, scaleResolutionDownBy: 8 });
      Object.assign(parameters.encodings[0]!, { scalabilityMode: 'L1T3', priority: 'high', active: false });
      parameters.degradationPreference = 'maintain-framerate';
      await transceiver.sender.setParameters(parameters);
      transceiver.setCodecPreferences(vp9);
    });
    const other = new MediaStream();
    const { transceiver, reused } = await pair.pool.acquire(pair.picture.track(), { streams: [other] });
    const { encodings, degradationPreference } = transceiver.sender.getParameters();
    await pair.negotiate();
    const sdp = pair.pc.localDescription!.sdp;
    return {
      reused,
      before: before[0] as object,
      after: encodings[0] as object,
      degradationPreference,
      codecs: new Set(sdp.match(/(?<=^a=rtpmap:\d+ )[^/]+/gm)).size,
      oldStream: sdp.includes(stream.id),
      newStream: sdp.includes(other.id),
    };
  }),

  neverSent: paired(async (pair) => {
    const { transceiver } = await pair.pool.acquire(pair.picture.track());
    const { freed } = await pair.pool.release(transceiver);
    const sender = pair.pc.addTrack(pair.picture.track());
    return { freed, taken: sender === transceiver.sender };
  }),

  parkedAndAddTrack: paired(async (pair) => {
    const parked = await pair.park(pair.picture.track());
    const sender = pair.pc.addTrack(pair.picture.track());
    const again = await pair.pool.acquire(pair.picture.track());
    return { taken: sender === parked.sender, reused: again.transceiver === parked };
  }),

  stopped: paired(async (pair) => {
    const parked = await pair.park(pair.picture.track());
    parked.stop();
    const lent = await pair.pool.acquire(pair.picture.track());
    await pair.negotiate();
    lent.transceiver.stop();
    const { freed } = await pair.pool.release(lent.transceiver);
    const { lost, leased, parked: left } = pair.pool.stats();
    return { reused: lent.reused, freed, lost, leased, left };
  }),

  stopFrees: paired(
    async (pair) => {
      await pair.pool.acquire(tone()); // without any m-line there is nothing to connect
      for (let i = 0; i < 3; i++) await pair.park(pair.picture.track());
      const sections = pair.pc.localDescription!.sdp.match(/^m=/gm)!.length;
      return { sections, transceivers: pair.pc.getTransceivers().length };
    },
    { free: 'stop' },
  ),

  recycled: paired(async (pair) => {
    const sections: number[] = [];
    const note = () => void sections.push(pair.pc.localDescription!.sdp.match(/^m=/gm)!.length);
    const stopping: number[] = [];
    await pair.pool.acquire(tone());
    const { transceiver } = await pair.pool.acquire(pair.picture.track());
    await pair.negotiate();
    note();
    await pair.pool.release(transceiver);
    // An offer with the stop that is taken back, and one whose answer is refused.
    await pair.pc.setLocalDescription();
    await pair.pc.setLocalDescription({ type: 'rollback' });
    stopping.push(pair.pool.stats().stopping);
    await pair.pc.setLocalDescription();
    await pair.pc.setRemoteDescription({ type: 'answer', sdp: 'v=0\r\n' }).catch(() => {});
    stopping.push(pair.pool.stats().stopping);
    await pair.pc.setLocalDescription({ type: 'rollback' });
    // The m-line is not free yet.
    const second = await pair.pool.acquire(pair.picture.track());
    await pair.negotiate();
    note();
    stopping.push(pair.pool.stats().stopping);
    // A stop and a start in one offer.
    await pair.pool.release(second.transceiver);
    await pair.pool.acquire(pair.picture.track());
    await pair.negotiate();
    note();
    const { lostNegotiations } = pair.pool.stats();
    return { sections, stopping, lostNegotiations, check: pair.pool.check() };
  }, {}),

  disposed: async () => {
    let pair: Pair | undefined = new Pair({});
    const kept = pair.pool;
    const gone = new WeakRef(pair.pc);
    const { transceiver } = await kept.acquire(pair.picture.track());
    await pair.negotiate();
    await kept.release(transceiver);
    kept.dispose();
    pair.close();
    pair = undefined;
    Object.assign(globalThis, { kept, isGone: () => gone.deref() === undefined });
  },
  isGone: () => (globalThis as unknown as { isGone(): boolean }).isGone(),

  refused: paired(async (pair) => {
    const track = pair.picture.track();
    const codes: string[] = [];
    const code = async (promise: Promise<unknown>) => void codes.push(await codeOf(promise));
    const { transceiver } = await pair.pool.acquire(track);
    await code(pair.pool.acquire(track));
    track.stop();
    await code(pair.pool.acquire(track));
    await code(pair.pool.release(pair.pc.addTransceiver('audio')));
    await pair.negotiate();
    await pair.pool.release(transceiver);
    await code(pair.pool.release(transceiver));
    // Its settings are kept; only the browser knows that they are wrong.
    await code(pair.pool.acquire(tone(), { sendEncodings: [{ rid: 'not a name' }, { rid: 'b' }] }));
    pair.pc.close();
    await code(pair.pool.acquire(pair.picture.track()));
    return codes;
  }),

  closedIn: async (state, offered) => {
    const reuse = state === 'acquiring' || state === 'parked' ? 'sender' : 'none';
    return paired((pair) => closedIn(pair, state, offered), { reuse })();
  },

  besideOthers: paired(async (pair) => {
    const { pc, pool, picture } = pair;
    // On the first m-line, and a placeholder of what is received.
    const theirs = [pc.addTransceiver(picture.track()), pc.addTransceiver('video', { direction: 'recvonly' })];
    await pair.negotiate();
    const look = () =>
      theirs.map(({ mid, direction, currentDirection, sender: { track } }) =>
        [mid, direction, currentDirection, track?.id, track?.readyState].join(),
      );
    const before = look().join();
    const sections: number[] = [];
    for (let i = 0; i < 3; i++) {
      await pair.park(picture.track());
      sections.push(pc.localDescription!.sdp.match(/^m=/gm)!.length);
    }
    const foreign = await codeOf(pool.release(theirs[0]!));
    const { anchors } = pool.stats();
    pool.dispose();
    await pair.negotiate();
    const untouched = look().join() === before;
    return { untouched, foreign, sections, anchors };
  }, {}),

  twoPools: paired(async ({ pc, pool }) => {
    const another = () => {
      try {
        new TransceiverPool(pc);
        return 'none';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const codes = [another()];
    pool.dispose();
    return [...codes, another(), another()];
  }),

  rolledBack: paired(async (pair) => {
    const parked = await pair.park(pair.picture.track());
    const { transceiver } = await pair.pool.acquire(pair.picture.track());
    await pair.pc.setLocalDescription();
    await pair.pc.setLocalDescription({ type: 'rollback' });
    const released = await pair.pool.release(transceiver);
    const again = await pair.pool.acquire(pair.picture.track());
    await pair.negotiate();
    return {
      released: released.needsNegotiation,
      same: transceiver === parked && again.transceiver === parked,
      direction: parked.currentDirection,
    };
  }),

  encodedStreams: paired(
    async (pair) => {
      const attach = ({ sender }: RTCRtpTransceiver): string => {
        try {
          (sender as unknown as { createEncodedStreams(): unknown }).createEncodedStreams();
          return 'attached';
        } catch (error) {
          return (error as Error).name;
        }
      };
      const parked = await pair.park(pair.picture.track(), { profile: 'encrypted' }, attach);
      const plain = await pair.pool.acquire(pair.picture.track());
      const encrypted = await pair.pool.acquire(pair.picture.track(), { profile: 'encrypted' });
      return {
        plainReused: plain.transceiver === parked,
        encryptedReused: encrypted.transceiver === parked,
        again: attach(encrypted.transceiver),
      };
    },
    { reuse: 'sender' },
    { encodedInsertableStreams: true } as RTCConfiguration,
  ),

  ownBlank: paired(
    async (pair) => {
      const freed: string[] = [];
      await pair.park(pair.picture.track(), {}, async (transceiver) => {
        // What is released below for good is released here already, to see how.
        freed.push((await pair.pool.release(transceiver)).freed);
        await pair.negotiate();
        const again = await pair.pool.acquire(pair.picture.track());
        freed.push(String(again.transceiver === transceiver));
        await pair.negotiate();
      });
      return freed;
    },
    { reuse: 'sender', blankVideoTrack: () => new Picture(16, 16, 30).track() },
  ),
};

Object.assign(globalThis, { calls });
