// Builds dist, by tsdown.config.ts, and has the ES modules share the types of the CommonJS build. Not by tsdown's command,
// which says on every run that a later version of it will want a newer Node.

import fs from 'node:fs';
import path from 'node:path';
import { build } from 'tsdown';
import { root } from './setup.mjs';

await build({ cwd: root, logLevel: 'warn' });

// Both builds export the same, so one text of the types is enough. But rtc-node has types of its own for each format, and
// they don't fit one another: what names them is copied, and means those of its own format.
for (const name of ['index', 'livekit/index', 'webrtc/index']) {
  const types = path.join(root, 'dist', `${name}.d.cts`);
  const text = fs.readFileSync(types, 'utf8');
  const shared = "export * from './index.cjs';\n";
  fs.writeFileSync(types.replace(/cts$/, 'ts'), /from "@livekit\//.test(text) ? text : shared);
}
