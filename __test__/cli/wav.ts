/** A WAV file, for tests. `data` is its samples as bytes: all channels of a sample, then those of the next. */
export function wavBytes(
  { encoding = 1, channels = 1, sampleRate = 16_000, bits = 16 },
  data: Uint8Array,
  before: Uint8Array = new Uint8Array(0),
): Buffer {
  const frame = (channels * bits) / 8;
  const format = Buffer.alloc(24);
  format.write('fmt ', 'latin1');
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(encoding, 8);
  format.writeUInt16LE(channels, 10);
  format.writeUInt32LE(sampleRate, 12);
  format.writeUInt32LE(sampleRate * frame, 16);
  format.writeUInt16LE(frame, 20);
  format.writeUInt16LE(bits, 22);
  const head = Buffer.alloc(8);
  head.write('data', 'latin1');
  head.writeUInt32LE(data.length, 4);
  const body = Buffer.concat([Buffer.from('WAVE'), before, format, head, data]);
  const riff = Buffer.alloc(8);
  riff.write('RIFF', 'latin1');
  riff.writeUInt32LE(body.length, 4);
  return Buffer.concat([riff, body]);
}

/** 16-bit samples as bytes. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Int16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
