import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the addon has in the test build only. */
export interface Ledger {
  /** The handles that the engine gave out and still knows. Asking drops them. */
  ledgerProbe(): { recorded: number; left: bigint[]; streams: bigint[] };
  /** How many of these handles the engine still knows. Asking drops them. */
  ledgerProbeHandles(handles: readonly bigint[]): number;
}

/**
 * A copy of the package with the addon that notes every handle the engine hands out; returns its folder. The loader's
 * own variable for this, NAPI_RS_NATIVE_LIBRARY_PATH, would replace LiveKit's addon, too.
 *
 * @param user names the folder: two that run at the same time need one each
 */
export function ledgerPackage(user: string): string {
  const folder = path.join(root, 'target', 'ledger', `package-${user}`);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'index.cjs', 'dist']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const addon = fs.readdirSync(root).find((name) => name.startsWith('narrowcast.') && name.endsWith('.node'));
  fs.copyFileSync(path.join(root, 'target', 'ledger', 'narrowcast.node'), path.join(folder, addon!));
  return folder;
}
