import { expect, test } from 'vitest';
import { runNode } from '../support/child.js';
import { ledgerPackage } from '../support/ledger.js';

// As orphans.test.ts, for pictures, which would each keep 30 KB and more.
test('no picture and no video stream is left: not by overflow, cancel, close, oblivion or the end of the track', async () => {
  const { status, stdout, stderr } = await runNode('./video-orphans.mjs', [], {
    env: { NARROWCAST_ROOT: ledgerPackage('video-orphans') },
    limitMs: 120_000,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const report = JSON.parse(stdout) as { recorded: number; videoFrames: number };
  expect(report).toMatchObject({ left: [], streamsLeft: [] });
  expect(report.videoFrames).toBeGreaterThan(200);
  expect(report.recorded).toBeGreaterThanOrEqual(report.videoFrames);
}, 130_000);
