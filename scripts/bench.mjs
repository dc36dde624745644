// `npm run bench -- NAME [--json FILE]`: brings the checkout up to date, then runs bench/NAME.ts.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ensureDist, ensureLedger, ensureNative, fail, root } from './setup.mjs';

const [name, ...args] = process.argv.slice(2);
const names = fs
  .readdirSync(path.join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file, '.ts'));
if (!names.includes(name))
  fail(`bench: \`npm run bench -- NAME [--json FILE]\`; NAME is one of ${names.join(', ')}.`, 2);

ensureLedger();
ensureNative();
ensureDist();
// For Firefox in `transceivers`; Node 22 and newer have it anyway.
const webSocket = 'WebSocket' in globalThis ? [] : ['--experimental-websocket'];
const { status } = spawnSync(
  process.execPath,
  ['--expose-gc', ...webSocket, '--import', 'tsx', path.join(root, 'bench', `${name}.ts`), ...args],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
