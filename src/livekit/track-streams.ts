import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import type { StreamOnTrack, TrackInternals } from './track.js';

/**
 * Which streams are on which track, for rtc-node before 0.13.32, whose tracks don't know: ends them when the track is no
 * longer subscribed to, of which the engine says nothing to its streams.
 */
export class TrackStreams {
  /** By the track's handle; weakly, so that a forgotten stream is collected. */
  readonly #streams = new Map<bigint, { sid: string; refs: Set<WeakRef<StreamOnTrack>> }>();
  /** What is subscribed to since narrowcast was installed, by the track's handle: two rooms may have the same track. */
  readonly #subscribed = new Map<bigint, { sid: string; room: bigint }>();

  add({ ffi_handle, info }: TrackInternals, stream: StreamOnTrack): void {
    this.#sweep();
    const entry = this.#streams.get(ffi_handle.handle) ?? { sid: info?.sid ?? '', refs: new Set() };
    this.#streams.set(ffi_handle.handle, entry);
    entry.refs.add(new WeakRef(stream));
  }

  remove({ ffi_handle }: TrackInternals, stream: StreamOnTrack): void {
    const refs = this.#streams.get(ffi_handle.handle)?.refs ?? new Set();
    for (const ref of refs) if (ref.deref() === stream) refs.delete(ref);
    this.#sweep();
  }

  /** Looks at what has happened in a room. */
  note({ message: event }: FfiEvent): void {
    if (event.case !== 'roomEvent') return;
    const { roomHandle: room, message } = event.value;
    if (message.case === 'trackSubscribed') {
      const { handle, info } = message.value.track!;
      this.#subscribed.set(handle!.id!, { sid: info!.sid!, room: room! });
    } else if (message.case === 'trackUnsubscribed') {
      this.#end(message.value.trackSid!, room!);
    } else if (message.case === 'disconnected' || message.case === 'eos') {
      for (const [track, known] of this.#subscribed) if (known.room === room) this.#subscribed.delete(track);
    }
  }

  #end(sid: string, room: bigint): void {
    for (const [track, { sid: its, refs }] of this.#streams) {
      if (its !== sid || (this.#subscribed.get(track)?.room ?? room) !== room) continue;
      // Each takes itself off the list, and a Set can be read meanwhile.
      for (const ref of refs) ref.deref()?.teardown();
    }
    for (const [track, known] of this.#subscribed) {
      if (known.sid === sid && known.room === room) this.#subscribed.delete(track);
    }
  }

  /** Forgets what was collected. */
  #sweep(): void {
    for (const [track, { refs }] of this.#streams) {
      for (const ref of refs) if (!ref.deref()) refs.delete(ref);
      if (refs.size === 0) this.#streams.delete(track);
    }
  }
}
