import { afterEach, describe, expect, it, vi } from 'vitest';
import { onAbort } from '../src/abort.js';

describe('onAbort', () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  afterEach(() => void process.off('warning', note));

  it('calls every callback, in order, once', () => {
    const controller = new AbortController();
    const called: number[] = [];
    for (const i of [1, 2, 3]) onAbort(controller.signal, () => called.push(i));
    controller.abort();
    controller.signal.dispatchEvent(new Event('abort'));
    expect(called).toEqual([1, 2, 3]);
  });

  it('does not call who has left, even while others are called', () => {
    const controller = new AbortController();
    const [early, late] = [vi.fn(), vi.fn()];
    const leave = onAbort(controller.signal, early);
    onAbort(controller.signal, () => leaveLate());
    const leaveLate = onAbort(controller.signal, late);
    leave();
    leave();
    controller.abort();
    leaveLate();
    expect([early.mock.calls, late.mock.calls]).toEqual([[], []]);
  });

  it('has one listener on a signal, none when all have left, and one again for who comes then', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    const leaving = Array.from({ length: 100 }, () => onAbort(signal, () => {}));
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([1, 0]);
    for (const leave of leaving) leave();
    expect(remove.mock.calls.map((call) => call[1])).toEqual([add.mock.calls[0]![1]]);
    const again = vi.fn();
    onAbort(signal, again);
    for (const leave of leaving) leave();
    controller.abort();
    expect(again).toHaveBeenCalledTimes(1);
    await new Promise(setImmediate); // warnings come later
    expect(warnings).toEqual([]);
  });
});
