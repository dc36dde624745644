import { NarrowcastError } from '../../errors.js';
import { VERSION } from '../../version.js';

/** One thing that was looked at. */
interface Finding {
  readonly what: string;
  readonly found: string;
  /** What is wrong, and what to do; undefined if nothing is. */
  readonly problem?: string;
}

/** Looks at everything that narrowcast needs from the machine and from what is installed. */
async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [
    { what: 'platform', found: `${process.platform} ${process.arch}${libc()}` },
    { what: 'Node', found: process.version },
    { what: 'narrowcast', found: VERSION },
  ];
  const addon = await examineAddon();
  findings.push(addon);
  if (!addon.problem) findings.push(...(await examineEngine()));
  return findings;
}

/** Prints what was found, and returns the exit status. */
export async function runDoctor(options: { json: boolean }, write: (text: string) => void): Promise<number> {
  const findings = await examine();
  const problems = findings.filter(({ problem }) => problem !== undefined);
  if (options.json) {
    write(`${JSON.stringify({ ok: problems.length === 0, findings }, null, 2)}\n`);
  } else {
    const width = Math.max(...findings.map(({ what }) => what.length));
    for (const { what, found, problem } of findings) {
      write(`${problem === undefined ? 'ok     ' : 'problem'}  ${what.padEnd(width)}  ${found}\n`);
    }
    for (const { what, problem } of problems) write(`\n${what}: ${problem}\n`);
  }
  return problems.length === 0 ? 0 : 1;
}

/** The C library, on Linux: its version if it is glibc, which the report of a musl Node has no word of. */
function libc(): string {
  if (process.platform !== 'linux') return '';
  // Without this, Node asks for the names of all connected hosts. Not in Node 20.0, where it is ignored.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ? `, glibc ${header.glibcVersionRuntime}` : ', musl';
}

async function examineAddon(): Promise<Finding> {
  const what = 'addon';
  try {
    const { loadedFrom, native } = await import('../../native.js');
    return { what, found: `${native.addonVersion()}, ${loadedFrom(native) ?? 'from an unknown file'}` };
  } catch (error) {
    if (!(error instanceof NarrowcastError)) throw error;
    return { what, found: 'none', problem: error.message };
  }
}

async function examineEngine(): Promise<Finding[]> {
  const { loadBindings } = await import('../../livekit/bindings.js');
  const { install } = await import('../../livekit/engine.js');
  const { TESTED_RANGE, TESTED_VERSIONS } = await import('../../livekit/tested.js');
  const { checkPeek } = await import('./peek-check.js');
  const what = 'LiveKit';
  let bindings: ReturnType<typeof loadBindings>;
  try {
    bindings = loadBindings();
  } catch (error) {
    if (!(error instanceof NarrowcastError)) throw error;
    const { code, message, cause } = error;
    // It is optional: whoever has not installed it has no problem. One that does not load is one.
    if (code === 'ENGINE_NOT_FOUND' && cause === undefined) {
      return [{ what, found: 'not installed: everything but narrowcast/livekit works without it' }];
    }
    return [{ what, found: 'installed, but can not be used', problem: message }];
  }
  const { ffi, rtcVersion, engineVersion, enginePath } = bindings;
  const tested = TESTED_VERSIONS.includes(rtcVersion)
    ? 'which narrowcast is tested with'
    : `not tested: narrowcast is with ${TESTED_RANGE}`;
  const findings: Finding[] = [
    { what: 'rtc-node', found: `${rtcVersion}, ${tested}` },
    { what: 'engine', found: `${engineVersion}, ${enginePath}` },
  ];
  try {
    install().uninstall();
    const { cases, messages, handles, problems } = checkPeek(ffi);
    const found = `${cases} kinds of events, ${messages} sample messages, ${handles} handles in them`;
    const reading = { what: 'reading its events', found };
    if (problems.length === 0) return [...findings, reading];
    const [first] = problems;
    const problem = `${problems.length} messages are not read as the installed package reads them, the first: ${first}`;
    return [...findings, { ...reading, problem: `${problem}; please report it with these versions` }];
  } catch (error) {
    if (!(error instanceof NarrowcastError)) throw error;
    return [...findings, { what, found: 'installed, but can not be used', problem: error.message }];
  }
}
