import { count } from '../shared/format.js';

/**
 * Where lost samples were lost, as far as counts tell: narrowcast counts each frame that it drops, in its rings and natively
 * before them. What it was never given was lost before: concealed by the engine's jitter buffer, or put in late or in
 * another order by a machine that was too busy.
 *
 * @param dropped frames and events that narrowcast dropped
 */
export function whereLost(samplesLost: number, dropped: number): string[] {
  if (samplesLost === 0) return [];
  return dropped === 0
    ? ['narrowcast dropped nothing: the engine concealed them, or a busy machine played them late or out of order']
    : [`narrowcast dropped ${count(dropped)} frames`];
}
