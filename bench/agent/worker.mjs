// An agents worker, whose jobs are those of job.mjs. Under `narrowcast/livekit/register`, or not: the jobs inherit it.

import path from 'node:path';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';

initializeLogger({ pretty: false, level: 'error' });
const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, AGENT_NAME } = process.env;
const server = new AgentServer(
  new ServerOptions({
    agent: path.resolve('job.mjs'),
    agentName: AGENT_NAME,
    wsURL: LIVEKIT_URL,
    apiKey: LIVEKIT_API_KEY,
    apiSecret: LIVEKIT_API_SECRET,
    // Its health check: on loopback, on any port.
    host: '127.0.0.1',
    port: 0,
    numIdleProcesses: 1,
    initializeProcessTimeout: 120_000,
    // It is never too busy: the other side's job takes the machine, too.
    loadFunc: async () => 0,
  }),
);
server.event.once('worker_registered', () => console.log('REGISTERED'));
const stop = async () => {
  await server.close();
  process.exit(0);
};
process.once('SIGTERM', stop);
// With the process that started it, in whatever way that ends.
process.stdin.once('end', stop).resume();
await server.run();
