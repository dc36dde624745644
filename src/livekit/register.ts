// `node --import narrowcast/livekit/register agent.js`, or `--require`: a program that uses @livekit/rtc-node, by itself or
// through a package that depends on it, gets narrowcast without a change.
//
// Nothing is loaded before the program loads rtc-node. Then narrowcast is installed, and rtc-node exports narrowcast's
// AudioStream, VideoStream, AudioSource and AudioResampler in place of its own.

import Module, { createRequire } from 'node:module';
import { useRtcNode } from './bindings.js';
import { AudioResampler, AudioResamplerQuality, AudioSource, AudioStream, VideoStream, install } from './index.js';

/** The file that has rtc-node's exports, for `require` and for `import`: its ESM file only passes them on. */
const RTC_NODE = /[\\/]@livekit[\\/]rtc-node[\\/]dist[\\/]index\.cjs$/;

const SWAPPED = { AudioResampler, AudioResamplerQuality, AudioSource, AudioStream, VideoStream };

interface CompiledModule {
  exports: object;
  _compile(content: string, filename: string, ...rest: unknown[]): unknown;
}

/** The ESM and the CommonJS build of this file do it once between them. */
const REGISTERED = Symbol.for('narrowcast.livekit.register');
const shared = globalThis as { [REGISTERED]?: true };

if (!shared[REGISTERED]) {
  shared[REGISTERED] = true;
  // Every CommonJS file passes through here, also those that `import` asks for, before anybody sees what it exports.
  const { prototype } = Module as unknown as { prototype: CompiledModule };
  const compile = prototype._compile;
  prototype._compile = function (this: CompiledModule, content, filename, ...rest) {
    const result = compile.call(this, content, filename, ...rest);
    if (RTC_NODE.test(filename)) swap(this, filename);
    return result;
  };
}

/** The bindings of the rtc-node that narrowcast works with. */
let bindings: string | undefined;

function swap(module: CompiledModule, filename: string): void {
  try {
    const own = createRequire(filename).resolve('@livekit/rtc-ffi-bindings');
    if (bindings !== undefined && own !== bindings) {
      throw new Error('another copy of @livekit/rtc-node, with another engine, was loaded before');
    }
    bindings = own;
    useRtcNode(filename);
    install();
    // rtc-node's own are getters that can't be replaced.
    const exports: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(module.exports);
    for (const [name, value] of Object.entries(SWAPPED)) exports[name] = { value, enumerable: true };
    module.exports = Object.defineProperties({}, exports);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`${filename} is used as it is, without narrowcast: ${reason}`, 'NarrowcastWarning');
  }
}
