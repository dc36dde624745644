// `node --import narrowcast/livekit/register agent.js`, or `--require`: a program that uses @livekit/rtc-node, by itself or
// through a package that depends on it, gets narrowcast without a change.
//
// Nothing is loaded before the program loads rtc-node. Then narrowcast is installed, and rtc-node exports narrowcast's
// AudioStream, VideoStream, AudioSource and AudioResampler in place of its own.

import * as nodeModule from 'node:module';
import type * as Livekit from './index.js';
import { passOn } from './register-hooks.js';
import { RTC_NODE_CJS, RTC_NODE_ESM } from './rtc-node-files.js';

const { createRequire, Module } = nodeModule;

interface Loaded {
  readonly source?: unknown;
}

/** What Node 22.15 has, and the types of Node 20 don't know. */
const { registerHooks } = nodeModule as {
  registerHooks?: (hooks: {
    load<T extends Loaded>(url: string, context: unknown, next: (url: string, context: unknown) => T): T;
  }) => void;
};

interface CompiledModule {
  exports: object;
  _compile(content: string, filename: string, ...rest: unknown[]): unknown;
}

/** What this and bindings.ts agree on. `rtcNode`: the file that bindings.ts then works with. */
const REGISTERED = Symbol.for('narrowcast.livekit.register');
const shared = globalThis as { [REGISTERED]?: { rtcNode?: string } };

if (!shared[REGISTERED]) {
  shared[REGISTERED] = {};
  // Every CommonJS file passes through here, also those that `import` asks for, before anybody sees what it exports.
  const { prototype } = Module as unknown as { prototype: CompiledModule };
  const compile = prototype._compile;
  prototype._compile = function (this: CompiledModule, content, filename, ...rest) {
    const result = compile.call(this, content, filename, ...rest);
    if (RTC_NODE_CJS.test(filename)) swap(this, filename);
    return result;
  };
  importAsRequired();
}

/** Has `import` give what `require` gives, where rtc-node has a copy for each. */
function importAsRequired(): void {
  if (!registerHooks) return nodeModule.register('./register-hooks.js', import.meta.url);
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      return RTC_NODE_ESM.test(url) ? passOn(url, loaded) : loaded;
    },
  });
}

function swap(module: CompiledModule, filename: string): void {
  try {
    const registered = shared[REGISTERED]!;
    const engine = (file: string) => createRequire(file).resolve('@livekit/rtc-ffi-bindings');
    registered.rtcNode ??= filename;
    if (engine(registered.rtcNode) !== engine(filename)) {
      throw new Error(`${registered.rtcNode}, with another engine, was loaded before`);
    }
    // At run time, and not as an import: this file has to be there before the others are needed.
    const ours = createRequire(import.meta.url)('./index.cjs') as typeof Livekit;
    ours.install();
    const { AudioResampler, AudioResamplerQuality, AudioSource, AudioStream, VideoStream } = ours;
    const swapped = { AudioResampler, AudioResamplerQuality, AudioSource, AudioStream, VideoStream };
    // rtc-node's own are getters that can't be replaced.
    const exports: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(module.exports);
    for (const [name, value] of Object.entries(swapped)) exports[name] = { value, enumerable: true };
    module.exports = Object.defineProperties({}, exports);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`${filename} is used as it is, without narrowcast: ${reason}`, 'NarrowcastWarning');
  }
}
