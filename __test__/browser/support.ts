import { findChromium, noChromium } from '../../bench/browser/chromium.js';

/** The browser's program; without one all is skipped, with a message. */
export const chromium = findChromium();
if (chromium === undefined) process.stderr.write(`tests in a browser are skipped: ${noChromium()}.\n`);

/** Generous: a machine that is busy with other things needs it, and nothing is measured here. */
export const LIMIT_MS = 60_000;
