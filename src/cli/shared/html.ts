/** Text in a page, and in an attribute's quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON in a script element: nothing in it can end the element, whatever the strings in it are. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A table's cell. */
export interface Cell {
  readonly text: string;
  readonly className?: string;
  /** The part of the page that says what it means. */
  readonly meaning?: string | undefined;
}

/** Text that leads to the part of the page that says what it means. */
export function linked(text: string, meaning: string | undefined): string {
  return meaning === undefined ? escapeHtml(text) : `<a href="#${meaning}">${escapeHtml(text)}</a>`;
}

/** A table with more columns is a list of its rows on a phone: page.css. */
const MOST_COLUMNS = 4;

/** A table: its head, and rows that each begin with their name. */
export function htmlTable(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const cell = (tag: string, { text, className, meaning }: Cell, more = '') =>
    `<${tag}${more}${className ? ` class="${className}"` : ''}>${linked(text, meaning)}</${tag}>`;
  const headRow = head.map((each) => cell('th', each, ' scope="col"')).join('');
  const label = (at: number) => (head[at] ? ` data-label="${escapeHtml(head[at].text)}"` : '');
  const bodyRows = rows.map(
    ([first, ...rest]) =>
      `<tr>${cell('th', first!, ' scope="row"')}${rest.map((each, at) => cell('td', each, label(at + 1))).join('')}</tr>`,
  );
  const top = head.length > 0 ? `<thead><tr>${headRow}</tr></thead>` : '';
  const className = head.length > MOST_COLUMNS ? 'wide rows' : 'wide';
  return `<div class="${className}"><table>${top}<tbody>\n${bodyRows.join('\n')}\n</tbody></table></div>`;
}

/** Fills a template's `{{names}}`, or `/* {{names}} *\/` among code. @throws {Error} one of them is unknown */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}|\/\* \{\{(\w+)\}\} \*\//g, (_, inText?: string, inCode?: string) => {
    const name = (inText ?? inCode)!;
    const value = values[name];
    if (value === undefined) throw new Error(`the template asks for ${name}`);
    return value;
  });
}
