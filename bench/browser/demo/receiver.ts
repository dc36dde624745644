// The other end, in a frame of another site, and so in a process of its own: its memory is not the publishing page's.

import type { ReceiverCalls } from '../calls.js';
import { calls } from '../page/receiver.js';

addEventListener('message', async ({ data, ports: [port] }: MessageEvent<{ name: keyof ReceiverCalls; args: [] }>) => {
  try {
    port!.postMessage({ result: await (calls[data.name] as (...args: unknown[]) => unknown)(...data.args) });
  } catch (error) {
    port!.postMessage({ error: String(error) });
  }
});
parent.postMessage('ready', '*');
