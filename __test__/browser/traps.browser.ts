import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Remote, TrapCalls } from '../../bench/browser/calls.js';
import { launch } from '../../bench/browser/chromium.js';
import { callsOf, openPage, pageScript } from '../../bench/browser/stage.js';
import { chromium } from './support.js';

describe.skipIf(chromium === undefined)('the pool on a real browser', () => {
  let browser: Browser;
  let page: Remote<TrapCalls>;
  beforeAll(async () => {
    browser = await launch(chromium!);
    page = callsOf<TrapCalls>(await openPage(browser, pageScript('traps.ts')));
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

  it('refuses what a browser takes without a word', async () => {
    expect(await page.refused()).toEqual(['track-in-use', 'track-ended', 'foreign', 'not-leased', 'refused', 'closed']);
  });

  it('ends an acquire that close() has left pending', async () => {
    expect(await page.closedMeanwhile()).toBe('closed');
  });

  it('survives an offer that is taken back', async () => {
    expect(await page.rolledBack()).toEqual({ released: false, same: true, direction: 'sendonly' });
  });

  it('keeps senders with encoded streams apart', async () => {
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
