import type { MixerStream } from '../../audio-mixer.js';
import type { PcmReadable } from '../../pcm-readable.js';
import type { EventCounts } from '../shared/engine-watch.js';

/** A room that is recorded: who speaks in it, and how long it lasts. */
export interface RecordedRoom {
  /** Enters it. @throws {Failure} the server can't be reached, or refuses */
  join(): Promise<void>;
  /** Known when it was joined. */
  readonly name: string;
  /** From now on, the audio of every participant is received: `hear` is told of each voice, those included that are there already. */
  listen(hear: (voice: Voice) => void): void;
  /** Resolves when the room is over for the recorder, which has not left it. */
  readonly ended: Promise<RoomEnd>;
  /** Rejects when the engine can't go on. */
  readonly broken: Promise<never>;
  /** What happened since {@link listen}. */
  events(): EventCounts;
  /** Leaves, closes all voices, and lets the process end by itself. May be called at any point. */
  leave(): Promise<void>;
}

/** Something that a participant publishes, from the moment on when it is heard until it is taken back. */
export interface Voice {
  readonly identity: string;
  /** Audio of a shared screen, and not a participant's voice. */
  readonly screen: boolean;
  /** Of 10 ms frames. Ends when the voice is over, or after {@link close}, when all before that was read. */
  readonly stream: MixerStream & Pick<PcmReadable<unknown>, 'level' | 'stats'>;
  /** Whether it was taken back, or its publisher has left: nothing more comes. */
  over(): boolean;
  muted(): boolean;
  close(): void;
}

/** Why a room is over. */
export interface RoomEnd {
  /** A sentence's beginning: `the room was deleted`. */
  readonly why: string;
  /** Whether the meeting itself is over, and not just this part in it. */
  readonly regular: boolean;
}
