import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readDisabled } from '../../src/livekit/disabled.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('NARROWCAST_DISABLE', () => {
  test.each([undefined, '', '0', 'false', ' '])('%o disables nothing, and says nothing', (value) => {
    expect(readDisabled(value)).toEqual({ all: false, classes: [], words: undefined });
  });

  test.each(['1', 'true', '1,AudioSource'])('%o turns the flag off', (value) => {
    const { all, words } = readDisabled(value);
    expect([all, words]).toEqual([
      true,
      `NARROWCAST_DISABLE=${value}: narrowcast/livekit/register does nothing in this process`,
    ]);
  });

  test('a list leaves these classes as they are', () => {
    const { all, classes, words } = readDisabled('VideoStream, AudioSource');
    expect([all, classes]).toEqual([false, ['AudioSource', 'VideoStream']]);
    expect(words).toContain("leaves rtc-node's own AudioSource, VideoStream in place");
  });

  test('a wrong name disables nothing, and the right ones are said', () => {
    const { all, classes, words } = readDisabled('AudioSorce,VideoStream,everything');
    expect([all, classes]).toEqual([false, ['VideoStream']]);
    expect(words).toContain('AudioSorce is none of its names (did you mean AudioSource?)');
    expect(words).toContain('everything is none of its names.');
    expect(words).toContain('It takes 1, or any of AudioMixer, AudioResampler, AudioSource, AudioStream, VideoStream');
  });
});

/** Runs a program under the flag; it prints which classes are narrowcast's, and hears itself. */
function run(value: string): { found: object; warnings: string[] } {
  const program = `
    import * as rtc from '@livekit/rtc-node';
    import { Worker } from 'node:worker_threads';
    const ours = (name) => 'stats' in rtc[name].prototype || 'latencyMs' in rtc[name].prototype;
    const source = new rtc.AudioSource(48_000, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
    const reader = new rtc.AudioStream(track, 16_000).getReader();
    let heard;
    void reader.read().then(({ value }) => (heard = value));
    for (const limit = Date.now() + 20_000; !heard && Date.now() < limit; ) {
      await source.captureFrame(new rtc.AudioFrame(new Int16Array(480), 48_000, 1, 480));
    }
    await new Promise((resolve) => new Worker('0', { eval: true }).on('exit', resolve));
    console.log(JSON.stringify({
      ours: ['AudioSource', 'AudioStream', 'VideoStream', 'AudioResampler', 'AudioMixer'].filter(ours),
      client: Object.hasOwn(globalThis._ffiClientInstance, 'waitFor'),
      heard: heard?.samplesPerChannel,
    }));
    process.exit();`;
  const flags = ['--import', 'narrowcast/livekit/register', '--input-type=module', '--eval', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, {
    cwd: path.join(root),
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, NODE_ENV: 'production', NARROWCAST_DISABLE: value },
  });
  expect({ status, stderr: stderr.replaceAll(/^\(.*\n/gm, '') }).toEqual({ status: 0, stderr: '' });
  const warnings = stderr.split('\n').filter((line) => /NarrowcastWarning/.test(line));
  return { found: JSON.parse(stdout) as object, warnings };
}

describe('under the flag', () => {
  test('1 leaves a program as it is, with one warning', () => {
    const { found, warnings } = run('1');
    expect(found).toEqual({ ours: [], client: false, heard: 160 });
    expect(warnings).toEqual([
      expect.stringContaining('[NARROWCAST_DISABLED] NarrowcastWarning: NARROWCAST_DISABLE=1: '),
    ]);
  });

  test('a list leaves these classes as they are, and they work with the others', () => {
    const { found, warnings } = run('AudioStream,VideoStream');
    expect(found).toEqual({ ours: ['AudioSource', 'AudioResampler', 'AudioMixer'], client: true, heard: 160 });
    expect(warnings).toHaveLength(1);
  });

  test('a wrong name is warned about, and all classes are replaced', () => {
    const { found, warnings } = run('AudioSorce');
    expect(found).toMatchObject({
      ours: ['AudioSource', 'AudioStream', 'VideoStream', 'AudioResampler', 'AudioMixer'],
    });
    expect(warnings).toEqual([expect.stringContaining('did you mean AudioSource?')]);
  });

  test('without the variable nothing is said', () => {
    expect(run('').warnings).toEqual([]);
  });
});
