import { MAIN_THREAD, formatted } from '../../shared/figures.js';
import { escapeHtml } from '../../shared/html.js';
import { heldOf, longestVoiceMs, type AgentMeetingFigures } from './sides.js';
import { gapsText, sideText } from './summary.js';
import { waveform } from './waveform.js';

const WIDTH = 960;
const MARGIN = 24;
const TOP = 74;
const ROW = 116;
const WAVE = 62;

const STYLE = `text{font:15px ui-sans-serif,system-ui,sans-serif;fill:#1c2733}.h{font-size:19px;font-weight:650}.s{fill:#51606f;font-size:13.5px}
.n{font-weight:650}.g{font-weight:650;fill:#c8102e}.ok{font-weight:650;fill:#1a7f37}.bg{fill:#f6f8fa;stroke:#d5dce3}path{fill:none;stroke-width:1.4;stroke:#0072b2}
.peer path{stroke:#d55e00}.third path{stroke:#008566}rect{fill:#c8102e}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9aa7b4}.bg{fill:#161b22;stroke:#30363d}.g{fill:#ff7b72}.ok{fill:#56d364}
path{stroke:#56b4e9}.peer path{stroke:#e69f00}.third path{stroke:#3ddbb0}rect{fill:#ff6b6b}}`;

/** The agent's voice as the callers heard it on each side: an SVG with its own background, for light and dark pages. */
export function renderPicture({ meeting, sides, machine }: AgentMeetingFigures): string {
  const held = heldOf(sides);
  const lengthMs = longestVoiceMs(held);
  const height = TOP + held.length * ROW + 6;
  const heading = `An agent speaks, and its thread is blocked for ${meeting.stall} ms in each second`;
  const words = `${meeting.callers} callers, ${meeting.seconds} s, at the same time on one machine: ${machine.cores} cores, Node ${machine.node}. Red: the callers heard nothing.`;
  const rows = held.map((side, at) => {
    const y = TOP + at * ROW;
    const voice = side.result.voice!;
    const right = `main thread ${formatted(MAIN_THREAD, side.result)}`;
    return [
      `<g class="${['', 'peer', 'third'][at]}" transform="translate(${MARGIN} ${y})">`,
      `<text class="n" y="14">${escapeHtml(sideText(side))}</text>`,
      `<text class="${voice.gaps === 0 ? 'ok' : 'g'}" x="${WIDTH - 2 * MARGIN}" y="14" text-anchor="end">${escapeHtml(gapsText(voice))}</text>`,
      `<text class="s" x="${WIDTH - 2 * MARGIN}" y="34" text-anchor="end">${escapeHtml(right)}</text>`,
      `<g transform="translate(0 38)">${waveform(voice, WIDTH - 2 * MARGIN, WAVE, lengthMs)}</g></g>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(heading)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="bg" x="1" y="1" width="${WIDTH - 2}" height="${height - 2}" rx="12"/>`,
    `<text class="h" x="${MARGIN}" y="34">${escapeHtml(heading)}</text>`,
    `<text class="s" x="${MARGIN}" y="56">${escapeHtml(words)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}
