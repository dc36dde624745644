import { NarrowcastError } from 'narrowcast';
const code = 'CLOSED' as const;
export const e = new NarrowcastError(code, 'x', { cause: 1 });
// @ts-expect-error: not one of the codes
export const bad = new NarrowcastError('NOPE', 'x');
