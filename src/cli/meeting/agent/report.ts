import { join } from 'node:path';
import { formatted, LAG, MAIN_THREAD, measuredFigures, MEMORY, WAKES } from '../../shared/figures.js';
import { count } from '../../shared/format.js';
import { escapeHtml, htmlTable, linked, type Cell } from '../../shared/html.js';
import {
  clockText,
  dateText,
  meaningOf,
  numberCell,
  renderPage,
  SIDE_CLASSES,
  type Card,
} from '../../shared/report-page.js';
import { AGENT, AGENT_PACE } from '../participants.js';
import { paceFor } from '../tracks.js';
import {
  APART_MS,
  framesLost,
  heldOf,
  longestVoiceMs,
  SPEECH_BUFFER_MS,
  type AgentMeetingFigures,
  type AgentMeetingShape,
  type HeldSide,
} from './sides.js';
import { gapsText, shapeParts, sideText } from './summary.js';
import { waveform } from './waveform.js';

/** What a report says about the run itself. */
export interface AgentReportNotes {
  /** Whether the meeting was ended before all was played. */
  readonly early: boolean;
  /** When it was. */
  readonly at: Date;
  /** Why sides are missing. */
  readonly missing: readonly string[];
  /** Folder of the recordings. */
  readonly out: string;
}

/** A web page about an agent's meeting, in one file: it loads nothing, from nowhere. */
export function renderAgentReport(figures: AgentMeetingFigures, { early, at, missing, out }: AgentReportNotes): string {
  const { meeting, machine } = figures;
  const held = heldOf(figures.sides);
  const [ours, ...others] = held as [HeldSide, ...HeldSide[]];
  const card = (of: (side: HeldSide) => string, what: string): Card => ({
    figure: of(ours),
    of: what,
    details: others.map((side) => `${side.name}: ${of(side)}`).join('\n'),
    meaning: meaningOf(what),
  });
  return renderPage({
    title: 'An agent’s meeting, as its callers heard it',
    shape: [...shapeParts(meeting), dateText(at)],
    notes: [...(early ? ['This meeting was ended early.'] : []), ...missing.map((reason) => `No meeting on ${reason}`)],
    cards: [
      card(({ result }) => `${count(result.voice!.missingMs)} ms`, 'missing of the agent’s voice'),
      card(({ result }) => count(framesLost(result, meeting.sampleRate)), 'frames of the callers lost'),
      ...[MAIN_THREAD, LAG, WAKES, MEMORY].map((each) => card(({ result }) => formatted(each, result), each.what)),
    ],
    voices: voicesHtml(held, out),
    figures: figuresHtml(held, meeting.sampleRate),
    participants: participantsHtml(held),
    machine,
    occasion: 'the meeting',
    method: [
      `Main-thread time ${clockText(ours.result)}. Nothing is subtracted but the stalls that are made on purpose and drawing. The figures begin with the second second, once the code is warm.`,
      ...(meeting.agents ? roomTexts(meeting) : localTexts(meeting)),
    ],
    sides: held.map(({ name, result }) => ({ name, measured: result })),
  });
}

const BUFFER_TEXT = `narrowcast has a speech buffer of ${count(SPEECH_BUFFER_MS)} ms, which is not its default: NARROWCAST_SPEECH_BUFFER_MS=${SPEECH_BUFFER_MS}, or install({ speechBufferMs: ${SPEECH_BUFFER_MS} }).`;
const APART_TEXT = `Their stalls are ${count(APART_MS)} ms apart, so that they do not block the machine together.`;

/** How it was measured in one process for each side. */
function localTexts({ stall }: AgentMeetingShape): string[] {
  const { pieceMs, queueMs } = paceFor(stall);
  return [
    `All sides ran at the same time, in processes of their own, each with LiveKit’s engine and without a server: the same voices, and the same code that plays, records and measures. Each side uses its own AudioSource and its own AudioStream. ${APART_TEXT}`,
    `The agent says ${AGENT_PACE.firstMs} ms at first, then ${AGENT_PACE.pieceMs} ms at a time, and awaits each captureFrame(). ${BUFFER_TEXT} The callers’ voices are played in pieces of ${count(pieceMs)} ms, with a queue of ${queueMs / 1000} s.`,
    'What the callers heard of the agent is read from the agent’s track, in the agent’s process, on every side: the engine’s queue, and no network.',
  ];
}

/** The same, with jobs of agents. */
function roomTexts({ agents }: AgentMeetingShape): string[] {
  return [
    `All sides ran at the same time, each in a room of its own at ${agents!.url}, with a job of @livekit/agents ${agents!.version}: an AgentSession for each caller, with agents’ own VAD and a speech-to-text that only counts. The first session speaks, by say(). The callers of each side are in a process of their own, on plain rtc-node. ${APART_TEXT}`,
    `The figures are of the job’s process. A frame is 10 ms of one caller, as it came to the speech-to-text; what did not come within 5 s of the end is lost. ${BUFFER_TEXT}`,
    'What the callers heard of the agent came to them through the server. Opus changes each sample, so the agent’s words have noise under them that is louder than silence, and silence of 5 ms or more in them is a gap.',
  ];
}

/** Each side's voice, one below the other. */
function voicesHtml(held: readonly HeldSide[], out: string): string {
  const lengthMs = longestVoiceMs(held);
  const voices = held.map((side, at) => {
    const voice = side.result.voice!;
    const verdict = linked(gapsText(voice), meaningOf('gaps in the agent’s voice'));
    return (
      `<figure class="voice ${SIDE_CLASSES[at]}"><figcaption><strong>${escapeHtml(sideText(side))}</strong>` +
      `<span class="${voice.gaps > 0 ? 'bad' : 'good'}">${verdict}</span>` +
      `<code>${escapeHtml(join(out, side.name, `${AGENT}.wav`))}</code></figcaption>` +
      `<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(gapsText(voice))}">` +
      `${waveform(voice, 1000, 100, lengthMs)}</svg></figure>`
    );
  });
  return `<section class="voices" aria-label="The agent’s voice">${voices.join('\n')}</section>`;
}

function figuresHtml(held: readonly HeldSide[], sampleRate: number): string {
  const row = (what: string, of: (side: HeldSide) => string): Cell[] => [
    { text: what, meaning: meaningOf(what) },
    ...held.map((side) => numberCell(of(side))),
  ];
  return htmlTable(
    [{ text: '' }, ...held.map(({ name }, at) => ({ text: name, className: `number ${SIDE_CLASSES[at]}` }))],
    [
      row('gaps in the agent’s voice', ({ result }) => count(result.voice!.gaps)),
      row('missing of the agent’s voice', ({ result }) => `${count(result.voice!.missingMs)} ms`),
      row('frames of the callers lost', ({ result }) => count(framesLost(result, sampleRate))),
      ...measuredFigures.map((figure) => row(figure.what, ({ result }) => formatted(figure, result))),
    ],
  );
}

function participantsHtml(held: readonly HeldSide[]): string {
  return htmlTable(
    [{ text: 'participant' }, ...held.map(({ name }, at) => ({ text: name, className: SIDE_CLASSES[at]! }))],
    held[0]!.result.participants.map(({ identity }, at) => [
      { text: identity },
      ...held.map(({ result }) => {
        const { framesReceived, samplesLost, intact } = result.participants[at]!;
        const state = intact ? 'intact' : samplesLost === 0 ? 'with gaps' : `${count(samplesLost)} samples lost`;
        return { text: `${count(framesReceived)} frames, ${state}`, ...(!intact && { className: 'bad' }) };
      }),
    ]),
  );
}
