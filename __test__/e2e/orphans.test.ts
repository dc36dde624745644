import { expect, test } from 'vitest';
import { runNode } from '../support/child.js';
import { ledgerPackage } from '../support/ledger.js';

// The test build notes every handle that the engine hands out, in an event or for a stream of ours; at the end the engine
// is asked for those that were not dropped natively.
test('no handle of the engine is left: not by cancel, oblivion, terminated workers or overflow', async () => {
  const { status, stdout, stderr } = await runNode('./orphans.mjs', [], {
    env: { NARROWCAST_ROOT: ledgerPackage('orphans') },
    limitMs: 300_000,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const report = JSON.parse(stdout) as { recorded: number };
  expect(report).toMatchObject({
    left: [],
    streamsLeft: [],
    lagged: 'LAGGED',
    streamsAfterWorkers: 0,
    malformed: 0,
    framesMalformed: 0,
    heldDropped: 0,
    panics: 0,
  });
  expect(report.recorded).toBeGreaterThan(1000);
}, 310_000);
