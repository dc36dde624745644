/** The versions of rtc-node that the tests run with (`npm run test:versions`, and package.json's own), the oldest first. */
export const TESTED_VERSIONS: readonly string[] = ['0.13.25', '0.13.34', '0.13.35', '1.1.0'];

/** The versions of their engines, and newer ones that the tests run with. */
export const TESTED_ENGINES: readonly string[] = ['0.12.52-patch.0', '0.12.73', '0.12.75'];

/** In words, for people. */
export const TESTED_RANGE = `${TESTED_VERSIONS[0]} to ${TESTED_VERSIONS.at(-1)} (${TESTED_VERSIONS.join(', ')})`;

const WARNED = Symbol.for('narrowcast.livekit.warned');
/** What all copies of narrowcast that this thread loads agree on. */
const shared = globalThis as { [WARNED]?: boolean };

/** Warns, once in a thread, of a version that was never tried. It is used all the same. */
export function warnIfUntested(version: string): void {
  if (TESTED_VERSIONS.includes(version) || shared[WARNED]) return;
  shared[WARNED] = true;
  process.emitWarning(`narrowcast is tested with @livekit/rtc-node ${TESTED_RANGE}, and this is ${version}`, {
    type: 'NarrowcastWarning',
    code: 'NARROWCAST_UNTESTED_RTC_NODE',
    detail: '`npx narrowcast doctor` checks whether narrowcast reads its events as the package describes them.',
  });
}
