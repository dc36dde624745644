import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { NarrowcastError } from '../errors.js';
import { packageFolder } from '../native.js';
import { VERSION } from '../version.js';

/** Where the copy of narrowcast that uses LiveKit's engine says what it is, for this thread and those that it starts. */
const CLAIM = 'narrowcast.livekit.version';
const shared = globalThis as { [name: symbol]: Claim | undefined };

interface Claim {
  readonly version: string;
  readonly folder: string;
}

/**
 * Notes that narrowcast of this version uses LiveKit's engine, for good. The engine has one callback, and copies of
 * another version have a native addon of their own: they would take the callback from one another.
 *
 * @throws {NarrowcastError} `VERSION_MISMATCH` if another version uses it
 */
export function claimEngine(): void {
  const claim = shared[Symbol.for(CLAIM)] ?? (getEnvironmentData(CLAIM) as unknown as Claim | undefined);
  const mine: Claim = { version: VERSION, folder: ownFolder() };
  if (claim && claim.version !== VERSION) {
    throw new NarrowcastError(
      'VERSION_MISMATCH',
      `narrowcast ${claim.version} in ${claim.folder} uses LiveKit's engine in this process, so narrowcast ${VERSION} in ` +
        `${mine.folder} cannot: install one version (\`npm ls narrowcast\` shows which package asks for which)`,
    );
  }
  shared[Symbol.for(CLAIM)] = claim ?? mine;
  setEnvironmentData(CLAIM, { ...(claim ?? mine) });
}

function ownFolder(): string {
  try {
    return packageFolder();
  } catch {
    return "the application's bundle";
  }
}
