import { describe } from 'vitest';
import { findChromium, NO_CHROMIUM } from '../../bench/browser/chromium.js';

export const chromium = findChromium();
if (chromium === undefined) process.stderr.write(`tests in a browser are skipped: ${NO_CHROMIUM}.\n`);

/** As `describe`; skipped, with a message, where there is no Chromium. */
export const describeInBrowser = describe.skipIf(chromium === undefined);

/** Generous: a machine that is busy with other things needs it, and nothing is measured here. */
export const LIMIT_MS = 60_000;
