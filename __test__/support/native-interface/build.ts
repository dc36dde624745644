import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, compileRust, nodeHeaders } from '../../../examples/native-events/build.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Why an addon can't be built here, by its language. */
export const missing: { readonly c: string | undefined; readonly rust: string | undefined } = {
  c: noCompiler(),
  rust: noRust(),
};

function noRust(): string | undefined {
  // scripts/platforms: cargo would build for the machine around this one.
  if (process.env['NARROWCAST_PREBUILT'] === '1') return 'cargo builds for another platform than this';
  if (process.platform === 'win32') return noCompiler();
  return spawnSync('cargo', ['--version']).error && 'there is no cargo';
}

function noCompiler(): string | undefined {
  if (process.platform === 'win32') return 'build.mjs calls cc, which Windows has not';
  if (spawnSync(process.env['CC'] ?? 'cc', ['--version']).error) return 'there is no C compiler';
  try {
    nodeHeaders();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Builds an addon, if its source changed, and returns its file; those of the example go where its main.mjs is copied to. */
export function buildAddon(source: string): string {
  const from = path.join(root, source);
  const folder = path.join(root, 'target', 'native-events');
  if (fs.statSync(from).isDirectory()) {
    const target = path.join(folder, 'run', 'build', 'sender-rust.node');
    compileRust(target);
    return target;
  }
  const target = source.startsWith('examples')
    ? path.join(folder, 'run', 'build', 'sender-c.node')
    : path.join(folder, 'probe.node');
  const newest = Math.max(...[from, path.join(root, 'include/narrowcast.h')].map((file) => fs.statSync(file).mtimeMs));
  if ((fs.statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0) < newest) compile(from, target);
  return target;
}
