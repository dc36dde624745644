import { warnOf } from '../report-error.js';
import { readMs, setMs, type MsSetting } from './ms-setting.js';

/** What an `AudioSource` takes ahead of the program's own queue. */
export interface SpeechBufferOptions {
  /**
   * How much an `AudioSource` takes beyond its own `queueSize`, in ms, from 0 to 10,000: it waits natively, and is heard though
   * the thread is blocked for as long. What waits there counts as queued, and `clearQueue()` throws it away: agents' `pause()`
   * at a false interruption loses that much more. Threads and child processes that start afterwards have it, too: it is put
   * into the environment, as `NARROWCAST_SPEECH_BUFFER_MS`. Default: what that variable says, or 0, as with rtc-node.
   */
  speechBufferMs?: number;
}

const SETTING: MsSetting<'speechBufferMs'> = {
  option: 'speechBufferMs',
  variable: 'NARROWCAST_SPEECH_BUFFER_MS',
  least: 0,
  most: 10_000,
  step: 10,
  because: 'as the engine plays 10 at a time',
  instead: 'nothing is buffered beyond the queue of a source',
};

/** Puts an option of `install()` into the environment. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function setSpeechBuffer(options: SpeechBufferOptions): void {
  setMs(options, [SETTING]);
}

const warnOnce = warnOf('NARROWCAST_SPEECH_BUFFER');

/** What the environment says, in ms; `warn` is told of what it can't be. By default, that is a process warning, once. */
export function speechBufferMs(warn: (words: string) => void = warnOnce): number {
  return readMs(SETTING, warn) ?? 0;
}
