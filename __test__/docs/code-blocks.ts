import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { marked, type Token } from 'marked';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A piece of code in a document. */
export interface CodeBlock {
  /** `README`, `audio`: the document's name. */
  readonly guide: string;
  /** From 1, among the document's blocks of this language. */
  readonly number: number;
  readonly language: string;
  readonly code: string;
}

/** What users are given to read, by its name. */
export const guides: ReadonlyMap<string, string> = new Map(
  ['README.md', ...fs.readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)]
    .filter((file) => file.endsWith('.md'))
    .map((file) => [path.basename(file, '.md'), fs.readFileSync(path.join(root, file), 'utf8')]),
);

/** Every token of a document, those in lists and tables included. */
export function tokens(text: string): Token[] {
  const all: Token[] = [];
  marked.walkTokens(marked.lexer(text), (token) => void all.push(token));
  return all;
}

/** The code blocks of all documents in one language. */
export function codeBlocks(language: string): CodeBlock[] {
  return [...guides].flatMap(([guide, text]) =>
    tokens(text)
      .filter((token) => token.type === 'code' && token.lang === language)
      .map((token, at) => ({ guide, number: at + 1, language, code: (token as { text: string }).text })),
  );
}
