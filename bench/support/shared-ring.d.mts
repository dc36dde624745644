export class SharedRing {
  readonly memory: SharedArrayBuffer;
  constructor(memory: SharedArrayBuffer);
  static ofCapacity(capacity: number): SharedRing;
  readonly size: number;
  write(data: Int16Array): number;
  read(target: Int16Array): number;
  peek(target: Int16Array): number;
  skip(n: number): number;
}
