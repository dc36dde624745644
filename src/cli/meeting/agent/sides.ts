import type { Machine } from '../../shared/machine.js';
import type { Client } from '../messages.js';
import type { MeetingResult } from '../result.js';

/** One way to hold the agent's meeting. */
export interface SideShape {
  /** For people, and the folder of its recordings. */
  readonly name: string;
  readonly client: Client;
  /** How much the queue of the agent's source holds, in ms. */
  readonly queueMs: number;
  /** narrowcast's speech buffer, in ms. */
  readonly speechBufferMs: number;
}

/** What `@livekit/agents` gives its agents' sources, in ms. */
export const AGENTS_QUEUE_MS = 200;

/** What rtc-node gives a source that asks for nothing, in ms. */
const DEFAULT_QUEUE_MS = 1000;

/** What docs/livekit-agents.md recommends. */
export const SPEECH_BUFFER_MS = 1000;

/** All of them do the same, with their own classes. The first is narrowcast's. */
export const SIDES: readonly SideShape[] = [
  { name: 'narrowcast', client: 'narrowcast', queueMs: AGENTS_QUEUE_MS, speechBufferMs: SPEECH_BUFFER_MS },
  { name: `rtc-node-${AGENTS_QUEUE_MS}`, client: 'rtc-node', queueMs: AGENTS_QUEUE_MS, speechBufferMs: 0 },
  { name: `rtc-node-${DEFAULT_QUEUE_MS}`, client: 'rtc-node', queueMs: DEFAULT_QUEUE_MS, speechBufferMs: 0 },
];

/** How far apart the stalls of the sides are, in ms: three of 300 ms do not meet, and are over when a second is. */
export const APART_MS = 320;

/** A side, and what came of it. */
export interface Side extends SideShape {
  /** null: it failed. */
  readonly result: MeetingResult | null;
}

/** A side that did not fail. */
export type HeldSide = Side & { readonly result: MeetingResult };

export function heldOf(sides: readonly Side[]): HeldSide[] {
  return sides.filter((side): side is HeldSide => side.result !== null);
}

/** How long the longest of the voices is, in ms: all are drawn to its scale. */
export function longestVoiceMs(held: readonly HeldSide[]): number {
  return Math.max(...held.map(({ result }) => result.voice!.lengthMs), 1);
}

/** What was asked for: with other numbers of these the figures are others. */
export interface AgentMeetingShape {
  readonly callers: number;
  /** Length, in s. */
  readonly seconds: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly frameMs: number;
  /** How long the agent's thread was blocked each second, in ms. */
  readonly stall: number;
  /** The agent was a job of `@livekit/agents`, in a room on a LiveKit server. */
  readonly agents?: { readonly version: string; readonly url: string };
}

/** What `--json` writes. */
export interface AgentMeetingFigures {
  readonly scenario: 'agent';
  readonly meeting: AgentMeetingShape;
  readonly sides: readonly Side[];
  readonly machine: Machine;
}

/** Frames of 10 ms of the callers' voices that the agent did not hear as they were said. */
export function framesLost({ participants }: MeetingResult, sampleRate: number): number {
  const callers = participants.slice(0, -1);
  return Math.ceil(callers.reduce((sum, { samplesLost }) => sum + samplesLost, 0) / (sampleRate / 100));
}

/** Whether the agent was heard without a gap, word for word, and heard all that was said. */
export function isWhole(result: MeetingResult): boolean {
  return result.voice!.gaps === 0 && result.participants.every(({ samplesLost }) => samplesLost === 0);
}
