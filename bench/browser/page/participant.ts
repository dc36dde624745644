// A participant of a LiveKit room that publishes pictures of a canvas and a tone again and again, and watches others.

import {
  ExternalE2EEKeyProvider,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  VideoPreset,
  VideoQuality,
  type RemoteTrack,
  type RemoteTrackPublication,
} from 'livekit-client';
import { poolOf, publishThroughPool } from '../../../examples/livekit-client-pool/publish-through-pool.js';
import { releaseSender } from '../../../src/webrtc/index.js';
import type { Way } from '../calls.js';
import { isAudio, type ParticipantCalls, type Seen, type Shape } from '../room-calls.js';
import { tone } from './media.js';

setLogLevel('silent');

const FRAMES_PER_SECOND = 8;

/** Not in its types. */
interface EngineInside {
  pcManager?: {
    state: number;
    publisher: { pc: RTCPeerConnection; removeTrack(sender: RTCRtpSender): void };
  };
  client: Record<'onLocalTrackPublished' | 'onAnswer' | 'sendOffer', ((...args: never[]) => unknown) | undefined>;
}
/** livekit-client's number for a connection that has failed. */
const FAILED = 3;

let room: Room | undefined;
/** Of rooms that were left. */
const gone = { rooms: [] as WeakRef<object>[], connections: [] as WeakRef<object>[], pools: [] as WeakRef<object>[] };
const inside = () => room!.engine as unknown as EngineInside;
const connection = () => inside().pcManager!.publisher.pc;

// ── what is published ────────────────────────────────────────────────────────────────────────────────────────────────

interface Picture {
  readonly canvas: HTMLCanvasElement;
  readonly timer: ReturnType<typeof setInterval>;
  color: string;
}
const pictures = new Map<string, Picture>();
const published = new Map<string, MediaStreamTrack>();

function pictureTrack(name: string, { width = 480, height = 270, color = '#c00' }: Shape): MediaStreamTrack {
  let picture = pictures.get(name);
  if (!picture) {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d')!;
    let count = 0;
    const timer = setInterval(() => {
      const { width: w, height: h } = canvas;
      context.fillStyle = made.color;
      context.fillRect(0, 0, w, h);
      context.fillStyle = count++ % 2 ? '#111' : '#222';
      context.fillRect(0, 0, w / 10, h / 10); // or else there is nothing new to encode
    }, 1000 / FRAMES_PER_SECOND);
    const made: Picture = { canvas, timer, color };
    pictures.set(name, (picture = made));
  }
  Object.assign(picture.canvas, { width, height });
  picture.color = color;
  return picture.canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0]!;
}

/** As many smaller layers as are asked for. */
function smaller({ width = 480, height = 270, layers = 1 }: Shape): VideoPreset[] {
  const scales = [4, 2].slice(3 - layers);
  return scales.map((scale) => new VideoPreset(width / scale, height / scale, 400_000 / scale, FRAMES_PER_SECOND));
}

const SOURCES = {
  camera: Track.Source.Camera,
  screen_share: Track.Source.ScreenShare,
  microphone: Track.Source.Microphone,
  screen_share_audio: Track.Source.ScreenShareAudio,
};

async function encryption(): Promise<{ keyProvider: ExternalE2EEKeyProvider; worker: Worker }> {
  const script = await (await fetch('/e2ee-worker.mjs')).blob(); // see stage.ts
  const worker = new Worker(URL.createObjectURL(script), { type: 'module' });
  const keyProvider = new ExternalE2EEKeyProvider();
  await keyProvider.setKey('of these tests');
  return { keyProvider, worker };
}

/** A browser without a window has no background: see Joining.background. */
function throttle(): void {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const start = globalThis[name] as (...args: unknown[]) => number;
    globalThis[name] = ((callback: unknown, ms = 0, ...rest: unknown[]) =>
      start(callback, Math.max(ms, 1000), ...rest)) as never;
  }
}

/** From now on this page's connections do not receive a codec, as those of a browser that has no decoder for it. */
function lack(codec: string): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')!.codecs.filter(({ mimeType }) => mimeType !== codec);
  for (const name of ['createOffer', 'createAnswer'] as const) {
    const create = RTCPeerConnection.prototype[name] as () => Promise<RTCSessionDescriptionInit>;
    RTCPeerConnection.prototype[name] = function (this: RTCPeerConnection, ...rest: []) {
      for (const each of this.getTransceivers()) {
        if (each.receiver.track.kind === 'video' && each.direction !== 'stopped') each.setCodecPreferences(codecs);
      }
      return create.apply(this, rest);
    } as never;
  }
}

// ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────

const watched = new Map<
  string,
  { track: RemoteTrack; publication: RemoteTrackPublication; element: HTMLMediaElement }
>();
let [begun, ended] = [0, 0];

function watch(theirs: Room): void {
  theirs.on(RoomEvent.TrackSubscribed, (track, publication) => {
    begun++;
    const element = track.attach();
    document.body.append(element);
    watched.set(publication.trackSid, { track, publication, element });
    if (track.kind === Track.Kind.Audio) void listen(track);
  });
  theirs.on(RoomEvent.TrackUnsubscribed, (track, publication) => {
    ended++;
    watched.delete(publication.trackSid);
    for (const element of track.detach()) element.remove();
  });
}

/** How often the receiver is asked what it made up, in ms. */
const LISTEN_MS = 100;
let longestGap = 0;

/** Measures the gaps of audio until it ends. */
async function listen(track: RemoteTrack): Promise<void> {
  let [last, gap] = [-1, 0];
  while (track.mediaStreamTrack.readyState === 'live') {
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    for (const report of (await track.getRTCStatsReport())?.values() ?? []) {
      // Before the first packet there is nothing that could be missing.
      if (report.type !== 'inbound-rtp' || !(report.totalAudioEnergy > 0)) continue;
      const madeUp = (report.concealedSamples / SAMPLE_RATE) * 1000;
      gap = last >= 0 && madeUp > last ? gap + madeUp - last : 0;
      longestGap = Math.max(longestGap, gap);
      last = madeUp;
    }
  }
}
/** Of Opus. */
const SAMPLE_RATE = 48_000;

/** Of the middle of a video. */
function colorOf(video: HTMLVideoElement): number[] | undefined {
  if (!video.videoWidth) return undefined;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d')!;
  context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
  return Array.from(context.getImageData(0, 0, 1, 1).data).slice(0, 3);
}

// ── ways to unpublish ────────────────────────────────────────────────────────────────────────────────────────────────

function unpublishBy(way: Way): void {
  if (way !== 'stop' && way !== 'releaseSender') return;
  const { publisher } = inside().pcManager!;
  const { removeTrack } = publisher;
  publisher.removeTrack = (sender) => {
    removeTrack.call(publisher, sender);
    if (way === 'releaseSender') releaseSender(publisher.pc, sender).catch(() => {});
    else
      publisher.pc
        .getTransceivers()
        .find((each) => each.sender === sender)
        ?.stop();
  };
}

const withheld: { [Name in keyof EngineInside['client']]?: EngineInside['client'][Name] } = {};
let weight: Uint8Array | undefined;

export const calls: ParticipantCalls = {
  connect: async (url, token, { way, options, singlePeerConnection = true, dynacast = false, ...more }) => {
    const { encrypted, lacks, background, mayPublish } = more;
    if (background) throttle();
    if (lacks !== undefined) lack(lacks);
    const e2ee = encrypted ? { e2ee: await encryption() } : {};
    room = new Room({ stopLocalTrackOnUnpublish: true, singlePeerConnection, dynacast, ...e2ee });
    watch(room);
    if (encrypted) await room.setE2EEEnabled(true);
    if (way === 'pool') publishThroughPool(room, options);
    await room.connect(url, token);
    // livekit-client would not even ask the server.
    if (mayPublish) Object.assign(room.localParticipant, { hasPermissionsToPublish: () => true });
    unpublishBy(way);
  },
  publish: async (name, shape) => {
    const video = !isAudio(shape);
    const track = video ? pictureTrack(name, shape) : tone();
    published.set(name, track);
    const layers = smaller(shape);
    const { trackSid } = await room!.localParticipant.publishTrack(track, {
      source: SOURCES[shape.source],
      ...(video && {
        simulcast: layers.length > 0,
        videoSimulcastLayers: layers,
        screenShareSimulcastLayers: layers,
        backupCodec: shape.backup ? { codec: 'vp8' } : false,
        ...(shape.codec && { videoCodec: shape.codec }),
      }),
    });
    return trackSid;
  },
  unpublish: async (name) => {
    await room!.localParticipant.unpublishTrack(published.get(name)!);
    published.delete(name);
  },
  seen: async () => {
    const all: Seen[] = [];
    for (const [sid, { track, publication, element }] of watched) {
      const { source, isEncrypted: encrypted } = publication;
      const one = { source, sid, encrypted, frames: 0, width: 0, height: 0, energy: 0 };
      const stats = await track.getRTCStatsReport();
      for (const report of stats?.values() ?? []) {
        if (report.type !== 'inbound-rtp') continue;
        one.frames = report.framesDecoded ?? report.totalSamplesReceived ?? 0;
        one.width = report.frameWidth ?? 0;
        one.height = report.frameHeight ?? 0;
        one.energy = report.totalAudioEnergy ?? 0;
      }
      all.push({ ...one, color: element instanceof HTMLVideoElement ? colorOf(element) : undefined });
    }
    return all;
  },
  enable: (on) => {
    for (const { publication } of watched.values()) publication.setEnabled(on);
  },
  longestGap: () => longestGap,
  subscriptions: () => ({ begun, ended }),
  counts: () => {
    const pc = connection();
    const all = pc.getTransceivers();
    const sdp = pc.currentLocalDescription?.sdp ?? '';
    return {
      transceivers: all.length,
      sending: all.filter(({ currentDirection }) => /send/.test(currentDirection ?? '')).length,
      sections: sdp.match(/^m=/gm)?.length ?? 0,
      sdpBytes: sdp.length,
    };
  },
  // While livekit-client reconnects there may be no connection.
  ufrags: () => inside().pcManager?.publisher.pc.currentLocalDescription?.sdp.match(/(?<=^a=ice-ufrag:)\S+/gm) ?? [],
  stats: () => poolOf(room!)?.stats(),
  check: () => poolOf(room!)?.check() ?? [],
  sent: async () => {
    const codecs = new Set<string>();
    let active = 0;
    for (const { sender } of connection().getTransceivers()) {
      if (sender.track?.kind !== 'video') continue;
      active += sender.getParameters().encodings.filter((each) => each.active).length;
      const stats = await sender.getStats();
      for (const report of stats.values()) {
        if (report.type === 'outbound-rtp' && report.codecId) codecs.add(stats.get(report.codecId).mimeType);
      }
    }
    return { codecs: [...codecs], active };
  },
  simulate: (scenario) => room!.simulateScenario(scenario),
  state: () => room!.state,
  quality: (quality) => {
    for (const { publication } of watched.values()) publication.setVideoQuality(quality as VideoQuality);
  },
  withhold: (which) => {
    const { client } = inside();
    Object.assign(client, withheld);
    const methods = {
      publications: 'onLocalTrackPublished',
      descriptions: 'onAnswer',
      simulcast: 'onAnswer',
      offers: 'sendOffer',
    } as const;
    if (which === 'nothing') return;
    const name = methods[which];
    const original = client[name]!;
    withheld[name] = original;
    client[name] = () => {};
    if (which !== 'simulcast') return;
    client[name] = ({ type, sdp }: RTCSessionDescriptionInit, ...rest: never[]) =>
      original.call(client, { type, sdp: sdp!.replace(/^a=(simulcast|rid):.*\r\n/gm, '') } as never, ...rest);
  },
  unpublishWhileFailed: async (name) => {
    const pcManager = inside().pcManager!;
    const { state } = pcManager;
    pcManager.state = FAILED;
    await calls.unpublish(name);
    pcManager.state = state;
  },
  leave: async () => {
    gone.rooms.push(new WeakRef(room!));
    gone.connections.push(new WeakRef(connection()));
    const pool = poolOf(room!);
    if (pool) gone.pools.push(new WeakRef(pool));
    await room!.disconnect();
    room = undefined;
    for (const each of published.values()) each.stop();
    published.clear();
    // What is drawn is this page's own.
    for (const { canvas, timer } of pictures.values()) {
      clearInterval(timer);
      canvas.width = canvas.height = 0;
    }
    pictures.clear();
  },
  left: () => {
    const alive = (all: WeakRef<object>[]) => all.filter((each) => each.deref() !== undefined).length;
    return { rooms: alive(gone.rooms), connections: alive(gone.connections), pools: alive(gone.pools) };
  },
  grow: (mb) => {
    // At once, and not when garbage is collected.
    (weight?.buffer as (ArrayBuffer & { transfer(bytes: number): ArrayBuffer }) | undefined)?.transfer(0);
    weight = mb === 0 ? undefined : new Uint8Array(mb * 1e6).fill(1);
  },
};

// `weight` is there, too, or a bundler thinks that it is never read.
Object.assign(globalThis, { calls, weighs: () => weight?.length });
