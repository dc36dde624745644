import { NarrowcastError } from '../../errors.js';
import { glibcVersion } from '../../libc.js';
import { VERSION } from '../../version.js';
import { examineEnvironment } from './environment.js';
import type { Finding } from './finding.js';

/** Looks at everything that narrowcast needs from the machine and from what is installed. */
async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [
    { what: 'platform', found: `${process.platform} ${process.arch}${libc()}` },
    { what: 'Node', found: process.version },
    { what: 'narrowcast', found: VERSION },
    ...examineEnvironment(),
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
    for (const { what, found, warning, problem } of findings) {
      const verdict = problem !== undefined ? 'problem' : warning !== undefined ? 'warning' : 'ok     ';
      write(`${verdict}  ${what.padEnd(width)}  ${found}\n`);
    }
    for (const { what, warning, problem } of findings) {
      const words = problem ?? warning;
      if (words !== undefined) write(`\n${what}: ${words}\n`);
    }
  }
  return problems.length === 0 ? 0 : 1;
}

/** The C library, on Linux. */
function libc(): string {
  const version = glibcVersion();
  if (version === undefined) return '';
  return version === null ? ', musl' : `, glibc ${version}`;
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
  const { TESTED_ENGINES, TESTED_RANGE, TESTED_VERSIONS } = await import('../../livekit/tested.js');
  const { checkPeek } = await import('./peek-check.js');
  const what = 'LiveKit';
  let bindings: ReturnType<typeof loadBindings>;
  try {
    bindings = loadBindings();
  } catch (error) {
    if (!(error instanceof NarrowcastError)) throw error;
    const { code, message, cause } = error;
    // It is optional: a project without it has no problem. One that does not load is one.
    if (code === 'ENGINE_NOT_FOUND' && cause === undefined) {
      return [{ what, found: 'not installed: everything but narrowcast/livekit works without it' }];
    }
    return [{ what, found: 'installed, but cannot be used', problem: message }];
  }
  const { ffi, rtcVersion, engineVersion, enginePath } = bindings;
  const findings: Finding[] = [
    TESTED_VERSIONS.includes(rtcVersion)
      ? { what: 'rtc-node', found: `${rtcVersion}, which narrowcast is tested with` }
      : untested('rtc-node', rtcVersion, TESTED_RANGE),
    // By its own package: overrides may bring any engine.
    TESTED_ENGINES.includes(engineVersion)
      ? { what: 'engine', found: `${engineVersion}, ${enginePath}` }
      : untested('engine', engineVersion, `${TESTED_ENGINES.join(', ')}; ${enginePath}`),
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
    return [...findings, { what, found: 'installed, but cannot be used', problem: error.message }];
  }
}

function untested(what: string, version: string, tested: string): Finding {
  return {
    what,
    found: `${version}, not tested: narrowcast is with ${tested}`,
    warning: 'it is used all the same. If something goes wrong, compare with a version that is tested',
  };
}
