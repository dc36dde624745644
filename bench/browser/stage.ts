import { fileURLToPath } from 'node:url';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import type { ReceiverCalls, Remote, SenderCalls } from './calls.js';
import { launch, privateMb } from './chromium.js';

/** A browser with a page that sends and one that receives, each in a process of its own. */
export class Stage {
  #senderPid: Promise<number | undefined> | undefined;

  private constructor(
    readonly browser: Browser,
    readonly sender: Remote<SenderCalls>,
    readonly receiver: Remote<ReceiverCalls>,
    private readonly session: CDPSession,
  ) {}

  static async open(chromium: string): Promise<Stage> {
    const browser = await launch(chromium);
    try {
      const receiver = await openPage(browser, pageScript('receiver.ts'));
      const receiverCalls = callsOf<ReceiverCalls>(receiver);
      const sender = await openPage(browser, pageScript('sender.ts'), (page) =>
        page.exposeFunction('relayOffer', (sdp: string) => receiverCalls.answer(sdp)),
      );
      const senderCalls = callsOf<SenderCalls>(sender);
      const session = await sender.context().newCDPSession(sender);
      return new Stage(browser, senderCalls, receiverCalls, session);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Private memory of the sending page's process without its garbage, in MB; undefined where it is not told. */
  async memory(): Promise<number | undefined> {
    // Not before it is asked for: it needs 100 MB, and a system that tells memory.
    const pid = await (this.#senderPid ??= pidOf(this.browser, this.sender));
    if (pid === undefined) return undefined;
    await this.session.send('HeapProfiler.collectGarbage');
    return privateMb(pid);
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

/** One of `page/`. */
export const pageScript = (name: string): URL => new URL(`page/${name}`, import.meta.url);

/** A page with this script, in a context of its own, and so in a process of its own. */
export async function openPage(
  browser: Browser,
  script: URL,
  prepare: (page: Page) => Promise<unknown> = async () => {},
  client?: string,
): Promise<Page> {
  // Only a page that may use a camera is told of all network interfaces, and so of the loopback.
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  await context.route('http://127.0.0.1/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  // For participants that encrypt. By name: it is not a part of the page's script.
  const worker = () => fileURLToPath(import.meta.resolve(`${client ?? 'livekit-client'}/e2ee-worker`));
  await context.route('http://127.0.0.1/e2ee-worker.mjs', (route) => route.fulfill({ path: worker() }));
  await page.goto('http://127.0.0.1/');
  page.on('pageerror', (error) => process.stderr.write(`${script.pathname}: ${error.stack ?? error.message}\n`));
  await prepare(page);
  await page.addScriptTag({ content: await bundled(script, client), type: 'module' });
  await page.waitForFunction('globalThis.calls');
  return page;
}

/** Calls a page's functions by their names. */
export function callsOf<Calls>(page: Page): Remote<Calls> {
  return new Proxy(
    {},
    {
      get: (_, name: string) => {
        if (name === 'then') return undefined; // it is no promise
        return (...args: unknown[]) =>
          page.evaluate(
            ([name, args]) => {
              const { calls } = globalThis as unknown as { calls: Record<string, (...args: unknown[]) => unknown> };
              return calls[name as string]!(...(args as unknown[]));
            },
            [name, args] as const,
          );
      },
    },
  ) as Remote<Calls>;
}

/** A page's script with all that it imports; `client` in place of livekit-client. */
export async function bundled(script: URL, client?: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(script),
    platform: 'browser',
    resolve: {
      alias: {
        // As its source is now.
        'narrowcast/webrtc': fileURLToPath(new URL('../../src/webrtc/index.ts', import.meta.url)),
        ...(client && { 'livekit-client': client }),
      },
    },
  });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  return output[0].code;
}

/**
 * Of the processes that render pages, the one of a page: nothing tells which it is, but that it grows when the page does.
 * Undefined where the system doesn't tell memory.
 */
export async function pidOf(browser: Browser, page: Pick<Remote<SenderCalls>, 'grow'>): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const before = pids.map((pid) => privateMb(pid));
  const mb = 100;
  await page.grow(mb);
  const grown = pids.filter((pid, i) => privateMb(pid) - before[i]! > mb * 0.9);
  await page.grow(0);
  if (grown.length !== 1) throw new Error("the sending page's process was not found among the browser's");
  return grown[0];
}
