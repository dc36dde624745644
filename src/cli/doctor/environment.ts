// What the environment's variables ask for, in doctor's words.

import { readSwitch } from '../../environment.js';
import { readDisabled } from '../../livekit/disabled.js';
import { frameBudget } from '../../livekit/frame-budget.js';
import { readWanted } from '../../livekit/report.js';
import { speechBufferMs } from '../../livekit/speech-buffer.js';
import { nearest } from '../../nearest.js';
import type { Finding } from './finding.js';

/** The variables that users set. */
const VARIABLES = [
  'NARROWCAST_DISABLE',
  'NARROWCAST_FRAME_MS',
  'NARROWCAST_MAX_FRAME_MS',
  'NARROWCAST_SPEECH_BUFFER_MS',
  'NARROWCAST_TRACE',
  'NARROWCAST_REPORT',
] as const;
const PREFIX = 'NARROWCAST_';

type Variable = (typeof VARIABLES)[number];

/** Says nothing of variables that are not set. */
export function examineEnvironment(): Finding[] {
  return [...examineDisabled(), ...examineFrames(), ...examineSpeech(), ...examineReports(), ...examineUnknown()];
}

const set = (variable: Variable) => (process.env[variable]?.trim() ?? '') !== '';

function finding(what: string, found: string, warnings: readonly string[]): Finding {
  return { what, found, ...(warnings.length > 0 && { warning: warnings.join('. ') }) };
}

function examineDisabled(): Finding[] {
  const { all, classes, words } = readDisabled();
  if (words === undefined) return [];
  const found = all ? 'turned off' : classes.length > 0 ? 'turned off in part' : 'on';
  return [finding('register', found, [words])];
}

/** The frames that a program gets which asks for no length. */
function examineFrames(): Finding[] {
  if (!set('NARROWCAST_FRAME_MS') && !set('NARROWCAST_MAX_FRAME_MS')) return [];
  const warnings: string[] = [];
  const { usual, longest } = frameBudget((words) => warnings.push(words));
  const late = longest > usual ? `, and up to ${longest * 10} ms for a reader that is late` : '';
  return [finding('frames', `${usual * 10} ms where a program asks for no length${late}`, warnings)];
}

function examineSpeech(): Finding[] {
  if (!set('NARROWCAST_SPEECH_BUFFER_MS')) return [];
  const warnings: string[] = [];
  const ms = speechBufferMs((words) => warnings.push(words));
  const found = ms === 0 ? 'none beyond the queue of a source' : `${ms} ms beyond the queue of a source`;
  return [finding('speech buffer', found, warnings)];
}

function examineReports(): Finding[] {
  const findings: Finding[] = [];
  const wanted = readWanted();
  if (typeof wanted === 'string') findings.push(finding('reports', 'none', [wanted]));
  else if (wanted !== undefined) {
    const { periodMs, file = 'standard error' } = wanted;
    findings.push(finding('reports', `every ${periodMs} ms under the flag, to ${file}`, []));
  }
  if (set('NARROWCAST_TRACE')) {
    const warnings: string[] = [];
    const found = readSwitch('NARROWCAST_TRACE', (words) => warnings.push(words))
      ? 'kept, with each object'
      : 'not kept';
    findings.push(finding('places', found, warnings));
  }
  return findings;
}

/** What is probably one of the variables, misspelled. Others that begin alike may be the program's own. */
function examineUnknown(): Finding[] {
  const names: readonly string[] = VARIABLES.map((variable) => variable.slice(PREFIX.length));
  return Object.keys(process.env)
    .filter((variable) => variable.startsWith(PREFIX))
    .flatMap((variable) => {
      const name = variable.slice(PREFIX.length);
      const meant = names.includes(name) ? undefined : nearest(name, names);
      if (meant === undefined) return [];
      return [finding('environment', variable, [`${variable} does nothing: did you mean ${PREFIX}${meant}?`])];
    });
}
