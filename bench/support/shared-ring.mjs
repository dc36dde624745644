/**
 * What one writes without narrowcast: a ring of samples in a SharedArrayBuffer, its positions by Atomics, one producer and
 * one consumer; for overflow it only knows to take what fits. It does not refuse a second producer, and nothing is
 * counted.
 */
export class SharedRing {
  /** @param {SharedArrayBuffer} memory 8 bytes for the positions, and 2 for each sample */
  constructor(memory) {
    this.memory = memory;
    this.positions = new Uint32Array(memory, 0, 2);
    this.samples = new Int16Array(memory, 8);
  }

  static ofCapacity(capacity) {
    return new SharedRing(new SharedArrayBuffer(8 + 2 * capacity));
  }

  get size() {
    return this.#from(Atomics.load(this.positions, 0), Atomics.load(this.positions, 1));
  }

  write(data) {
    const { positions, samples } = this;
    const end = Atomics.load(positions, 1);
    const free = samples.length - this.#from(Atomics.load(positions, 0), end);
    const stored = Math.min(free, data.length);
    const place = end % samples.length;
    const before = Math.min(stored, samples.length - place);
    samples.set(before === data.length ? data : data.subarray(0, before), place);
    if (before < stored) samples.set(data.subarray(before, stored));
    Atomics.store(positions, 1, this.#after(end, stored));
    return stored;
  }

  peek(target) {
    const { positions, samples } = this;
    const start = Atomics.load(positions, 0);
    const read = Math.min(this.#from(start, Atomics.load(positions, 1)), target.length);
    const place = start % samples.length;
    const before = Math.min(read, samples.length - place);
    target.set(samples.subarray(place, place + before));
    if (before < read) target.set(samples.subarray(0, read - before), before);
    return read;
  }

  skip(n) {
    const skipped = Math.min(this.size, n);
    this.#pass(skipped);
    return skipped;
  }

  read(target) {
    const read = this.peek(target);
    this.#pass(read);
    return read;
  }

  /** Positions start again after two rounds: so a full ring differs from an empty one. */
  #after(position, samples) {
    const after = position + samples;
    return after < 2 * this.samples.length ? after : after - 2 * this.samples.length;
  }

  #from(start, end) {
    return end >= start ? end - start : end - start + 2 * this.samples.length;
  }

  #pass(samples) {
    Atomics.store(this.positions, 0, this.#after(Atomics.load(this.positions, 0), samples));
  }
}
