import type { TestProject } from 'vitest/node';
import { startLivekitServer, type LivekitServer } from '../support/livekit-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    livekit: LivekitServer;
  }
}

/** One server for all files: each test has a room of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, stop } = await startLivekitServer();
  project.provide('livekit', server);
  return stop;
}
