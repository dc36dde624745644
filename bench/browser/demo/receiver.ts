// The other end, in a frame of another site, and so in a process of its own: its memory is not the publishing page's.

import type { ReceiverCalls } from '../calls.js';
import { calls } from '../page/receiver.js';

addEventListener('message', async ({ data, ports: [port] }: MessageEvent<{ name: keyof ReceiverCalls; args: [] }>) => {
  port!.postMessage(await (calls[data.name] as (...args: unknown[]) => unknown)(...data.args));
});
parent.postMessage('ready', '*');
