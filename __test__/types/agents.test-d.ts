// What a user's compiler sees of narrowcast/agents. Never run: `tsc` is the test. @livekit/agents is no dependency of the
// checkout, so its classes are declared here as it declares them.
import { createVad, type AgentsModule, type Vad, type VadOptions } from 'narrowcast/agents';
import { same, takes } from './support.js';

declare enum VADEventType {
  START_OF_SPEECH = 0,
  INFERENCE_DONE = 1,
  END_OF_SPEECH = 2,
  METRICS_COLLECTED = 3,
}
declare abstract class VAD {
  abstract label: string;
  constructor(capabilities: { updateInterval: number });
  abstract stream(): VADStream;
}
declare abstract class VADStream {
  protected closed: boolean;
  constructor(vad: VAD);
}
const agents = { VAD, VADStream, VADEventType, voice: {} };

takes<AgentsModule>(agents);
const vad = createVad(agents);
createVad(agents, { minSilenceDuration: 400, activationThreshold: 0.7 });
// It goes where a VAD of agents goes.
takes<VAD>(vad);
same<ReturnType<typeof vad.stream>, VADStream>();
same<typeof vad, Vad<typeof agents>>();
vad.updateOptions({ minSpeechDuration: 100 });
takes<VadOptions>({ prefixPaddingDuration: 300, maxBufferedSpeech: 30_000, deactivationThreshold: 0.5 });
// @ts-expect-error no such option
createVad(agents, { threshold: 0.5 });
// @ts-expect-error not the module
createVad('@livekit/agents');
