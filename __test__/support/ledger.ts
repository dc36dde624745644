import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * A copy of the package with the addon that records every handle the engine hands out; returns its folder. The loader's
 * own variable for this, NAPI_RS_NATIVE_LIBRARY_PATH, would replace LiveKit's addon, too.
 */
export function ledgerPackage(): string {
  const folder = path.join(root, 'target', 'ledger', 'package');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'index.cjs', 'dist']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const addon = fs.readdirSync(root).find((name) => name.startsWith('narrowcast.') && name.endsWith('.node'));
  fs.copyFileSync(path.join(root, 'target', 'ledger', 'narrowcast.node'), path.join(folder, addon!));
  return folder;
}
