import { NarrowcastError } from '../errors.js';
import { manifestOf } from '../manifest.js';
import { resolveFrom } from '../resolve-from.js';
import { loadedModules, loadedRtcNodes, resolveRtcNodes } from './find-rtc-node.js';

/**
 * The CommonJS file of the rtc-node to work with. First come copies that the program has loaded, then the copy that its
 * main file resolves to, then the working directory's. Last comes the one that narrowcast itself resolves to: a linked
 * narrowcast lies in a checkout that may have an rtc-node of its own.
 *
 * Where an engine is loaded already, only copies that use it come into question: a second engine knows nothing of the
 * first one's handles.
 *
 * @throws {NarrowcastError} `ENGINE_NOT_FOUND`, or `ENGINE_INCOMPATIBLE` if each copy would load a second engine
 */
export function findRtcNode(): string {
  const loaded = loadedRtcNodes();
  const resolved = resolveRtcNodes();
  // Of several loaded copies the program's own comes first.
  const candidates = [...resolved.filter((file) => loaded.includes(file)), ...loaded, ...resolved];
  const [first] = candidates;
  if (first === undefined) {
    throw new NarrowcastError(
      'ENGINE_NOT_FOUND',
      '@livekit/rtc-node is not installed, and narrowcast/livekit needs it: `npm install @livekit/rtc-node`',
    );
  }
  const engines = loadedEngines();
  if (engines.length === 0) return first;
  // A rtc-node that was imported as an ES module is not among the loaded ones; it lies near the bindings that it loaded.
  const beside = Object.keys(loadedModules)
    .filter((file) => requestOf(file) !== undefined)
    .flatMap((file) => resolveFrom(file, '@livekit/rtc-node') ?? []);
  const found = [...candidates, ...beside].find((file) => engines.includes(engineOf(file)!));
  if (found === undefined) throw secondEngine(engines[0]!, engineOf(first) ?? first);
  return found;
}

/** The engines that this thread has loaded: native libraries with the functions of rtc-ffi-bindings. One, if all is well. */
function loadedEngines(): string[] {
  return Object.keys(loadedModules).filter((file) => file.endsWith('.node') && requestOf(file) !== undefined);
}

/** A module's function that asks the engine. It tells an engine from other addons, and one engine from another. */
function requestOf(file: string): unknown {
  return (loadedModules[file]?.exports as { livekitFfiRequest?: unknown } | undefined)?.livekitFfiRequest;
}

/**
 * The engine of a copy of rtc-node: the native library that its bindings have loaded or, where they are not loaded yet,
 * the platform package's that they would load. Undefined where none is installed.
 */
export function engineOf(rtcNode: string): string | undefined {
  const bindings = resolveFrom(rtcNode, '@livekit/rtc-ffi-bindings');
  if (bindings === undefined) return undefined;
  return loadedEngineOf(bindings) ?? platformPackages(bindings).find(({ file }) => file !== undefined)?.file;
}

/** The native library that the functions of these bindings came from; by these, and not by a name. */
export function loadedEngineOf(bindings: string): string | undefined {
  const request = requestOf(bindings);
  return request === undefined ? undefined : loadedEngines().find((file) => requestOf(file) === request);
}

/** The packages with an engine for this system that the bindings ask for, and the file of each that is installed. */
export function platformPackages(bindings: string): { name: string; version: string; file: string | undefined }[] {
  const { optionalDependencies = {} } = manifestOf(bindings, '@livekit/rtc-ffi-bindings') ?? {};
  return Object.entries(optionalDependencies)
    .filter(([name]) => name.includes(`-${process.platform}-${process.arch}`))
    .map(([name, version]) => ({ name, version, file: resolveFrom(bindings, name) }));
}

/** The loaded engine whose class of handles an rtc-node object's handle is of. */
export function engineOfHandle(handle: object): string | undefined {
  return loadedEngines().find((file) => {
    const { FfiHandle } = loadedModules[file]!.exports as { FfiHandle?: unknown };
    return FfiHandle !== undefined && handle.constructor === FfiHandle;
  });
}

/** `ENGINE_INCOMPATIBLE`: a second engine, `other`, beside the one at work. */
export function secondEngine(engine: string, other: string): NarrowcastError {
  return new NarrowcastError(
    'ENGINE_INCOMPATIBLE',
    `this process uses LiveKit's engine ${engine}, and a handle of another engine, ${other}, means nothing to it: install ` +
      'one copy of @livekit/rtc-ffi-bindings (`npm ls @livekit/rtc-ffi-bindings` shows them all), for example by ' +
      '"overrides" in package.json',
  );
}
