import { expect, test } from 'vitest';
import { ledgerPackage } from '../support/ledger.js';
import { runOnBoth } from './sides.js';

// rtc-node drops a frame's handle when its stream hears of it. Frames that wait for a busy thread when the stream is
// cancelled reach no listener, and the engine keeps them for ever. Not reported upstream, as far as we know.
test('a stream that is cancelled behind a stall leaves no frame in the engine', async () => {
  interface Found {
    cancelled: number;
    left: number;
  }
  const env = { NARROWCAST_ROOT: ledgerPackage('cancelled-streams') };
  const { plain, narrowcast } = await runOnBoth<Found>('cancelled-streams', { env });
  expect(plain.left).toBeGreaterThan(0);
  expect(narrowcast).toEqual({ cancelled: 30, left: 0 });
}, 130_000);
