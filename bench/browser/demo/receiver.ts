// The other end, in a frame of another site, and so in a process of its own: its memory is not the publishing page's.

import '../page/receiver.js';
import type { ReceiverCalls } from '../calls.js';

const { calls } = globalThis as unknown as { calls: ReceiverCalls };

addEventListener('message', async ({ data, ports: [port] }: MessageEvent<{ name: keyof ReceiverCalls; args: [] }>) => {
  port!.postMessage(await (calls[data.name] as (...args: unknown[]) => unknown)(...data.args));
});
parent.postMessage('ready', '*');
