import { afterEach, expect, test, vi } from 'vitest';
import { agentTable } from '../../../src/cli/meeting/agent/summary.js';
import { Display } from '../../../src/cli/shared/display.js';
import { Screen } from '../../../src/cli/shared/screen.js';

afterEach(() => void vi.useRealTimers());

test('Display: without a terminal, an agent’s meeting that waits for its voices says so once', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const screen = new Screen({ write: (text) => lines.push(text.trimEnd()) });
  const shape = { callers: 1, seconds: 3, sampleRate: 16_000, frameMs: 10, stall: 0 };
  const display = new Display(screen, (elapsed, columns = 0, rows) =>
    agentTable([], shape, { elapsed, columns, live: rows !== undefined }),
  );
  display.start(3, (draw) => draw());
  vi.advanceTimersByTime(9_500);
  display.stop();
  expect(lines.slice(0, 2)).toEqual(['meeting: 00:01 of 00:03', 'meeting: 00:02 of 00:03']);
  expect(lines.filter((line) => line.includes('00:03 of 00:03,'))).toEqual([
    'meeting: 00:03 of 00:03, waiting for the voices to end',
  ]);
  expect(lines.length).toBeLessThanOrEqual(4);
});
