// G.711 µ-law: 16-bit samples to bytes and back, as ITU-T G.711 defines it.

const BIAS = 0x84;
const LARGEST = 32_635;

/** @param {Int16Array} samples */
export function encode(samples) {
  return Buffer.from(
    samples.map((sample) => {
      const sign = sample < 0 ? 0x80 : 0;
      const magnitude = Math.min(Math.abs(sample), LARGEST) + BIAS;
      // The place of the highest bit, from 7 on.
      const exponent = 31 - Math.clz32(magnitude) - 7;
      return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
    }),
  );
}

/** @param {Uint8Array} bytes */
export function decode(bytes) {
  return Int16Array.from(bytes, (byte) => {
    const code = ~byte & 0xff;
    const exponent = (code >> 4) & 0x07;
    const magnitude = (((code & 0x0f) << 3) + BIAS) << exponent;
    return code & 0x80 ? BIAS - magnitude : magnitude - BIAS;
  });
}
