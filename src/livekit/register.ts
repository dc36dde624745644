// `node --import narrowcast/livekit/register agent.js`, or `--require`: a program that uses @livekit/rtc-node, by itself or
// through a package that depends on it, gets narrowcast without a change.
//
// Nothing is loaded before the program loads rtc-node. Then narrowcast is installed, and rtc-node exports narrowcast's
// AudioStream, VideoStream, AudioSource, AudioResampler and AudioMixer in place of its own.

import * as nodeModule from 'node:module';
import { readDisabled } from './disabled.js';
import { resolveRtcNodes, secondCopyBeside } from './find-rtc-node.js';
import { workingFolder } from '../working-folder.js';
import { passOn } from './register-hooks.js';
import { RTC_NODE_CJS, RTC_NODE_ESM } from './rtc-node-files.js';
import type * as Report from './report.js';
import type * as SwappedClasses from './swapped-classes.js';

type WorkerThreads = typeof import('node:worker_threads');

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

/** Tells bindings.ts, and a second copy of this file, whether this one is at work. */
const REGISTERED = Symbol.for('narrowcast.livekit.register');
const shared = globalThis as { [REGISTERED]?: { readonly active: boolean } };
const disabled = readDisabled();

if (!shared[REGISTERED]) {
  shared[REGISTERED] = { active: !disabled.all };
  if (disabled.words !== undefined) warnOnce(disabled.words, 'NARROWCAST_DISABLED');
  if (!disabled.all) register();
}

/** Once in a process: its other threads have the same environment. */
function warnOnce(words: string, code: string): void {
  // Not imported: most processes have no use for it, and it takes 2 MB.
  const { isMainThread } = createRequire(import.meta.url)('node:worker_threads') as WorkerThreads;
  if (isMainThread) process.emitWarning(words, { type: 'NarrowcastWarning', code });
}

function register(): void {
  // Every CommonJS file passes through here, also those that `import` asks for, before any code sees what it exports.
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
  if (registerHooks) {
    registerHooks({
      load(url, context, next) {
        const loaded = next(url, context);
        return RTC_NODE_ESM.test(url) ? passOn(url, loaded) : loaded;
      },
    });
    return;
  }
  // An older Node runs hooks in a thread of their own, of 12 MB. The program's rtc-node tells whether it takes any.
  const rtcNodes = resolveRtcNodes();
  const oneBuild = rtcNodes.length > 0 && rtcNodes.every((file) => secondCopyBeside(file) === undefined);
  if (oneBuild) return;
  // Node 20 never comes back from this call where the folder is gone.
  if (workingFolder() !== undefined) return nodeModule.register('./register-hooks.js', import.meta.url);
  warnOnce(
    'the working folder was removed: an imported rtc-node has no narrowcast. Start elsewhere, or with Node 22.15',
    'NARROWCAST_NO_WORKING_FOLDER',
  );
}

let reporting = false;

/** Starts what NARROWCAST_REPORT asks for, once in a thread. */
function report(): void {
  if (reporting || !process.env['NARROWCAST_REPORT']) return;
  reporting = true;
  (createRequire(import.meta.url)('./report.cjs') as typeof Report).startReport();
}

function swap(module: CompiledModule, filename: string): void {
  const warn = (outcome: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`${filename} ${outcome}, without narrowcast: ${reason}`, 'NarrowcastWarning');
  };
  try {
    // At run time, and not as an import: this file has to be there before the others are needed.
    const ours = createRequire(import.meta.url)('./swapped-classes.cjs') as typeof SwappedClasses;
    ours.install();
    const secondEngine = ours.secondEngineOf(filename);
    if (secondEngine) {
      ours.isolate(filename);
      return warn('goes on with an engine of its own', secondEngine);
    }
    // rtc-node's own are getters that can't be replaced.
    const exports: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(module.exports);
    const swapped = ours.classesFor(module.exports as Parameters<typeof ours.classesFor>[0]);
    for (const [name, value] of Object.entries(swapped)) {
      if (!disabled.classes.includes(name)) exports[name] = { value, enumerable: true };
    }
    module.exports = Object.defineProperties({}, exports);
    report();
  } catch (error) {
    warn('is used as it is', error);
  }
}
