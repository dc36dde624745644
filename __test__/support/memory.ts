/** Memory of kinds that TypeScript's ES2022 library does not know. */

/** A buffer that can change its size. */
export function resizable(length: number, maxByteLength: number): ArrayBuffer & { resize(length: number): void } {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Resizable(length, { maxByteLength }) as ArrayBuffer & { resize(length: number): void };
}

/** `array`, whose memory was transferred away. */
export function detached<T extends Uint8Array<ArrayBuffer> | Int16Array<ArrayBuffer>>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** A view of memory that has shrunk under it. */
export function outOfBounds<T>(type: new (buffer: ArrayBuffer, offset: number, length: number) => T): T {
  const buffer = resizable(64, 64);
  const array = new type(buffer, 32, 8);
  buffer.resize(16);
  return array;
}
