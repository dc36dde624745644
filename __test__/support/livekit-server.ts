import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How a server on this machine is reached. */
export interface LivekitServer {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** The server's process. */
  readonly pid: number;
}

const program = fileURLToPath(new URL('../../scripts/livekit-server.mjs', import.meta.url));

/**
 * Starts a LiveKit server on loopback, on ports that are free; the first time, it is built. It ends with `stop`, and with
 * this process, in whatever way that ends.
 */
export async function startLivekitServer(): Promise<{ server: LivekitServer; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [program, '--json', '--with-stdin'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  const line = await Promise.race([
    createInterface(child.stdout)[Symbol.asyncIterator]().next(),
    ended.then((status) => {
      throw new Error(`the server did not start: status ${status}`);
    }),
  ]);
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { server: JSON.parse(line.value as string) as LivekitServer, stop };
}
