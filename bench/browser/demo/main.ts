// Publishes and unpublishes in a loop, and draws what it costs: transceivers, the session description, memory.

import uPlot from 'uplot';
import { SCREEN_SHARE, type ReceiverCalls, type Remote } from '../calls.js';
import { sharedScreen } from '../page/media.js';
import { calls as sender } from '../page/sender.js';

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text: string) => void (element('state').textContent = text);

// ── the other end ────────────────────────────────────────────────────────────────────────────────────────────────────

const frame = document.createElement('iframe');
frame.src = `http://localhost:${location.port}/receiver.html`;
const ready = new Promise((resolve) => addEventListener('message', resolve, { once: true }));
document.body.append(frame);
const receiver = new Proxy({} as Remote<ReceiverCalls>, {
  get:
    (_, name: string) =>
    (...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const { port1, port2 } = new MessageChannel();
        port1.addEventListener(
          'message',
          ({ data }: MessageEvent<{ result?: unknown; error?: string }>) => {
            if (data.error === undefined) resolve(data.result);
            else reject(new Error(`the receiver: ${data.error}`));
            port1.close();
          },
          { once: true },
        );
        port1.start();
        frame.contentWindow!.postMessage({ name, args }, '*', [port2]);
      }),
});
Object.assign(globalThis, { relayOffer: (sdp: string) => receiver.answer(sdp) });

// ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const memories = async (query = ''): Promise<Record<string, number>> => (await fetch(`memory${query}`)).json();

/** This page's process, as the server knows it: the one that grows when the page does. None where it can't tell. */
async function ownPid(): Promise<string | undefined> {
  const before = await memories();
  sender.grow(100);
  const after = await memories();
  sender.grow(0);
  return Object.keys(after).find((pid) => after[pid]! - (before[pid] ?? Infinity) > 90);
}

// ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Way = 'pool' | 'plain';
const FIGURES = {
  memory: "Memory after unpublishing, over the page's at the start, MB",
  sdp: 'Session description, kB',
  transceivers: 'Transceivers',
} as const;
type Figure = keyof typeof FIGURES;

const values: Record<Figure, Record<Way, number[]>> = {
  memory: { pool: [], plain: [] },
  sdp: { pool: [], plain: [] },
  transceivers: { pool: [], plain: [] },
};
const charts = new Map<Figure, uPlot>();

function draw(): void {
  for (const figure of Object.keys(FIGURES) as Figure[]) {
    const { pool, plain } = values[figure];
    const publications = Array.from({ length: Math.max(pool.length, plain.length, 2) }, (_, i) => i + 1);
    const filled = (line: number[]) => publications.map((_, i) => line[i] ?? null);
    const data: uPlot.AlignedData = [publications, filled(pool), filled(plain)];
    const chart = charts.get(figure);
    if (chart) {
      chart.setData(data);
      continue;
    }
    const place = document.createElement('div');
    element('charts').append(place);
    const axis = { stroke: 'currentColor', grid: { stroke: '#8884' }, ticks: { stroke: '#8884' } };
    const line = (label: string, stroke: string) => ({ label, stroke, width: 2, points: { show: true } });
    const options: uPlot.Options = {
      title: FIGURES[figure],
      width: Math.min(900, document.body.clientWidth),
      height: 220,
      scales: { x: { time: false }, y: { range: (_u, _low, high) => [0, Math.max(1, high * 1.1)] } },
      axes: [{ ...axis, incrs: [1, 2, 5, 10, 20] }, axis],
      series: [{ label: 'Publication' }, line('with the pool', '#2a78d6'), line('without', '#d6452a')],
    };
    charts.set(figure, new uPlot(options, data, place));
  }
}

// ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Until every layer has been encoded, or the machine is too slow for all of them. */
const FLOW_MS = 10_000;
/** Until something of one layer has arrived, or something is wrong. */
const STUCK_MS = 45_000;

async function flows(): Promise<void> {
  const begun = await sender.sent('video');
  const before = Object.values(await receiver.received());
  for (const start = performance.now(); ; await sleep(100)) {
    const ms = performance.now() - start;
    const layers = Object.entries(await sender.sent('video'));
    const flowing = layers.filter(([name, { frames }]) => frames > (begun[name]?.frames ?? 0));
    const arrived = Object.values(await receiver.received()).some((count, i) => count > (before[i] ?? 0));
    if (arrived && flowing.length >= SCREEN_SHARE.layers.length) return;
    if (arrived && ms > FLOW_MS) return;
    if (ms > STUCK_MS) throw new Error(`nothing of a publication has arrived in ${STUCK_MS / 1000} s`);
  }
}

async function run(way: Way, pid: string | undefined): Promise<void> {
  for (const figure of Object.values(values)) figure[way] = [];
  await receiver.open();
  await sender.open({ ...SCREEN_SHARE, way });
  await sleep(500);
  const memory = async () => (pid === undefined ? undefined : (await memories(`?pid=${pid}`))[pid]);
  const start = await memory();
  const count = Number(element<HTMLInputElement>('cycles').value);
  for (let i = 1; i <= count; i++) {
    say(`${way === 'pool' ? 'With the pool' : 'Without'}: publication ${i} of ${count}`);
    await sender.publish('video');
    await flows();
    await sender.unpublish('video');
    await sleep(500);
    const { transceivers, sdpBytes } = sender.counts();
    const now = await memory();
    values.transceivers[way].push(transceivers);
    values.sdp[way].push(sdpBytes / 1000);
    if (now !== undefined && start !== undefined) values.memory[way].push(now - start);
    draw();
  }
  sender.close();
  await receiver.close();
}

async function start(ways: Way[]): Promise<void> {
  const buttons = document.querySelectorAll('button');
  for (const button of buttons) button.disabled = true;
  try {
    if (element<HTMLInputElement>('screen').checked) await sharedScreen();
    const pid = await ownPid();
    for (const way of ways) await run(way, pid);
    say(pid === undefined ? 'Done. Only on Linux is the memory of the page known.' : 'Done.');
  } catch (error) {
    say(`Failed: ${(error as Error).message}`);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

await ready;
draw();
element('pool').addEventListener('click', () => void start(['pool']));
element('plain').addEventListener('click', () => void start(['plain']));
element('both').addEventListener('click', () => void start(['pool', 'plain']));
