// `npm run code-lines -- [REVISION] [--files]`: lines of code of the library, without blanks and comments, by folder or by file: src
// without the command, and crates/*/src without their tests. Of the working tree, or of a revision that git knows.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { fail, root } from './setup.mjs';

const args = process.argv.slice(2);
const [revision] = args.filter((arg) => arg !== '--files');
const byFile = args.includes('--files');

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) fail(`git ${args[0]}: ${stderr}`);
  return stdout;
}

const listed = revision
  ? git('ls-tree', '-r', '--name-only', revision)
  : git('ls-files', '--cached', '--others', '--exclude-standard');
const files = listed
  .split('\n')
  .filter((file) => /^src\/(?!cli\/).*\.ts$|^crates\/[^/]+\/src\/.*\.rs$/.test(file))
  .filter((file) => revision || fs.existsSync(path.join(root, file)));
const read = (file) => (revision ? git('show', `${revision}:${file}`) : fs.readFileSync(path.join(root, file), 'utf8'));

/** Lines that a token stands on. */
function linesOfTypeScript(text) {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
  const lines = new Set();
  const note = (node) => {
    const children = node
      .getChildren(source)
      .filter(({ kind }) => kind < ts.SyntaxKind.FirstJSDocNode || kind > ts.SyntaxKind.LastJSDocNode);
    if (children.length > 0) return children.forEach(note);
    const [from, to] = [node.getStart(source), node.getEnd()].map(
      (at) => source.getLineAndCharacterOfPosition(at).line,
    );
    if (node.getEnd() > node.getStart(source)) for (let line = from; line <= to; line++) lines.add(line);
  };
  note(source);
  return lines.size;
}

/** A comment, or what may look as if it began one: a string, a raw string, a character. */
const RUST = /\/\/[^\n]*|\/\*[^]*?\*\/|\br(#*)"[^]*?"\1|"(?:\\[^]|[^"\\])*"|'(?:\\.|[^'\\\n])'/g;

function linesOfRust(text) {
  // As rustfmt writes them: a module of tests ends with the first brace that begins a line.
  const code = text.replace(/^#\[cfg\((?:all\()?test\b[^\n]*\n(?:#\[[^\n]*\n)*(?:pub )?mod \w+ \{\n[^]*?^\}\n/gm, '');
  const bare = code.replace(RUST, (found) => (/^\/[/*]/.test(found) ? found.replace(/[^\n]/g, '') : found));
  return bare.split('\n').filter((line) => line.trim() !== '').length;
}

const folders = new Map();
let longest = ['', 0];
for (const file of files) {
  const text = read(file);
  const lines = file.endsWith('.ts') ? linesOfTypeScript(text) : linesOfRust(text);
  const folderOf = file.startsWith('src/') ? path.posix.dirname(file) : file.split('/').slice(0, 2).join('/');
  const folder = byFile ? file : folderOf;
  folders.set(folder, (folders.get(folder) ?? 0) + lines);
  const all = text.split('\n').length - 1;
  if (all > longest[1]) longest = [file, all];
}
for (const [folder, lines] of [...folders].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(`${folder.padEnd(byFile ? 48 : 24)}${String(lines).padStart(7)}`);
}
const sum = (prefix) =>
  [...folders].filter(([folder]) => folder.startsWith(prefix)).reduce((all, [, lines]) => all + lines, 0);
console.log(`TypeScript ${sum('src')}, Rust ${sum('crates')}, together ${sum('')}`);
console.log(`longest file, with comments: ${longest[0]}, ${longest[1]} lines`);
