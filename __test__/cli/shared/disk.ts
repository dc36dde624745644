import { fstatSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:os';
import { vi } from 'vitest';

/** A write to a file, as it is on its way to the disk. */
export interface Write {
  /** Bytes; may be changed. */
  length: number;
  readonly position: number;
  readonly file: FileHandle;
}

/** Whether it is a write to the file at `path`. */
export function isTo(path: string): (write: Write) => boolean {
  const { dev, ino } = statSync(path, { bigint: true });
  return ({ file }) => {
    const stats = fstatSync(file.fd, { bigint: true });
    return stats.dev === dev && stats.ino === ino;
  };
}

/** What becomes of a write: nothing returned, it is done; a promise, it is done after that; an error, it fails. */
type Disk = (write: Write) => void | Promise<void> | Error;

/** A disk without room. libuv's numbers on Windows are its own. */
export const full = () =>
  Object.assign(new Error('ENOSPC'), {
    errno: process.platform === 'win32' ? -4055 : -constants.errno.ENOSPC,
    code: 'ENOSPC',
  });

/** Lets all writes of file handles go to such a disk, until mocks are restored. */
export async function useDisk(disk: Disk): Promise<void> {
  const file = await open(import.meta.filename);
  await file.close();
  const prototype = Object.getPrototypeOf(file) as { write(...args: unknown[]): Promise<unknown> };
  const { write } = prototype;
  vi.spyOn(prototype, 'write').mockImplementation(async function (this: FileHandle, bytes, offset, length, position) {
    const asked: Write = { length: length as number, position: position as number, file: this };
    const outcome = disk(asked);
    if (outcome instanceof Error) throw outcome;
    await outcome;
    return write.call(this, bytes, offset, asked.length, position);
  });
}

/** Lets some writes wait until `release` is called; `held` counts them. */
export async function holdWrites(some: (write: Write) => boolean = () => true) {
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const writes = { held: 0, release };
  await useDisk((write) => {
    if (!some(write)) return;
    writes.held++;
    return released;
  });
  return writes;
}
