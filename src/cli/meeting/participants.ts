import { readSpeech } from '../shared/wav-reader.js';
import { synthesizeVoice } from './synthetic-voice.js';

/** Somebody in the meeting. */
export interface Participant {
  /** Name, unique in the meeting; good for a file's name. */
  readonly identity: string;
  /** What is said, over and over: 16-bit mono at the meeting's rate, whole chunks of 10 ms. */
  readonly pcm: Int16Array;
}

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
}

/** @throws {Failure} a file can't be used */
export async function gather(cast: Cast): Promise<Participant[]> {
  const { participants, sampleRate, seconds, input } = cast;
  const speeches = await Promise.all(input.map((path) => readSpeech(path, sampleRate, seconds)));
  const digits = Math.max(2, String(participants).length);
  return Array.from({ length: participants }, (_, index) => ({
    identity: `participant-${String(index + 1).padStart(digits, '0')}`,
    pcm: wholeChunks(speeches[index % speeches.length] ?? synthesizeVoice(index, sampleRate), sampleRate / 100),
  }));
}

/** Silence at the end up to a multiple of `chunk` samples. */
function wholeChunks(pcm: Int16Array, chunk: number): Int16Array {
  if (pcm.length % chunk === 0) return pcm;
  const padded = new Int16Array(Math.ceil(pcm.length / chunk) * chunk);
  padded.set(pcm);
  return padded;
}
