import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSwitch } from '../environment.js';
import { packageFolder } from '../native.js';
import { warnOf } from '../report-error.js';
import { workingFolder } from '../working-folder.js';

/** Whether the environment asks for the place where each object was made; undefined until the first one is. */
let tracing: boolean | undefined;

/** Frames of a stack that are looked at, at most. */
const DEPTH = 50;

/** A file, with its line and column, at the end of a line of a stack: not one that `eval` was called in. */
const FRAME = /(?:^|[\s(])((?:file:\/\/|\/|[A-Za-z]:[\\/])(?!.*<anonymous>:).*):(\d+):\d+\)?$/;

/** Files of rtc-node and its bindings. */
const RTC_NODE = /[\\/](?:@livekit[\\/]rtc-[^\\/]+|rtc-node-[^\\/]+)[\\/]/;

let own: readonly string[] | undefined;

/**
 * Where the program is that called: `agent.js:45`, the innermost frame that is in neither narrowcast nor rtc-node.
 *
 * @returns undefined without `NARROWCAST_TRACE`, or where no frame tells
 */
export function place(): string | undefined {
  tracing ??= readSwitch('NARROWCAST_TRACE', warnOf('NARROWCAST_TRACE'));
  if (!tracing) return undefined;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEPTH;
  const { stack } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  // A program may have made its own of what a stack is.
  return typeof stack === 'string' ? placeIn(stack) : undefined;
}

/** @internal */
export function placeIn(stack: string): string | undefined {
  own ??= ownFolders();
  for (const line of stack.split('\n')) {
    const [, file, number] = FRAME.exec(line) ?? [];
    if (file === undefined) continue;
    const path = pathOf(file);
    if (RTC_NODE.test(path) || own.some((folder) => path.startsWith(folder))) continue;
    const here = (workingFolder() ?? '') + sep;
    return `${path.startsWith(here) ? path.slice(here.length) : path}:${number}`;
  }
  return undefined;
}

function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    // A file of another system, as in a stack that came from there.
    return file;
  }
}

function ownFolders(): string[] {
  try {
    return ['dist', 'src'].map((folder) => `${packageFolder()}${sep}${folder}${sep}`);
  } catch {
    // In an application's bundle, narrowcast and the program are one file.
    return [];
  }
}
