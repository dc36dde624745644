import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { renderReport, type ReportNotes } from '../../../src/cli/meeting/report.js';
import type { MeetingFigures, MeetingResult } from '../../../src/cli/meeting/result.js';
import { meetingFigures, participantResult, sideResult } from './figures.js';

const notes: ReportNotes = { early: false, at: new Date('2026-11-21T14:05:00Z'), missing: undefined };

const render = (change: Partial<MeetingFigures> = {}, more: Partial<ReportNotes> = {}) =>
  renderReport(meetingFigures(change), { ...notes, ...more });

/** Contents of the page's script elements. */
function scriptsOf(html: string): { attributes: string; text: string }[] {
  return [...html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)].map(([, attributes, text]) => ({
    attributes: attributes!,
    text: text!,
  }));
}

/** What the charts are drawn from. */
function dataOf(html: string): MeetingResult[] {
  const sides = JSON.parse(scriptsOf(html)[0]!.text) as { measured: MeetingResult }[];
  return sides.map(({ measured }) => measured);
}

/** The words of the page, without its scripts. */
const wordsOf = (html: string) =>
  html
    .replace(/<(script|style)[^]*?<\/\1>/g, ' ')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

test('both sides are in it, over time and in words', () => {
  const html = render();
  const [ours, peer] = dataOf(html);

  expect(ours!.samples).toEqual(sideResult().samples);
  expect(peer?.samples).toEqual(sideResult().samples);
  const words = wordsOf(html);
  expect(words).toContain('2.00 % of the main thread rtc-node: 8.00 %; 4.0 times less');
  expect(words).toContain('8.00 % of a core, all threads rtc-node: 16.0 %; 2.0 times less');
  expect(words).toContain(
    'main thread 2.00 % 8.00 % 0.25 … half of seconds 1.90–2.20 % 1.90–2.20 % … idle, before 0.50 % 0.50 %',
  );
  expect(words).toContain('A processor, 2 cores');
  expect(words).toContain('v20.20.2');
  expect(words).toContain('engine 0.12.73');
  expect(words).toContain('0.5 before the meeting, 0.8 after it');
  for (const chart of ['thread', 'lag', 'memory']) expect(html).toContain(`data-chart="${chart}"`);
});

test('what memory came to is in front, and what was forgotten is told', () => {
  const { meeting } = meetingFigures();
  const words = (forget: number) =>
    wordsOf(render({ meeting: { ...meeting, forget }, peer: sideResult({ rssMb: { start: 80, end: 270 } }) }));

  expect(words(2)).toContain('90 MB memory at the end rtc-node: 270 MB; 3.0 times less');
  expect(words(2)).toContain('2 streams forgotten each second');
  expect(words(1)).toContain('a stream forgotten each second');
  expect(words(1)).toContain('read once, and never closed');
  expect(words(0)).not.toMatch(/forgotten|let go/i);
});

test('what is worse is called worse', () => {
  const words = wordsOf(render({ ours: sideResult({ mainThreadPercent: 16, cpuPercent: 16.2 }) }));

  expect(words).toContain('16.0 % of the main thread rtc-node: 8.00 %; 2.0 times more');
  expect(words).toContain('16.2 % of a core, all threads rtc-node: 16.0 %; the same');
});

test('without a comparison there is one backend, and the reason', () => {
  const html = render({ peer: null }, { missing: 'its process ended with SIGKILL', early: true });
  const words = wordsOf(html);

  expect(dataOf(html)).toHaveLength(1);
  expect(words).toContain('No comparison with rtc-node: its process ended with SIGKILL');
  expect(words).toContain('This meeting was ended early.');
  expect(words).toContain('… per frame 10.0 µs wakes, a second 210 all threads 8.00 %');
  expect(html).not.toContain('class="key peer"');
});

test('it loads nothing: no address, no source, and a policy that forbids it', () => {
  const html = render();
  const scripts = scriptsOf(html);

  expect(html).toMatch(
    /http-equiv="Content-Security-Policy"\s+content="default-src 'none'; style-src 'unsafe-inline'; /,
  );
  expect(html).not.toMatch(/<(link|img|iframe|object|embed|base|video|audio|source)\b/);
  expect(scripts.map(({ attributes }) => attributes.trim())).toEqual(['type="application/json" id="figures"', '', '']);
  // Links lead to what the figures mean, which is in the page.
  expect(html).not.toMatch(/\b(src|href)=(?!"#)/);
  for (const [, id] of html.matchAll(/href="#([^"]*)"/g)) expect(html).toContain(`id="${id}"`);
  expect(html).not.toMatch(/@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(/);
  // The one address names where the chart library comes from, in its own first line.
  expect(html.match(/https?:\/\/[^\s"']+/g)).toEqual(['https://github.com/leeoniya/uPlot']);
});

test('nothing in the figures can end a script or begin an element', () => {
  const evil = '</script><script>alert(1)</script><!--\u2028';
  const figures = { ours: sideResult({ participants: [participantResult(evil)] }), peer: null };
  const html = render({ ...figures, machine: { ...meetingFigures().machine, cpu: `<img src=x onerror="x"> ${evil}` } });

  expect(scriptsOf(html)).toHaveLength(3);
  expect(dataOf(html)[0]!.participants[0]!.identity).toBe(evil);
  expect(html).not.toContain('<img');
  expect(html).not.toContain('alert(1)</script>');
});

test('its scripts run: the library is there, and draws each chart with the lines of both sides', () => {
  const [figures, library, script] = scriptsOf(render());
  const drawn: { series: unknown[]; axes: unknown[]; data: unknown[][] }[] = [];
  const context = {
    window: { addEventListener() {}, dispatchEvent() {} },
    devicePixelRatio: 1,
    addEventListener() {},
    CustomEvent,
    document: {
      documentElement: {},
      getElementById: () => ({ textContent: figures!.text }),
      querySelectorAll: () =>
        ['thread', 'lag', 'memory'].map((chart) => ({ dataset: { chart }, clientWidth: 400, replaceChildren() {} })),
    },
    navigator: { language: 'en' },
    getComputedStyle: () => ({ getPropertyValue: () => '#000' }),
    matchMedia: () => ({ addEventListener() {}, removeEventListener() {} }),
    ResizeObserver: class {
      observe() {}
    },
    Map,
    JSON,
    record: drawn,
  };
  // The real library needs a canvas; of it only what aligns the two sides' times is used.
  const standIn = `
    const real = uPlot;
    uPlot = class { constructor(options, data) { record.push({ ...options, data }); } };
    uPlot.join = real.join;`;
  runInNewContext(`${library!.text};${standIn};${script!.text}`, context);

  expect(drawn).toHaveLength(3);
  const [thread, lag, memory] = drawn as [(typeof drawn)[0], (typeof drawn)[0], (typeof drawn)[0]];
  // The time, and a line for each backend; for lag dots, too.
  expect([thread, lag, memory].map(({ series }) => series.length)).toEqual([3, 5, 3]);
  expect(Array.from(thread.data, (values) => Array.from(values))).toEqual([
    [0, 0.95, 1.95],
    [null, 2.3, 1.9],
    [null, 2.3, 1.9],
  ]);
  expect(Array.from(memory.data[2]!)).toEqual([80, 85, 90]);
});

test('it carries the licence of the chart library', () => {
  const html = render();

  expect(html).toContain('Copyright (c) 2022 Leon Sorokin');
  expect(html).toContain('The above copyright notice and this permission notice shall be included');
});
