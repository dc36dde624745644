// One worker: takes as many rooms as it may, each in a process of its own, which it forks with its own options. So it is
// enough to start this one with narrowcast:
//
//   node --import narrowcast/livekit/register worker.mjs
//
// LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET say where; ROOMS how many at a time (5).
import { fileURLToPath } from 'node:url';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';

const rooms = Number(process.env['ROOMS'] ?? 5);
/** How long a process may take to start, in ms. */
const STARTING_MS = 120_000;
/** Jobs that were accepted, and have no process yet. */
const starting = new Set();

initializeLogger({ pretty: false, level: process.env['LOG_LEVEL'] ?? 'error' });
const server = new AgentServer(
  new ServerOptions({
    agent: fileURLToPath(new URL('agent.mjs', import.meta.url)),
    agentName: 'level-meter',
    wsURL: process.env['LIVEKIT_URL'],
    apiKey: process.env['LIVEKIT_API_KEY'],
    apiSecret: process.env['LIVEKIT_API_SECRET'],
    // Its health check: left to itself it would listen on all interfaces.
    host: '127.0.0.1',
    // By rooms, and not by how busy the machine is, so that it is known beforehand what happens in a demonstration.
    loadFunc: async ({ activeJobs }) => Math.min(1, activeJobs.length / rooms),
    // One that is rejected is offered to another worker.
    requestFunc: async (job) => {
      const active = server.activeJobs.map(({ job: { id } }) => id);
      for (const id of active) starting.delete(id);
      if (active.length + starting.size >= rooms) return job.reject();
      starting.add(job.id);
      setTimeout(() => starting.delete(job.id), STARTING_MS).unref();
      await job.accept();
    },
    initializeProcessTimeout: STARTING_MS,
  }),
);
server.event.once('worker_registered', () => console.log(JSON.stringify({ registered: true })));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await server.close();
    process.exit(0);
  });
}
await server.run();
