import { NarrowcastError } from '../errors.js';
import { glibcVersion } from '../libc.js';
import { manifestOf } from '../manifest.js';
import { resolveFrom } from '../resolve-from.js';
import { platformPackages } from './engine-files.js';
import { TESTED_ENGINES } from './tested.js';

const BINDINGS = '@livekit/rtc-ffi-bindings';

/**
 * What to throw where LiveKit's packages are installed and do not load: which part is missing or broken, what to do, and
 * rtc-node's own words.
 *
 * @param rtcNode rtc-node's CommonJS file
 * @param cause what loading it threw
 */
export function loadFailure(rtcNode: string, cause: unknown): NarrowcastError {
  const version = manifestOf(rtcNode, '@livekit/rtc-node')?.version ?? '';
  return new NarrowcastError(
    'ENGINE_NOT_FOUND',
    `@livekit/rtc-node ${version} is installed, but does not load: ${reason(rtcNode)}. It says: ${innermost(cause)}`,
    { cause },
  );
}

function reason(rtcNode: string): string {
  const bindings = resolveFrom(rtcNode, BINDINGS);
  if (bindings === undefined) return `its package ${BINDINGS} is not installed; install again`;
  const { version, optionalDependencies = {} } = manifestOf(bindings, BINDINGS) ?? {};
  const packages = platformPackages(bindings);
  const musl = glibcVersion() === null;
  if (packages.length === 0 || musl) {
    const platforms = Object.keys(optionalDependencies).map((name) => name.replace(`${BINDINGS}-`, ''));
    return (
      `LiveKit has no engine for ${process.platform} ${process.arch}${musl ? ' with musl' : ''}: ${BINDINGS} ${version} has ` +
      (platforms.length > 0 ? `one for ${platforms.join(', ')}` : 'none for any platform')
    );
  }
  const installed = packages.find(({ file }) => file !== undefined);
  if (installed) return `its engine ${installed.file} is there, and does not load`;
  const [missing] = packages;
  const wanted = `${missing!.name}@${missing!.version}`;
  return (
    `${BINDINGS} ${version} is installed without its engine, ${wanted}: npm leaves out what it can't find or was told to omit, ` +
    `and says nothing. \`npm install ${wanted}\`; if there is no such version, have another one of ${BINDINGS}, by ` +
    `"overrides" in package.json: narrowcast is tested with ${TESTED_ENGINES.join(', ')}`
  );
}

/** What was wrong in the first place. A loader's errors are chained, and those in between say what else it looked for. */
function innermost(cause: unknown): string {
  const messages: string[] = [];
  for (let error = cause; error instanceof Error; error = error.cause)
    messages.push(error.message.split(/\r?\n/, 1)[0]!);
  const found = messages.find((message) => !/^Cannot find |^Failed to load native/.test(message));
  return found ?? messages.find((message) => message.includes('@livekit/')) ?? messages.at(-1) ?? String(cause);
}
