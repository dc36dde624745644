import { existsSync } from 'node:fs';

// rtc-node up to 0.13.32 is there twice: an ES module of its own, and a CommonJS one, with classes that know nothing of
// each other. From 0.13.33 on, the ES module only passes on what the CommonJS one exports.

/** The file that has rtc-node's exports for `require`, and from 0.13.33 on for `import`, too. */
export const RTC_NODE_CJS = /[\\/]@livekit[\\/]rtc-node[\\/]dist[\\/]index\.cjs$/;

/** URL of the file that `import` gets. */
export const RTC_NODE_ESM = /\/@livekit\/rtc-node\/dist\/index\.js$/;

/** Whether an ES module beside a CommonJS one is a second rtc-node, by its path and its text. */
export function isSecondCopy(file: string, text: string): boolean {
  return !text.includes('./index.cjs') && existsSync(file.replace(/\.js$/, '.cjs'));
}
