import { expect, test } from 'vitest';
import { Screen } from '../../../src/cli/shared/screen.js';

/** What is on a terminal after `text`: understands what a Screen uses. */
function terminal(text: string): string[] {
  const lines = [''];
  let row = 0;
  // oxlint-disable-next-line no-control-regex -- that is what these are
  for (const [part] of text.matchAll(/\x1b\[\d*[A-Z]|[\r\n]|[^\x1b\r\n]+/g)) {
    const up = /^\x1b\[(\d+)A$/.exec(part); // oxlint-disable-line no-control-regex
    if (up) row -= Number(up[1]);
    else if (part === '\n') lines[++row] ??= '';
    else if (part === '\x1b[J') lines.splice(row, Infinity, '');
    else if (part !== '\r' && part !== '\x1b[K') lines[row] = part;
    expect(row).toBeGreaterThanOrEqual(0);
  }
  return lines;
}

function screen(size: { columns?: number; rows?: number } = { columns: 80, rows: 24 }) {
  let text = '';
  const output = { isTTY: true, ...size, write: (more: string) => (text += more) };
  return { screen: new Screen(output), output, shown: () => terminal(text), text: () => text };
}

test('draws over what it drew, whatever its height', () => {
  const { screen: subject, shown } = screen();
  subject.draw(['a1', 'a2', 'a3']);
  subject.draw(['b1', 'b2', 'b3', 'b4']);
  subject.draw(['c1']);

  expect(shown()).toEqual(['c1', '']);
});

test('what is printed replaces what was drawn, and stays', () => {
  const { screen: subject, shown } = screen();
  subject.print(['before']);
  subject.draw(['a1', 'a2']);
  subject.print(['result']);
  subject.draw(['b1']);
  subject.draw(['c1']);

  expect(shown()).toEqual(['before', 'result', 'c1', '']);
});

test('goes up further when the terminal became narrower and broke the lines', () => {
  const { screen: subject, output, text } = screen();
  subject.draw(['x'.repeat(70), 'y'.repeat(20)]);
  output.columns = 40;
  subject.draw(['z']);

  expect(text()).toContain('\x1b[3A');
});

test('only a terminal that can move its cursor is live', () => {
  const term = process.env['TERM'];
  try {
    process.env['TERM'] = 'xterm';
    expect(screen().screen.live).toBe(true);
    expect(new Screen({ write: () => {} }).live).toBe(false);
    process.env['TERM'] = 'dumb';
    expect(screen().screen.live).toBe(false);
  } finally {
    if (term === undefined) delete process.env['TERM'];
    else process.env['TERM'] = term;
  }
});

test('a terminal that does not know its size is taken for one of 80 by 24', () => {
  const { screen: subject } = screen({ columns: 0, rows: 0 });

  expect([subject.columns, subject.rows]).toEqual([80, 24]);
});
