import { join } from 'node:path';
import { VERSION } from '../../../version.js';
import { Display } from '../../shared/display.js';
import { Failure } from '../../shared/failure.js';
import { Interruption } from '../../shared/interruption.js';
import { describeMachine, loadNow } from '../../shared/machine.js';
import { checkWritable, makeWritableFolder, writeJson, writeText } from '../../shared/output-file.js';
import type { Screen } from '../../shared/screen.js';
import { wrap } from '../../shared/table.js';
import { gather } from '../participants.js';
import { MESSAGE_MS, RemoteRun } from '../remote-run.js';
import type { RunOptions } from '../run.js';
import { APART_MS, isWhole, SIDES, type AgentMeetingFigures, type AgentMeetingShape, type SideShape } from './sides.js';
import { agentSummary, agentTable, shapeParts } from './summary.js';

/** How an agent's meeting is to be. */
export interface AgentMeetingOptions extends Omit<RunOptions, 'agent' | 'stallAt'> {
  /** WAV file of what the agent says. */
  readonly voice: string;
  /** WAV file of what each caller says, where `input` has none. */
  readonly caller: string;
  /** Whether rtc-node holds the same meetings. */
  readonly compare: boolean;
  /** File for the figures. */
  readonly json?: string | undefined;
  /** File for the report, a web page. */
  readonly report?: string | undefined;
  /** File for a picture of the voices. */
  readonly svg?: string | undefined;
}

/**
 * Holds an agent's meeting on all sides at the same time, each in a process of its own: callers talk, the agent listens to all of
 * them and speaks, and its thread is blocked once a second. Shows how the callers hear the agent.
 *
 * @param program the file that each process runs
 * @returns the exit status, which is about narrowcast alone: 0, or 1 if the agent's voice had a gap or anything was lost, or that of
 * the signal that ended the meeting early
 * @throws {Failure} a file can't be read or written, or narrowcast's process failed
 */
export async function holdAgentMeeting(options: AgentMeetingOptions, program: string, screen: Screen): Promise<number> {
  const { out, json, report, svg, seconds, compare } = options;
  const shape = shapeOf(options);
  const interruption = new Interruption();
  const runs: { readonly side: SideShape; readonly run: RemoteRun }[] = [];
  try {
    const loadBefore = loadNow();
    for (const file of [json, report, svg]) if (file !== undefined) await checkWritable(file);
    // What can't be played is said before anything is started.
    await gather({ ...options, agent: partOf(options, SIDES[0]!) });
    await makeWritableFolder(out);
    screen.print(wrap('', ['An agent’s meeting', ...shapeParts(shape), 'Ctrl-C ends it early'], screen.columns));

    for (const [at, side] of (compare ? SIDES : SIDES.slice(0, 1)).entries()) {
      const agent = partOf(options, side);
      const run = new RemoteRun(
        program,
        { ...options, agent, out: join(out, side.name), stallAt: at * APART_MS },
        side.client,
        (reason) => {
          if (at > 0) screen.print([`narrowcast: no meeting on ${side.name}: ${reason}`]);
        },
      );
      runs.push({ side, run });
      void run.interrupted.then((status) => interruption.relay(status));
    }
    await Promise.race([Promise.all(runs.map(({ run }) => run.opened)), interruption.happened]);
    if (interruption.status !== undefined) return interruption.status;
    void interruption.happened.then(() => runs.forEach(({ run }) => run.stop()));

    const display = new Display(screen, (elapsed, columns = 0, rows) => {
      const so = runs.map(({ side, run }) => ({ ...side, progress: run.progress }));
      return agentTable(so, shape, { elapsed, columns, live: rows !== undefined });
    });
    const begin = Date.now() + MESSAGE_MS;
    for (const { run } of runs) run.hold(begin);
    display.start(seconds, (draw) => draw());
    const sides = await Promise.all(runs.map(async ({ side, run }) => ({ ...side, result: await run.result() })));
    display.stop();

    const ours = sides[0]!.result;
    if (!ours) throw new Failure(runs[0]!.run.failure ?? 'the meeting failed');
    const figures: AgentMeetingFigures = {
      scenario: 'agent',
      meeting: shape,
      sides,
      machine: describeMachine(VERSION, loadBefore),
    };
    const early = interruption.status !== undefined;
    screen.print(agentSummary(figures, out, early, screen.columns));
    if (json !== undefined) await writeJson(json, figures);
    if (svg !== undefined) {
      const { renderPicture } = await import('./picture.js');
      await writeText(svg, renderPicture(figures));
    }
    if (report !== undefined) {
      const { renderAgentReport } = await import('./report.js');
      const missing = runs.flatMap(({ side, run }) =>
        run.failure === undefined ? [] : [`${side.name}: ${run.failure}`],
      );
      await writeText(report, renderAgentReport(figures, { early, at: new Date(), missing, out }));
      screen.print([`The voices are drawn in ${report}.`]);
    }
    return interruption.status ?? (isWhole(ours) ? 0 : 1);
  } finally {
    for (const { run } of runs) run.close();
    interruption.dispose();
  }
}

function partOf({ voice, caller }: AgentMeetingOptions, { queueMs, speechBufferMs }: SideShape) {
  return { voice, caller, queueMs, speechBufferMs };
}

function shapeOf({
  participants: callers,
  seconds,
  sampleRate,
  frameMs,
  stall,
  agents,
}: AgentMeetingOptions): AgentMeetingShape {
  const room = agents && { agents: { version: agents.version, url: agents.url } };
  return { callers, seconds, sampleRate, frameMs, stall, ...room };
}
