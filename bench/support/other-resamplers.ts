import LibSampleRate from '@alexanderolsen/libsamplerate-js';
// @ts-expect-error it has no types
import SpeexModule from '@echogarden/speex-resampler-wasm/simd';

/** What it takes to run others' resamplers frame by frame. Each takes a frame of mono samples. */
export type Push = () => void;

/** What is used of Emscripten's module. */
interface Speex {
  HEAP16: Int16Array;
  HEAP32: Int32Array;
  _malloc(bytes: number): number;
  _speex_resampler_init(channels: number, from: number, to: number, quality: number, error: number): number;
  _speex_resampler_process_int(
    state: number,
    channel: number,
    input: number,
    inputLength: number,
    output: number,
    outputLength: number,
  ): number;
}

/** SpeexDSP compiled to WebAssembly with SIMD, quality 7 of 10: in and out as 16-bit integers. */
export async function speex(from: number, to: number, input: Int16Array): Promise<Push> {
  const module = (await (SpeexModule as () => Promise<unknown>)()) as Speex;
  const [status, inputLength, outputLength] = [module._malloc(4), module._malloc(4), module._malloc(4)];
  const state = module._speex_resampler_init(1, from, to, 7, status);
  const room = Math.ceil((input.length * to) / from) + 64;
  const [inputAt, outputAt] = [module._malloc(input.byteLength), module._malloc(room * 2)];
  return () => {
    module.HEAP16.set(input, inputAt >> 1);
    module.HEAP32[inputLength >> 2] = input.length;
    module.HEAP32[outputLength >> 2] = room;
    module._speex_resampler_process_int(state, 0, inputAt, inputLength, outputAt, outputLength);
    const written = module.HEAP32[outputLength >> 2]!;
    module.HEAP16.slice(outputAt >> 1, (outputAt >> 1) + written);
  };
}

/** libsamplerate compiled to WebAssembly, its fastest sinc filter: in and out as floating point, which is not counted. */
export async function libsamplerate(from: number, to: number, input: Int16Array): Promise<Push> {
  const resampler = await LibSampleRate.create(1, from, to, {
    converterType: LibSampleRate.ConverterType.SRC_SINC_FASTEST,
  });
  const floats = Float32Array.from(input, (sample) => sample / 32_768);
  return () => void resampler.full(floats);
}
