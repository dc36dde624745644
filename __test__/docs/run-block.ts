import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { root, type CodeBlock } from './code-blocks.js';

/** What makes the names that a guide's code takes as given, and `afterwards`, which ends them; if it takes any. */
const given = (guide: string) => path.join(root, '__test__', 'docs', 'given', `${guide}.mjs`);

/** Starts a document's code as a program of its own, as a user would who has copied it. */
export function startBlock({ guide, number, code }: CodeBlock, env: NodeJS.ProcessEnv = {}): ChildProcess {
  // Below the checkout, where `narrowcast` is what was built.
  const folder = path.join(root, 'target', 'code-blocks');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${guide}-${number}.mjs`);
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  fs.writeFileSync(file, `${outputText}\nglobalThis.afterwards?.();\n`);
  const before = fs.existsSync(given(guide)) ? ['--import', pathToFileURL(given(guide)).href] : [];
  return spawn(process.execPath, [...before, file], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', ...env }, // rtc-node logs less
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a document's code to its end. */
export async function runBlock(block: CodeBlock): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = startBlock(block);
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (data) => (stdout += data));
  child.stderr!.on('data', (data) => (stderr += data));
  const limit = setTimeout(() => child.kill('SIGKILL'), 100_000);
  const status = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  clearTimeout(limit);
  return { status, stdout, stderr };
}
