import { fileURLToPath } from 'node:url';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { launch, privateMb } from './chromium.js';
import type { calls as receiverCalls } from './page/receiver.js';
import type { calls as senderCalls } from './page/sender.js';

type Calls<Of> = {
  [Name in keyof Of]: Of[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** A browser with a page that sends and one that receives, each in a process of its own. */
export class Stage {
  private constructor(
    readonly browser: Browser,
    readonly sender: Calls<typeof senderCalls>,
    readonly receiver: Calls<typeof receiverCalls>,
    readonly senderPid: number,
    private readonly session: CDPSession,
  ) {}

  static async open(chromium: string): Promise<Stage> {
    const browser = await launch(chromium);
    try {
      const receiver = await openPage(browser, 'receiver.ts');
      const receiverCalls = callsOf<Calls<typeof import('./page/receiver.js').calls>>(receiver);
      const sender = await openPage(browser, 'sender.ts', (page) =>
        page.exposeFunction('relayOffer', (sdp: string) => receiverCalls.answer(sdp)),
      );
      const senderCalls = callsOf<Calls<typeof import('./page/sender.js').calls>>(sender);
      const pid = await pidOf(browser, (ms) => senderCalls.burn(ms));
      const session = await sender.context().newCDPSession(sender);
      return new Stage(browser, senderCalls, receiverCalls, pid, session);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Private memory of the sending page's process without its garbage, in MB. */
  async memory(): Promise<number | undefined> {
    await this.session.send('HeapProfiler.collectGarbage');
    return privateMb(this.senderPid);
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

/** A page with this script, in a context of its own, and so in a process of its own. */
async function openPage(
  browser: Browser,
  script: string,
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<Page> {
  // Only a page that may use a camera is told of all network interfaces, and so of the loopback.
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  await context.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto('http://127.0.0.1/');
  page.on('pageerror', (error) => process.stderr.write(`${script}: ${error.stack ?? error.message}\n`));
  await prepare(page);
  await page.addScriptTag({ content: await bundled(`page/${script}`), type: 'module' });
  await page.waitForFunction('globalThis.calls');
  return page;
}

/** Calls a page's functions by their names. */
function callsOf<C>(page: Page): C {
  return new Proxy(
    {},
    {
      get:
        (_, name: string) =>
        (...args: unknown[]) =>
          page.evaluate(([name, args]) => {
            const { calls } = globalThis as unknown as { calls: Record<string, (...args: unknown[]) => unknown> };
            return calls[name as string]!(...(args as unknown[]));
          }, [name, args] as const),
    },
  ) as C;
}

/** A page's script with all that it imports. */
async function bundled(file: string): Promise<string> {
  const bundle = await rolldown({ input: fileURLToPath(new URL(file, import.meta.url)), platform: 'browser' });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  return output[0].code;
}

/** Of the processes that render pages, the one that is busy during `burn`: nothing else tells which is a page's. */
async function pidOf(browser: Browser, burn: (ms: number) => Promise<void>): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const times = async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return new Map(processInfo.flatMap(({ type, id, cpuTime }) => (type === 'renderer' ? [[id, cpuTime]] : [])));
  };
  // Others are busy, too, while they start.
  for (let ms = 200; ms < 10_000; ms *= 2) {
    const before = await times();
    await burn(ms);
    const busy = [...(await times())].filter(([id, time]) => (time - (before.get(id) ?? 0)) * 1000 > ms / 4);
    if (busy.length !== 1) continue;
    await session.detach();
    return busy[0]![0];
  }
  throw new Error("the sending page's process was not found among the browser's");
}
