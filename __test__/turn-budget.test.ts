import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { afterTurn, delivered, mayDeliver } from '../src/turn-budget.js';
import { block } from './support/wait.mjs';

/** Delivers as a loop does, until it has to pause. Returns how many values it delivered. */
function deliverWhileAllowed(most: number, consume: () => void): number {
  let count = 0;
  while (count < most && mayDeliver()) {
    delivered();
    count++;
    consume();
  }
  return count;
}

const turn = () => new Promise<void>(afterTurn);
/** The event loop has slept since the last delivery. */
const idle = () => new Promise((resolve) => setTimeout(resolve, 5));

afterEach(idle);

describe('mayDeliver', () => {
  it('is false once the thread has delivered for 8 ms without a turn, and true again after one', async () => {
    await idle();
    const first = deliverWhileAllowed(1000, () => block(1));
    expect(first).toBeLessThan(20);
    expect(mayDeliver()).toBe(false);
    await turn();
    for (let i = 0; i < 3; i++) {
      expect(deliverWhileAllowed(1000, () => block(12))).toBe(1);
      await turn();
    }
  });

  it('is about the thread: what one loop has spent, the others have not', async () => {
    await turn();
    deliverWhileAllowed(1000, () => block(1));
    expect([mayDeliver(), mayDeliver()]).toEqual([false, false]);
  });

  it('is true once a turn for a loop that has delivered nothing in it, whatever the others have spent', async () => {
    await turn();
    deliverWhileAllowed(1000, () => block(1));
    let last = -1;
    expect([mayDeliver(), mayDeliver(last)]).toEqual([false, true]);
    last = delivered();
    expect(mayDeliver(last)).toBe(false);
    await turn();
    expect(mayDeliver(last)).toBe(true);
  });

  it('takes a turn that the loops did not ask for as one', async () => {
    await turn();
    for (let i = 0; i < 5; i++) {
      expect(mayDeliver()).toBe(true);
      delivered();
      block(9);
      await new Promise(setImmediate);
    }
  });

  it('arms nothing for values that come one by one, while the loop sleeps in between', async () => {
    await idle();
    let armed = 0;
    for (let i = 0; i < 20; i++) {
      expect(deliverWhileAllowed(4, () => {})).toBe(4);
      if (process.getActiveResourcesInfo().includes('Immediate')) armed++;
      await idle();
    }
    // Where the machine takes the thread away for more than a millisecond, a turn is watched.
    expect(armed).toBeLessThan(10);
  });
});

describe('afterTurn', () => {
  it('lets timers and I/O have their turn first', async () => {
    const happened: string[] = [];
    const file = readFile(import.meta.filename ?? new URL(import.meta.url).pathname).then(() => happened.push('I/O'));
    setTimeout(() => happened.push('timer'), 1);
    for (let turns = 0; happened.length < 2; turns++) {
      if (turns > 10_000) throw new Error(`only ${happened.join()} had a turn`);
      deliverWhileAllowed(1000, () => block(1));
      await turn();
    }
    await file;
  });

  it.each(['timers', 'poll', 'check'])(
    'lets a due timer run before it resumes (paused in the phase: %s)',
    async (phase) => {
      if (phase === 'poll') await readFile(new URL(import.meta.url));
      if (phase === 'check') await turn();
      if (phase === 'timers') await idle();
      let timer = false;
      setTimeout(() => (timer = true), 1);
      expect(deliverWhileAllowed(1000, () => block(1))).toBeLessThan(20);
      await turn();
      expect(timer).toBe(true);
    },
  );

  it('resumes paused loops in order, and the one that spends the budget behind the others', async () => {
    await turn();
    const order: string[] = [];
    const rounds = { a: 3, b: 3, c: 3 };
    await new Promise<void>((resolve) => {
      const resume = (name: keyof typeof rounds) => () => {
        order.push(name);
        deliverWhileAllowed(1000, () => block(1));
        if (--rounds[name] > 0) afterTurn(resume(name));
        else if (order.length === 9) resolve();
      };
      for (const name of ['a', 'b', 'c'] as const) afterTurn(resume(name));
    });
    expect(order.join('')).toBe('abcabcabc');
  });

  it('goes on with the others when one of them throws', async () => {
    const uncaught = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener);
        resolve(error);
      });
    });
    afterTurn(() => {
      throw new Error('mine');
    });
    await turn();
    expect(await uncaught).toMatchObject({ message: 'mine' });
  });
});
