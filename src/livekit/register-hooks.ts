// What `narrowcast/livekit/register` has Node do where ES modules are loaded; on Node before 22.15 in a thread of Node's
// own, which has nothing of the program's. So this file must be able to stand alone.

import { fileURLToPath } from 'node:url';
import { isSecondCopy, RTC_NODE_ESM } from './rtc-node-files.js';

/** What of a loaded file is looked at here. */
interface Loaded {
  readonly source?: unknown;
}

/** Gives those who import rtc-node the CommonJS copy, as rtc-node itself does from 0.13.33 on: that one is swapped. */
export function passOn<T extends Loaded>(url: string, loaded: T): T {
  const { source } = loaded;
  const text = source instanceof Uint8Array ? Buffer.from(source).toString() : String(source);
  return isSecondCopy(fileURLToPath(url), text) ? { ...loaded, source: "export * from './index.cjs';" } : loaded;
}

/** Node's `load` hook. */
export async function load<T extends Loaded>(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<T>,
): Promise<T> {
  const loaded = await next(url, context);
  return RTC_NODE_ESM.test(url) ? passOn(url, loaded) : loaded;
}
