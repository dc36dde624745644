// The process that holds the meeting on plain rtc-node; forked by remote-half.ts.
import type { FromPeer, ToPeer } from './peer-messages.js';

// Whoever started it is gone, and with it whoever would read the result.
process.on('disconnect', () => process.exit(1));
process.on('uncaughtException', (error) => fail(error));

const stopping = new AbortController();
let proceed!: (at: number) => void;
const ready = new Promise<number>((resolve) => (proceed = resolve));

process.on('message', (message: ToPeer) => {
  if (message.kind === 'open') hold(message).catch(fail);
  else if (message.kind === 'hold') proceed(message.at);
  else stopping.abort();
});

async function hold({ options }: ToPeer & { kind: 'open' }): Promise<void> {
  // Not before, so that a module that does not load is told, too.
  const { Half } = await import('./half.js');
  const { Interruption } = await import('./interruption.js');
  const { gather } = await import('./participants.js');
  const { Peer } = await import('./peer.js');
  const { paceFor } = await import('./tracks.js');

  const interruption = new Interruption();
  void interruption.happened.then((status) => {
    stopping.abort();
    send({ kind: 'interrupted', status });
  });

  const participants = await gather(options);
  const sampled = () => send({ kind: 'progress', progress: { frames: half.frames, reading: half.reading() } });
  const half = new Half(options, new Peer(options.sampleRate, options.frameMs, paceFor(options.stall)), { sampled });
  stopping.signal.addEventListener('abort', () => half.stop());
  if (stopping.signal.aborted) half.stop();
  await half.open(participants);
  send({ kind: 'opened' });
  const at = await ready;
  end({ kind: 'result', result: await half.hold(participants, at) });
}

function send(message: FromPeer): void {
  // Nobody may be there any more: then this process is about to end.
  process.send?.(message, () => {});
}

function fail(error: unknown): void {
  end({ kind: 'failed', reason: (error as Error | undefined)?.message ?? String(error) });
}

/** Says a last thing. rtc-node keeps a process alive that it is loaded in. */
function end(message: FromPeer): void {
  process.send?.(message, () => process.exit(0));
}
