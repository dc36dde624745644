// A process that holds the meeting, on plain rtc-node or with narrowcast; forked by remote-run.ts.
import { fileURLToPath } from 'node:url';
import type { Backend } from './backend.js';
import type { Client, FromRun, ToRun } from './messages.js';
import type { RunOptions } from './run.js';

// The process that started it is gone, and would have read the result.
process.on('disconnect', () => process.exit(1));
process.on('uncaughtException', (error) => fail(error));

const stopping = new AbortController();
let proceed!: (at: number) => void;
const ready = new Promise<number>((resolve) => (proceed = resolve));

process.on('message', (message: ToRun) => {
  if (message.kind === 'open') hold(message).catch(fail);
  else if (message.kind === 'hold') proceed(message.at);
  else stopping.abort();
});

async function hold({ options, client }: ToRun & { kind: 'open' }): Promise<void> {
  // Not before, so that a module that does not load is told, too.
  const { MeetingRun } = await import('./run.js');
  const { RoomRun } = await import('./agents/room-run.js');
  const { Interruption } = await import('../shared/interruption.js');
  const { gather } = await import('./participants.js');

  const interruption = new Interruption();
  void interruption.happened.then((status) => {
    stopping.abort();
    send({ kind: 'interrupted', status });
  });

  const participants = await gather(options);
  const sampled = () =>
    send({ kind: 'progress', progress: { frames: run.frames, reading: run.reading(), voice: run.voice() } });
  const stopWith = (each: { stop(): void }) => {
    stopping.signal.addEventListener('abort', () => each.stop());
    if (stopping.signal.aborted) each.stop();
  };
  let run: InstanceType<typeof MeetingRun | typeof RoomRun>;
  if (options.agents) {
    const room = (run = new RoomRun(options, options.agents, sampled));
    stopWith(room);
    await room.open(participants, client, {
      job: fileURLToPath(new URL('agent-job.cjs', import.meta.url)),
      register: new URL('../livekit/register.js', import.meta.url).href,
    });
  } else {
    const meeting = (run = new MeetingRun(options, await backendFor(options, client), { sampled }));
    stopWith(meeting);
    await meeting.open(participants);
  }
  send({ kind: 'opened' });
  const at = await ready;
  end({ kind: 'result', result: await run.hold(participants, at) });
}

async function backendFor({ sampleRate, frameMs, stall, agent }: RunOptions, client: Client): Promise<Backend> {
  const { paceFor } = await import('./tracks.js');
  const pace = paceFor(stall);
  if (client === 'rtc-node') {
    const { RtcNodeBackend } = await import('./rtc-node-backend.js');
    return new RtcNodeBackend(sampleRate, frameMs, pace);
  }
  const { NarrowcastBackend } = await import('./narrowcast-backend.js');
  return new NarrowcastBackend(sampleRate, frameMs, pace, agent && { speechBufferMs: agent.speechBufferMs });
}

function send(message: FromRun): void {
  // The parent may be gone: then this process is about to end.
  process.send?.(message, () => {});
}

function fail(error: unknown): void {
  end({ kind: 'failed', reason: (error as Error | undefined)?.message ?? String(error) });
}

/** Says a last thing. rtc-node keeps a process alive that it is loaded in. */
function end(message: FromRun): void {
  process.send?.(message, () => process.exit(0));
}
