import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import type { AudioStream, LocalAudioTrack } from '@livekit/rtc-node';
import { fromNative } from '../errors.js';
import { loadBindings } from '../livekit/bindings.js';
import { describeEvents } from '../livekit/schema.js';
import { native } from '../native.js';
import type { Participant } from './participants.js';
import type { EventCounts, Listening, Played, Side } from './side.js';
import { Tracks } from './tracks.js';

/** What rtc-node's client is here: an emitter of everything that the engine says. */
interface Client {
  on(name: 'ffi_event', listener: (event: FfiEvent) => unknown): void;
  off(name: 'ffi_event', listener: (event: FfiEvent) => unknown): void;
}

/** Where rtc-node keeps its client. */
const shared = globalThis as { _ffiClientInstance?: Client };

/**
 * `@livekit/rtc-node` as it is, with its own client and its own AudioStream, in a process in which narrowcast is not
 * installed. Only what is played comes from narrowcast, as on the other side: its native thread asks the engine, and
 * the answers come to rtc-node's client like everything else. In a real meeting others play, so that is measured
 * beforehand, and subtracted: see {@link rehearse}.
 */
export class Peer implements Side {
  /** Answers come to rtc-node's client here, and not to what plays. */
  readonly ordered = false;
  /** rtc-node tells of a panic like of everything else: listening for it would be work for the thread measured. */
  readonly broken = new Promise<never>(() => {});
  readonly #tracks: Tracks;

  /**
   * @param sampleRate of tracks and streams, in Hz
   * @param frameMs length of the frames that are read
   * @throws {NarrowcastError} LiveKit is not installed, or not one that narrowcast knows
   */
  constructor(
    readonly sampleRate: number,
    readonly frameMs: number,
  ) {
    const { enginePath, ffi } = loadBindings();
    // Without the engine's callback: that stays with rtc-node.
    fromNative(() => native.engineAttach(enginePath, describeEvents(ffi)));
    this.#tracks = new Tracks(sampleRate);
  }

  /**
   * Every stream of rtc-node is a listener that looks at every event, answers to what is played included: as many such
   * listeners are there while others play.
   */
  rehearse(participants: number): () => void {
    const silence = this.#tracks.rehearse(participants);
    const client = shared._ffiClientInstance;
    const listeners = Array.from(
      { length: participants },
      () => (event: FfiEvent) => event.message.case === 'audioStreamEvent' && event.message.value.streamHandle === 0n,
    );
    for (const listener of listeners) client?.on('ffi_event', listener);
    return () => {
      silence();
      for (const listener of listeners) client?.off('ffi_event', listener);
    };
  }

  join(participant: Participant): Listening {
    const track = this.#tracks.open(participant);
    const frames = this.#open(track);
    // A stream that is being read can't be cancelled from outside. It ends with its track.
    return { frames, dropped: () => null, buffered: () => 0, close: () => void track.close(false) };
  }

  forget(participant: number): void {
    void this.#open(this.#tracks.of(participant)).getReader().read();
  }

  play(chunks: number): void {
    this.#tracks.play(chunks);
  }

  played(): Played[] {
    return this.#tracks.played();
  }

  silence(): void {
    this.#tracks.silence();
  }

  /** To count what it hears, each event would have to be looked at once more. */
  events(): EventCounts | null {
    return null;
  }

  async leave(): Promise<void> {
    await this.#tracks.close();
  }

  #open(track: LocalAudioTrack): AudioStream {
    const { rtc } = loadBindings();
    return new rtc.AudioStream(track, { sampleRate: this.sampleRate, numChannels: 1, frameSizeMs: this.frameMs });
  }
}
