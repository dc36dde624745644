// The VAD that `@livekit/agents` starts by default: Silero's model, run by a native addon of LiveKit's. From the installation that
// `npm run bench -- agent` has.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { agentProject } from './agent-jobs.js';
import type { Silero } from './silero.js';

interface LocalInference {
  createVad(): { predict(pcm: Int16Array): Promise<number>; reset(): void };
}

export function agentsVad(): Silero {
  const agents = fs.realpathSync(path.join(agentProject(), 'node_modules', '@livekit', 'agents', 'package.json'));
  const { createVad } = createRequire(agents)('@livekit/local-inference') as LocalInference;
  const vad = createVad();
  return {
    // It takes the whole buffer of an array.
    predict: (window) => vad.predict(window.slice()),
    reset: () => vad.reset(),
  };
}
