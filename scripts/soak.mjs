// `npm run soak -- --minutes M [--server] [--json FILE] [--assert-slope]`: brings the checkout up to date, then holds a
// meeting with narrowcast and one with plain rtc-node for M minutes, and says what each left behind: bench/soak/. With
// `--server` in rooms on a real LiveKit server.

import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureDist, ensureLedger, ensureNative, fail, root } from './setup.mjs';

const usage = '`npm run soak -- --minutes M [--server] [--json FILE] [--assert-slope]`';
/** Beyond this, what rtc-node keeps of the streams that are never read or forgotten fills Node's heap. */
const MOST_MINUTES = 30;

const { minutes, server, json, 'assert-slope': assertSlope } = options();
ensureNative();
ensureLedger();
ensureDist();

// A signal sent to npm alone ends the shell between npm and this process; the sides end with this one.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
}, 500).unref();

const { register } = await import('tsx/esm/api');
register();
const { soak } = await import(pathToFileURL(path.join(root, 'bench', 'soak', 'main.ts')).href);
try {
  process.exitCode = await soak({ minutes, server, json, assertSlope });
} catch (error) {
  fail(`soak: ${error.message}`);
}

function options() {
  const args = process.argv.slice(2);
  // `--minutes -1` is to be refused for its value, and not for what it looks like.
  const at = args.indexOf('--minutes');
  if (at !== -1 && at + 1 < args.length) args.splice(at, 2, `--minutes=${args[at + 1]}`);
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        minutes: { type: 'string', default: '10' },
        server: { type: 'boolean', default: false },
        json: { type: 'string' },
        'assert-slope': { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    fail(`soak: ${error.message.split('. ')[0]}: ${usage}.`, 2);
  }
  const minutes = /^\d+(\.\d+)?$/.test(values.minutes) ? Number(values.minutes) : NaN;
  if (!(minutes > 0 && minutes <= MOST_MINUTES)) {
    fail(`soak: --minutes is ${values.minutes}, and must be a number above 0, at most ${MOST_MINUTES}: ${usage}.`, 2);
  }
  if (values.json === '') fail(`soak: --json needs the name of a file: ${usage}.`, 2);
  return { ...values, minutes };
}
