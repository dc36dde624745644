import { readSpeech } from '../shared/wav-reader.js';
import { synthesizeVoice } from './synthetic-voice.js';

/** How much is played at a time, and what the engine's queue holds of it, in ms. */
export interface Pace {
  readonly pieceMs: number;
  readonly queueMs: number;
  /** Length of the first piece, where it is another, in ms. */
  readonly firstMs?: number;
}

/** A participant of the meeting. */
export interface Participant {
  /** Name, unique in the meeting; good for a file's name. */
  readonly identity: string;
  /** What is said, over and over: 16-bit mono at the meeting's rate, whole chunks of 10 ms. */
  readonly pcm: Int16Array;
  /** How it is played, where that differs from the others. */
  readonly pace?: Pace;
}

/** The participant whom the others hear: an agent, and all others are its callers. */
interface AgentPart {
  /** WAV file of what the agent says. */
  readonly voice: string;
  /** WAV file of what each caller says. */
  readonly caller: string;
  /** How much the queue of the agent's source holds, in ms. */
  readonly queueMs: number;
  /** narrowcast's speech buffer, in ms; 0 for rtc-node, which has none. */
  readonly speechBufferMs: number;
}

/** What the agent is called, and its recording. */
export const AGENT = 'agent';

/** How much an agent says at a time, in ms, and when it begins: a synthesizer is faster than speech. */
export const AGENT_PACE = { pieceMs: 20, firstMs: 200 } as const;

/** Who takes part, and what they say. */
export interface Cast {
  /** How many. */
  readonly participants: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Length of the meeting, in s. */
  readonly seconds: number;
  /** WAV files; participants take them in turn. Empty: each has a voice of its own. */
  readonly input: readonly string[];
  /** Absent: a crowd of equals. */
  readonly agent?: AgentPart;
}

/** @throws {Failure} a file can't be used */
export async function gather(cast: Cast): Promise<Participant[]> {
  if (cast.agent) return gatherCallers(cast, cast.agent);
  const { participants, sampleRate, seconds, input } = cast;
  const speeches = await Promise.all(input.map((path) => readSpeech(path, sampleRate, seconds)));
  const digits = Math.max(2, String(participants).length);
  return Array.from({ length: participants }, (_, index) => ({
    identity: `participant-${String(index + 1).padStart(digits, '0')}`,
    pcm: wholeChunks(speeches[index % speeches.length] ?? synthesizeVoice(index, sampleRate), sampleRate / 100),
  }));
}

/** The callers, and the agent last. */
async function gatherCallers(
  { participants, sampleRate, seconds, input }: Cast,
  agent: AgentPart,
): Promise<Participant[]> {
  const chunk = sampleRate / 100;
  const read = async (path: string) => wholeChunks(await readSpeech(path, sampleRate, seconds), chunk);
  const speeches = await Promise.all((input.length > 0 ? input : [agent.caller]).map(read));
  const callers = Array.from({ length: participants }, (_, index) => {
    const speech = speeches[index % speeches.length]!;
    // Callers with the same words do not speak in chorus.
    return {
      identity: `caller-${index + 1}`,
      pcm: rotated(speech, Math.floor((speech.length * index) / participants)),
    };
  });
  const pace = { ...AGENT_PACE, queueMs: agent.queueMs };
  return [...callers, { identity: AGENT, pcm: withoutZeros(await read(agent.voice)), pace }];
}

function rotated(pcm: Int16Array, by: number): Int16Array {
  const turned = new Int16Array(pcm.length);
  turned.set(pcm.subarray(by));
  turned.set(pcm.subarray(0, by), pcm.length - by);
  return turned;
}

/** The same, with the least noise that there is in place of silence: what is silent in a recording of it was put in. */
function withoutZeros(pcm: Int16Array): Int16Array {
  return pcm.map((sample, at) => sample || (at % 2 === 0 ? 1 : -1));
}

/** Silence at the end up to a multiple of `chunk` samples. */
function wholeChunks(pcm: Int16Array, chunk: number): Int16Array {
  if (pcm.length % chunk === 0) return pcm;
  const padded = new Int16Array(Math.ceil(pcm.length / chunk) * chunk);
  padded.set(pcm);
  return padded;
}
