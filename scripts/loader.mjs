// Mends the loader that `napi build` generates. It asks the machine's /usr/bin/ldd first whether the C library is musl's, and
// takes the wrong addon where a Node for musl runs on a machine that uses glibc.

import fs from 'node:fs';

/** What the loader is to ask, in this order: what this program was linked for, what it reports of itself, the machine. */
const QUESTIONS = `const isMusl = () => {
  if (process.platform !== 'linux') return false
  return isMuslFromInterpreter() ?? isMuslFromReport() ?? isMuslFromFilesystem() ?? isMuslFromChildProcess()
}

// Of the running program itself, by its ELF header: a report costs a process 1 MB and some ms.
const isMuslFromInterpreter = () => {
  let file
  const read = (length, position) => {
    const bytes = Buffer.alloc(length)
    readSync(file, bytes, 0, length, position)
    return bytes
  }
  try {
    file = openSync(process.execPath, 'r')
    const header = read(64, 0)
    if (header.toString('latin1', 0, 6) !== '\\x7fELF\\x02\\x01') return null
    const [table, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)]
    for (let i = 0; i < count; i++) {
      const entry = read(size, table + i * size)
      if (entry.readUInt32LE(0) !== 3) continue
      const path = read(Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(8))).toString()
      if (path.includes('musl')) return true
      return path.includes('/ld-linux') ? false : null
    }
    return null
  } catch {
    return null
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

`;

const REPORT = `const isMuslFromReport = () => {
  if (!process.report || typeof process.report.getReport !== 'function') return null
  const { excludeNetwork } = process.report
  process.report.excludeNetwork = true
  const { header } = process.report.getReport()
  process.report.excludeNetwork = excludeNetwork
  return header ? !header.glibcVersionRuntime : null
}

`;

/** Rewrites the generated loader `file`; throws if it is not the text that this was written for. */
export function mendLoader(file) {
  let text = fs.readFileSync(file, 'utf8');
  const replace = (from, to, by) => {
    const [start, end] = [text.indexOf(from), text.indexOf(to)];
    if (start === -1 || end < start)
      throw new Error(`${file} has changed: it has no ${from.trim()} before ${to.trim()}`);
    text = text.slice(0, start) + by + text.slice(end);
  };
  replace(
    "const { readFileSync } = require('fs')",
    '\nlet nativeBinding',
    "const { closeSync, openSync, readFileSync, readSync } = require('fs')",
  );
  replace('const isMusl = () => {', 'const isMuslFromFilesystem', QUESTIONS);
  replace('const isMuslFromReport = () => {', 'const isMuslFromChildProcess', REPORT);
  fs.writeFileSync(file, text);
}
