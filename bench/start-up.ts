// What the flag costs a program that has just started, in resident memory, on each Node that narrowcast is for.
// `npm run bench -- start-up`; `--node 22,24` for some. Peer: the same program without the flag.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runtime } from '../__test__/install/runtimes.js';
import { bench, median, row } from './support/harness.js';

const ROUNDS = 5;
const NODES = ['20', '22', '24', '26'] as const;
/** Most that the flag may add to a program that imports rtc-node, in MB. */
const AIM = { '20': 12, '22': 8, '24': 8, '26': 8 };

const program = fileURLToPath(new URL('support/start-up-side.mjs', import.meta.url));
const cwd = fileURLToPath(new URL('..', import.meta.url));
const FLAG = ['--import', 'narrowcast/livekit/register'];
const REQUIRED = ['--require', 'narrowcast/livekit/register'];

/** Case of the program, its flag, and what it is. */
const CASES = [
  ['no-livekit', FLAG, 'loads nothing of LiveKit'],
  ['import', FLAG, 'imports rtc-node, and nothing more'],
  ['track', FLAG, 'has made an AudioSource and a track of it: the engine is at work'],
  ['worker', REQUIRED, 'imports rtc-node and starts a thread that does nothing; the flag is --require'],
] as const;

async function resident(node: string, flag: readonly string[], name: string): Promise<number> {
  const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(node, [...flag, program, name], { cwd, env });
  return Number(stdout) / 1e6;
}

await bench(
  'start-up',
  async (add, given) => {
    const wanted = given.node?.split(',') ?? NODES;
    for (const version of NODES.filter((each) => wanted.includes(each))) {
      const node = runtime(`node-${version}`);
      for (const [name, flag, note] of CASES) {
        const [plain, ours]: [number[], number[]] = [[], []];
        for (let round = 0; round < ROUNDS; round++) {
          // At once: what the machine does meanwhile, it does to both.
          const pair = await Promise.all([resident(node, [], name), resident(node, flag, name)]);
          plain.push(pair[0]);
          ours.push(pair[1]);
        }
        const more = (median(ours) - median(plain)).toFixed(1);
        const aim = name === 'import' ? `, at most ${AIM[version]} wanted` : '';
        add(row(`start-up/node-${version}/${name}`, 'MB', ours, plain, `${more} MB more${aim}; the program ${note}`));
      }
    }
  },
  ['node'],
);
