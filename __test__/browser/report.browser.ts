import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../../bench/browser/chromium.js';
import { renderAgentReport } from '../../src/cli/meeting/agent/report.js';
import { SIDES, type AgentMeetingFigures } from '../../src/cli/meeting/agent/sides.js';
import { renderReport } from '../../src/cli/meeting/report.js';
import { renderRecordReport } from '../../src/cli/record/report.js';
import { meetingFigures, participantResult, sideResult } from '../cli/meeting/figures.js';
import { chromium } from './support.js';

/** What is wrong with the page that it runs in. */
const inPage = readFileSync(new URL('in-page.js', import.meta.url), 'utf8');

/** Of the window, in px: that of a phone. */
const HEIGHT = 800;

const at = new Date('2026-11-21T14:05:00Z');

function agentFigures(): AgentMeetingFigures {
  const gap = { gaps: 2, missingMs: 190, list: [{ at: 1200, ms: 90 }, { at: 2400, ms: 100 }] }; // prettier-ignore
  const voice = { lengthMs: 6000, peaks: Array.from({ length: 600 }, (_, n) => Math.abs(Math.sin(n))) };
  const participants = ['caller-1', 'caller-2', 'caller-3', 'caller-4', 'agent'].map((identity, n) =>
    participantResult(identity, n === 2 ? { samplesLost: 12_345, intact: false } : {}),
  );
  return {
    scenario: 'agent',
    meeting: { callers: 4, seconds: 6, sampleRate: 16_000, frameMs: 10, stall: 300 },
    sides: SIDES.map((side) => ({
      ...side,
      result: sideResult({
        participants,
        voice: { ...voice, ...(side.name === 'rtc-node-200' ? gap : { gaps: 0, missingMs: 0, list: [] }) },
        rssMb: { start: 1234, end: 1345 },
        lagMs: { p50: 0.1, p99: 1234.5, max: 1301 },
      }),
    })),
    machine: meetingFigures().machine,
  };
}

/** A page of each kind of report, with figures as wide as they come. */
function reports(): Record<string, string> {
  const many = (side: object) =>
    sideResult({
      participants: Array.from({ length: 16 }, (_, n) =>
        participantResult(`participant-${String(n + 1).padStart(2, '0')}`, {
          framesReceived: 123_456,
          samplesLost: n === 3 ? 1_234_567 : 0,
          intact: n !== 3,
        }),
      ),
      events: { published: 12_345_678, delivered: 12_345_678, unwanted: 1_234_567, dropped: 12_345, wakes: 1_234_567 },
      ...side,
    });
  const meeting = { ...meetingFigures().meeting, participants: 16, seconds: 3600, stall: 300, forget: 2 };
  const { participants: _, ...measured } = many({});
  const identity = 'somebody-whose-identity-is-a-long-uuid-0f0e2d3c4b5a69788796a5b4c3d2e1f0';
  return {
    agent: renderAgentReport(agentFigures(), { early: true, at, missing: ['nowhere: its process ended'], out: '/a'.repeat(60) }), // prettier-ignore
    crowd: renderReport(meetingFigures({ meeting, ours: many({}), peer: many({ mainThreadPercent: 123.45 }) }), {
      early: false,
      at,
      missing: undefined,
    }),
    alone: renderReport(meetingFigures({ meeting, ours: many({}), peer: null }), {
      early: false,
      at,
      missing: `its process ended with ${'x'.repeat(100)}`,
    }),
    record: renderRecordReport(
      {
        recording: { room: identity, seconds: 3725, sampleRate: 48_000, end: 'the room was deleted' },
        result: {
          ...measured,
          voices: (['voice', 'screen'] as const).map((source) => ({
            identity,
            source,
            file: `recordings/${identity}.wav`,
            begin: 3600,
            heard: 3660,
            framesReceived: 1_234_567,
            framesDropped: 12_345,
          })),
        },
        machine: meetingFigures().machine,
      },
      at,
    ),
  };
}

describe.skipIf(chromium === undefined)('the report of a meeting', () => {
  const pages = reports();
  const usual = renderAgentReport(agentFigures(), { early: false, at, missing: [], out: 'recordings' });
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'narrowcast-report-'));
    for (const [name, html] of Object.entries({ ...pages, usual })) writeFileSync(join(folder, `${name}.html`), html);
    browser = await launch(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (
    name: string,
    width: number,
    colorScheme: 'dark' | 'light',
    use: (page: Page) => Promise<void>,
  ) => {
    const context = await browser.newContext({ viewport: { width, height: HEIGHT }, colorScheme });
    try {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
      await page.locator('.plot canvas').first().waitFor();
      await use(page);
      expect(errors).toEqual([]);
    } finally {
      await context.close();
    }
  };

  describe.each(Object.keys(pages))('%s', (name) => {
    it.each([
      [360, 'light'],
      [360, 'dark'],
      [1280, 'light'],
      [1280, 'dark'],
    ] as const)(
      'at %d px in %s: no element is wider than the page, none is cut, and text can be read',
      async (width, scheme) => {
        await open(name, width, scheme, async (page) => {
          expect(await page.evaluate<object>(inPage)).toEqual({ beyond: [], faint: [] });
        });
      },
    );

    it('each link of a figure leads to what it means, which is there once and has words', async () => {
      await open(name, 360, 'light', async (page) => {
        const links = await page.locator('a[href^="#"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')!));
        expect(links.length).toBeGreaterThan(name === 'record' ? 5 : 10);
        for (const link of new Set(links)) {
          const meaning = page.locator(`dt[id="${link.slice(1)}"] + dd`);
          const [text, ...others] = await meaning.allTextContents();
          await page.locator(`a[href="${link}"]`).first().click();
          const top = await meaning.evaluate((dd) => dd.getBoundingClientRect().top);
          expect({ link, others, told: text!.length > 20, seen: top >= 0 && top < HEIGHT }).toEqual({
            link,
            others: [],
            told: true,
            seen: true,
          });
        }
      });
    });
  });

  it('an agent’s meeting: a gap is seen on a phone without scrolling', async () => {
    await open('usual', 360, 'light', async (page) => {
      const gap = page.locator('.voice.peer rect').first();
      const { top, bottom, width } = await gap.evaluate(
        (rect) => rect.getBoundingClientRect().toJSON() as { top: number; bottom: number; width: number },
      );
      expect({ visible: top >= 0 && bottom <= HEIGHT, wide: width >= 3 }).toEqual({ visible: true, wide: true });
    });
  });
});
