import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { manifestOf } from '../../../manifest.js';
import { resolveFrom, resolveFromProgram } from '../../../resolve-from.js';
import { signedToken } from '../../record/access.js';
import { Failure } from '../../shared/failure.js';

/** What of it is on the command line. */
export interface AgentsFlags {
  /** A folder in which `@livekit/agents` is installed; true: this one, or where narrowcast is. */
  readonly agents: string | true;
  readonly url?: string | undefined;
}

/** Where an agent's meeting is held with jobs of `@livekit/agents`. */
export interface AgentsPart {
  /** The file of agents' CommonJS module. */
  readonly module: string;
  readonly version: string;
  /** The LiveKit server. */
  readonly url: string;
  readonly key: string;
  readonly secret: string;
}

/** What `livekit-server --dev` listens to, and its keys. */
const DEV = { url: 'ws://127.0.0.1:7880', key: 'devkey', secret: 'secret' } as const;

/** How long the server may take to answer, in ms. */
const ANSWER_MS = 5000;

/**
 * The agents and the server that were asked for, once the server has said that it takes the keys. The server is never taken from
 * LIVEKIT_URL: workers of the user's own may be waiting for rooms there.
 *
 * @throws {Failure} agents is not installed, the server does not answer, or refuses the keys
 */
export async function findAgents({ agents, url = DEV.url }: AgentsFlags, env: NodeJS.ProcessEnv): Promise<AgentsPart> {
  const name = '@livekit/agents';
  const module =
    agents === true ? resolveFromProgram(name)[0] : resolveFrom(pathToFileURL(join(resolve(agents), '_')), name);
  if (module === undefined) {
    const where = agents === true ? 'this folder' : agents;
    throw new Failure(`--agents needs ${name} in ${where}: npm install ${name} @livekit/rtc-node (290 MB)`);
  }
  if (!/^(wss?|https?):\/\/[^/]/.test(url)) throw new Failure(`--url is ${url}, and must begin with ws:// or wss://`);
  const { LIVEKIT_API_KEY: key = DEV.key, LIVEKIT_API_SECRET: secret = DEV.secret } = env;
  const part = { module, version: manifestOf(module, name)?.version ?? 'unknown', url, key, secret };
  const token = signedToken(part, 'narrowcast', { video: { room: 'narrowcast', roomJoin: true } });
  const asked = new URL('rtc/validate', `${url.replace(/^ws/, 'http').replace(/\/*$/, '')}/`);
  let status: number;
  try {
    const headers = { authorization: `Bearer ${token}` };
    ({ status } = await fetch(asked, { headers, signal: AbortSignal.timeout(ANSWER_MS) }));
  } catch {
    throw new Failure(
      `--agents needs a LiveKit server, and none answers at ${url}: start one on this machine with livekit-server --dev ` +
        '(see https://docs.livekit.io/home/self-hosting/local), or give another with --url',
    );
  }
  if (status === 401 || status === 403) {
    throw new Failure(
      `the LiveKit server at ${url} refuses the keys: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to its own`,
    );
  }
  if (status !== 200) throw new Failure(`what answers at ${url} is no LiveKit server: it has status ${status}`);
  return part;
}
