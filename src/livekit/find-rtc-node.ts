import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolveFromProgram } from '../resolve-from.js';
import { isSecondCopy, RTC_NODE_CJS } from './rtc-node-files.js';

/** The CommonJS modules that this thread has loaded, by their files. All of Node's `require`s share it. */
export const loadedModules: NodeJS.Dict<NodeModule> = createRequire(import.meta.url).cache;

/** The copies of rtc-node that this thread has loaded: their CommonJS files. */
export function loadedRtcNodes(): string[] {
  return Object.keys(loadedModules).filter((file) => RTC_NODE_CJS.test(file));
}

/** The ES module beside rtc-node's CommonJS file, if it is a second copy, with classes of its own. */
export function secondCopyBeside(rtcNode: string): string | undefined {
  const file = rtcNode.replace(/\.cjs$/, '.js');
  try {
    return isSecondCopy(file, readFileSync(file, 'utf8')) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** What rtc-node resolves to from the program's main file, from the working directory, and from narrowcast's own place. */
export function resolveRtcNodes(): string[] {
  return resolveFromProgram('@livekit/rtc-node');
}
