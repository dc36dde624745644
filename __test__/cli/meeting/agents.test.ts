import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { findAgents } from '../../../src/cli/meeting/agents/find.js';
import { JobLink } from '../../../src/cli/meeting/agents/job-link.js';
import { narrowcast, scratch } from '../command.js';

vi.setConfig({ testTimeout: 60_000 });

const closers: (() => unknown)[] = [];
afterEach(() => void closers.splice(0).forEach((close) => close()));

/** A folder in which agents is installed. */
function withAgents(): string {
  const folder = scratch();
  const agents = join(folder, 'node_modules', '@livekit', 'agents');
  mkdirSync(agents, { recursive: true });
  writeFileSync(join(agents, 'package.json'), '{"name":"@livekit/agents","version":"1.9.0","main":"index.cjs"}');
  writeFileSync(join(agents, 'index.cjs'), '');
  return folder;
}

/** The URL of a server on loopback. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port at which nothing listens. */
async function nowhere(): Promise<string> {
  const url = await serve(() => {});
  closers.splice(0).forEach((close) => close());
  return url;
}

test('--agents: not installed in the folder is one line, which says what to install', async () => {
  const { status, stdout, stderr } = await narrowcast(['meeting', '--agents', '.']);

  expect(stderr).toMatch(/^narrowcast: --agents needs @livekit\/agents in \.: npm install @livekit\/agents [^\n]+\n$/);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

test('--agents: no server is one line, which says how to start one', async () => {
  const url = await nowhere();
  const { status, stdout, stderr } = await narrowcast(['meeting', '--agents', withAgents(), '--url', url]);

  expect(stderr).toMatch(
    /^narrowcast: --agents needs a LiveKit server, and none answers at [^\n]+livekit-server --dev[^\n]+\n$/,
  );
  expect(stderr).toContain(url);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

test.each([
  { what: 'other keys', status: 401, says: /refuses the keys: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET/ },
  { what: 'something else', status: 404, says: /is no LiveKit server: it has status 404/ },
])('findAgents: a server with $what is told from one that is not there', async ({ status, says }) => {
  const url = await serve((_, answer) => answer.writeHead(status).end());

  await expect(findAgents({ agents: withAgents(), url }, {})).rejects.toThrow(says);
});

test('findAgents: a URL of another kind is refused before it is asked', async () => {
  await expect(findAgents({ agents: withAgents(), url: 'localhost:7880' }, {})).rejects.toThrow(
    '--url is localhost:7880, and must begin with ws:// or wss://',
  );
});

test('findAgents: the server is asked with the keys of the environment, or those of livekit-server --dev', async () => {
  const asked: { url: string | undefined; key: unknown }[] = [];
  const url = await serve(({ url, headers: { authorization } }, answer) => {
    const [, payload] = authorization!.replace('Bearer ', '').split('.');
    asked.push({ url, key: (JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { iss: string }).iss });
    answer.end('success');
  });
  const agents = withAgents();

  expect(await findAgents({ agents, url }, {})).toEqual({
    module: join(agents, 'node_modules', '@livekit', 'agents', 'index.cjs'),
    version: '1.9.0',
    url,
    key: 'devkey',
    secret: 'secret',
  });
  // Workers of the user's own may wait for rooms at the server of the environment.
  const env = { LIVEKIT_API_KEY: 'mine', LIVEKIT_API_SECRET: 'its secret', LIVEKIT_URL: 'wss://production.example' };
  expect(await findAgents({ agents, url }, env)).toMatchObject({ url, key: 'mine', secret: 'its secret' });
  expect(asked).toEqual(['devkey', 'mine'].map((key) => ({ url: '/rtc/validate', key })));
});

test('JobLink: a message that came early is there, and a job that ends or fails rejects what waits for it', async () => {
  const progress: number[] = [];
  const link = async () => {
    const each = new JobLink(({ frames }) => progress.push(frames));
    const job = connect(await each.listen(), '127.0.0.1');
    closers.push(() => (job.destroy(), each.close()));
    const tell = (message: object) => job.write(`${JSON.stringify(message)}\n`);
    return { each, job, tell };
  };
  const first = await link();
  first.tell({ kind: 'progress', frames: 7 });
  first.tell({ kind: 'ready', client: 'narrowcast' });
  expect(await first.each.until('ready')).toEqual({ kind: 'ready', client: 'narrowcast' });
  expect(progress).toEqual([7]);
  const result = first.each.until('result');
  first.job.end();
  await expect(result).rejects.toThrow('the job of @livekit/agents ended');
  await expect(first.each.until('result')).rejects.toThrow('ended');

  const second = await link();
  second.tell({ kind: 'failed', reason: 'it does not hear' });
  await expect(second.each.until('ready')).rejects.toThrow('it does not hear');
});
