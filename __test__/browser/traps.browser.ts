import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Remote, TrapCalls } from '../../bench/browser/calls.js';
import { launch } from '../../bench/browser/chromium.js';
import { callsOf, openPage, pageScript } from '../../bench/browser/stage.js';
import { chromium, LIMIT_MS } from './support.js';

describe.skipIf(chromium === undefined)('the pool on a real browser', () => {
  let browser: Browser;
  let whole: Page;
  let page: Remote<TrapCalls>;
  beforeAll(async () => {
    browser = await launch(chromium!);
    whole = await openPage(browser, pageScript('traps.ts'));
    page = callsOf<TrapCalls>(whole);
  });
  afterAll(() => browser?.close());

  it('lends a sender that an answer has narrowed to a track without simulcast only', async () => {
    expect(await page.narrowed()).toEqual({ simulcastReused: false, singleReused: true, encodings: [true] });
  });

  it('leaves nothing of the last publication to the next', async () => {
    const { before, after, codecs, ...rest } = await page.leftovers();
    expect(rest).toEqual({ reused: true, degradationPreference: undefined, oldStream: false, newStream: true });
    expect(after).toEqual(before);
    expect(codecs).toBeGreaterThan(3); // and not VP9 alone
  });

  it('keeps no transceiver that addTrack would take', async () => {
    expect(await page.neverSent()).toEqual({ freed: 'stopped', taken: false });
    expect(await page.parkedAndAddTrack()).toEqual({ taken: false, reused: true });
  });

  it('notices a stop from outside', async () => {
    expect(await page.stopped()).toEqual({ reused: false, freed: 'stopped', lost: 2, leased: 0, left: 0 });
  });

  it('has an m-line used again after a stop', async () => {
    expect(await page.stopFrees()).toEqual({ sections: 2, transceivers: 1 });
  });

  it('has no m-line used again before its stop was accepted, after a glare or a failure', async () => {
    expect(await page.recycled()).toEqual({
      sections: [2, 3, 3],
      stopping: [1, 1, 0],
      lostNegotiations: 2,
      check: [],
    });
  });

  it('keeps nothing of a connection once it is disposed', async () => {
    await page.disposed();
    const session = await whole.context().newCDPSession(whole);
    await expect
      .poll(
        async () => {
          await session.send('HeapProfiler.collectGarbage');
          return page.isGone();
        },
        { timeout: LIMIT_MS },
      )
      .toBe(true);
  });

  it('refuses what a browser takes without a word', async () => {
    expect(await page.refused()).toEqual(['track-in-use', 'track-ended', 'foreign', 'not-leased', 'refused', 'closed']);
  });

  const states = ['acquiring', 'leased', 'releasing', 'parked', 'anchors', 'stopping'] as const;
  it.for(states.flatMap((state) => [false, true].map((offered) => [state, offered] as const)))(
    'leaves nothing that is %s when the connection is closed, with an offer pending: %s',
    async ([state, offered]) => {
      const code = state === 'acquiring' || state === 'releasing' ? 'closed' : 'none';
      expect(await page.closedIn(state, offered)).toEqual({ before: 1, code, after: 0, check: [] });
    },
  );

  it('leaves the transceivers alone that a connection has already', async () => {
    expect(await page.besideOthers()).toEqual({
      untouched: true,
      foreign: 'foreign',
      sections: [3, 3, 3],
      anchors: 0,
    });
  });

  it('is the only one of its connection until it is disposed', async () => {
    expect(await page.twoPools()).toEqual(['pool-exists', 'none', 'pool-exists']);
  });

  it('survives an offer that is taken back', async () => {
    expect(await page.rolledBack()).toEqual({ released: false, same: true, direction: 'sendonly' });
  });

  it('reuses senders with encoded streams only for their own profile', async () => {
    expect(await page.encodedStreams()).toEqual({
      plainReused: false,
      encryptedReused: true,
      again: 'InvalidStateError',
    });
  });

  it('frees with a blank track of the caller, too', async () => {
    expect(await page.ownBlank()).toEqual(['shrunk', 'true']);
  });
});
