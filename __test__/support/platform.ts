import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Windows has no signals: there `kill()` ends another process at once, and a crash has a status. */
export const noSignals = process.platform === 'win32';

/** Set where LiveKit has no engine, as on musl: scripts/platforms. */
export const noEngine = process.env['NARROWCAST_NO_ENGINE'] === '1';

/** Wine 10 makes no links between folders. */
export const noLinks = ((): boolean => {
  if (process.platform !== 'win32') return false;
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-link-'));
  try {
    symlinkSync(folder, join(folder, 'link'), 'junction');
    return false;
  } catch {
    return true;
  } finally {
    rmSync(folder, { recursive: true });
  }
})();
