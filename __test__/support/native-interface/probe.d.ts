/** What probe.c exports: statuses are those of `include/narrowcast.h`, and handles are numbers. */
export interface Probe {
  use(value: object, major: number, minor: number): true;
  /** @param owner 0: none; 1: one whose calls are counted; 2: one that can't release */
  queueOpen(id: bigint, owner: 0 | 1 | 2): [status: number, handle: number];
  queuePut(
    queue: number,
    type: number,
    about: bigint,
    memory: Uint8Array | null,
    length: number,
    flags: number,
  ): [status: number, receivers: number];
  queueClose(queue: number): number;
  streamOpen(id: bigint, rate: number, channels: number): [status: number, handle: number];
  streamWrite(stream: number, memory: Int16Array | Uint8Array | null, count: number): number;
  streamEnd(stream: number): number;
  streamClose(stream: number): number;
  /** Threads put events of type 0 about the handles 0 to 3 until they are refused. */
  flood(queue: number, threads: number, flags: number): void;
  /** A thread writes until it is refused. */
  floodStream(stream: number): void;
  /** What a put returns in a destructor of a thread that ends. */
  endOfThread(queue: number): number;
  counts(): [released: number, dropped: number, put: number, refused: number, lastRefusal: number];
  /** ns for each of `times` calls. */
  timePut(queue: number, type: number, about: bigint, memory: Uint8Array, length: number, times: number): number;
  timeWrite(stream: number, memory: Int16Array, count: number, times: number): number;
  timeCallback(memory: Uint8Array, length: number, times: number): number;
}
