import Table from 'cli-table3';

/** An empty table. */
export function plainTable(head: string[], colWidths: number[], colAligns: ('left' | 'right')[]): Table.Table {
  // Compact: no lines between the rows. The terminal has its own colours.
  return new Table({ head, colWidths, colAligns, style: { compact: true, head: [], border: [] } });
}

/** Widths of columns in which everything has room. */
export function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]!.length)) + 2);
}

/** Columns that a table of these takes. */
export function tableWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + 1, 1);
}

/** The lines of a table, cut to be narrower than `columns`. */
export function fitted(table: Table.Table, columns: number): string[] {
  return table
    .toString()
    .split('\n')
    .map((line) => line.slice(0, Math.max(1, columns - 1)));
}

/** Words that belong together, joined by commas to lines that are narrower than `columns`. */
export function wrap(label: string, parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = label;
  for (const [at, part] of parts.entries()) {
    const text = at < parts.length - 1 ? `${part},` : part;
    const first = line.trim() === '' || line === label;
    if (!first && line.length + 1 + text.length >= columns) {
      lines.push(line);
      line = ' '.repeat(label.length) + text;
    } else {
      line += first ? text : ` ${text}`;
    }
  }
  return [...lines, line].map((each) => each.slice(0, Math.max(1, columns - 1)));
}

/** A line in lines that are narrower than `columns`. */
export function folded(line: string, columns: number): string[] {
  const width = Math.max(1, columns - 1);
  const lines: string[] = [];
  for (let rest = line; rest !== '';) {
    const space = rest.length > width ? rest.lastIndexOf(' ', width) : rest.length;
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}
