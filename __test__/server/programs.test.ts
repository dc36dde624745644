import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as rtc from '@livekit/rtc-node';
import { RoomServiceClient } from 'livekit-server-sdk';
import { expect, inject, onTestFinished, test } from 'vitest';
import { roomName, token } from '../support/room.js';

// Programs that use rtc-node as it is documented and know nothing of narrowcast. Each runs with
// `--import narrowcast/livekit/register` and without, and has to print the same, which is written down here.

const folder = fileURLToPath(new URL('./programs/', import.meta.url));
const register = fileURLToPath(new URL('../../dist/livekit/register.js', import.meta.url));
const LIMIT_MS = 55_000;
const identities = ['agent', 'caller', 'stranger'];

/** Runs a program in a room of its own, to its end; returns what it printed. */
async function run(name: string, flags: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { url, apiKey, apiSecret } = inject('livekit');
  const room = roomName();
  const tokens = Object.fromEntries(await Promise.all(identities.map(async (who) => [who, await token(room, who)])));
  const imports = [...flags, path.join(folder, 'installed.mjs')].flatMap((file) => [
    '--import',
    pathToFileURL(file).href,
  ]);
  const program = path.join(folder, `${name}.mjs`);
  const child = spawn(process.execPath, [...imports, program, JSON.stringify({ url, tokens })], {
    env: { ...process.env, NODE_ENV: 'production', RUST_LOG: 'off' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (data) => (stdout += data));
  child.stderr!.on('data', (data) => (stderr += data));
  const service = new RoomServiceClient(url.replace('ws:', 'http:'), apiKey, apiSecret);
  child.on('message', (message) => {
    const { identity, trackSid, muted } = message as { identity: string; trackSid: string; muted: boolean };
    void service.mutePublishedTrack(room, identity, trackSid, muted);
  });
  // Before the test's own limit, so that it can be told how far the program came.
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  if (status !== 0) throw new Error(`${name} ended with status ${status}, and said:\n${stdout}${stderr}`);
  return { stdout, stderr };
}

/** What a program prints, by the values it says. */
const lines = (...said: readonly (readonly [what: string, value: unknown])[]) =>
  said.map(([what, value]) => `${what}: ${JSON.stringify(value)}\n`).join('');

/** Than the oldest that is tested. */
const newer = 'SimulateScenarioKind' in rtc;

const attributes = [
  ['language', 'en'],
  ['mood', 'calm'],
];

const programs: Record<string, string> = {
  connect: lines(
    ['connected', [true, true, 0]],
    ['local', ['agent', true]],
    ['sid', true],
    ['came', 'caller'],
    ['caller sees', ['agent']],
    ['metadata', 'on the line'],
    ['name', 'Caller'],
    ['attributes', [attributes, attributes]],
    ['its own', ['on the line', 'Caller', attributes]],
    ['stats', [true, true]],
    ['left', 'caller'],
    ['disconnected', [true, false]],
    ['refused', 'ConnectError'],
  ),
  publish: lines(
    ['published', [true, 'tone of 440 Hz', false]],
    ['subscribed', [true, true, true, true, 'caller']],
    ['published', [true, 'tone of 1000 Hz', false]],
    ['subscribed', [true, true, true, true, 'caller']],
    ['frame', [true, 16_000, 1, 160]],
    ['frame', [true, 48_000, 2, 480]],
    ['hears', [440, true]],
    ['hears', [1000, true]],
    ['mixed', true],
    ['one removed', true],
    ['resampled', 16_000],
    ['queued in the end', 0],
    ['unsubscribed', [true, 'caller']],
    ['subscribed again', true],
  ),
  data: lines(
    ['data', ['over here', 'caller', true, 'greeting']],
    ['data', ['over here', 'agent', true, 'greeting']],
    ['in order', true],
    ['chat', ['hello', true, 'caller']],
    ['edited', 'goodbye'],
    ['dtmf', [5, '5', 'caller']],
    ['transcription', 'published'],
  ),
  rpc: lines(
    ['there', 'agent got hello from caller, true'],
    ['back', 'caller got welcome from agent, true'],
    [
      'at once',
      [0, 1, 2, 3].flatMap((i) => [`agent got a${i} from caller, true`, `caller got b${i} from agent, true`]),
    ],
    ['long', 10_028],
    ['refused', [true, 1999, 'not today', 'tomorrow']],
    ['broken', [true, 1500, 'Application error in method handler', '']],
    ['unknown', [true, 1400, 'Method not supported at destination', '']],
    ['nobody', [true, 1501, 'Connection timeout', '']],
    ['late', [true, 1502, 'Response timeout', '']],
    ['unregistered', [true, 1400, 'Method not supported at destination', '']],
  ),
  streams: lines(
    ['text', ['caller', ['all at once', 'chat', { mood: 'calm' }, 'text/plain']]],
    ['pieces', ['caller', ['word by word – ünïcödé 🎧', 'chat', {}, 'text/plain']]],
    ['long', [220_000, true]],
    ['file', ['caller', 'some.bin', 'application/octet-stream', 300_000, 300_000, true]],
    ['bytes', ['caller', ['live', 'application/octet-stream', 0, 5000, '74159add5d89f189']]],
  ),
  mute: lines(
    ['hears', true],
    ...[true, false].flatMap((muted) => {
      const said = [muted ? 'trackMuted' : 'trackUnmuted', ['caller', true, muted]] as const;
      return [said, said];
    }),
    ['hears again', true],
  ),
  // The oldest can't be asked to lose its connection, and sends the engine no valid keys for end-to-end encryption.
  ...(newer && {
    e2ee: lines(
      ['encrypted', true],
      ['managers', [true, true]],
      ['with the key', true],
      ['with another', false],
      ['keys', ['the key', 'not the key']],
    ),
    reconnect: lines(
      ['hears', true],
      ['back', [true, 1]],
      ['back', [true, 1]],
      ['hears again', true],
      ['call', 'hello, caller'],
      ['data', [1, 2, 3]],
      ['back anew', true],
      ['hears anew', true],
    ),
  }),
};

test.each(Object.entries(programs))('%s: the same with narrowcast and without', async (name, expected) => {
  const [ours, plain] = await Promise.all([run(name, [register]), run(name, [])]);
  expect(ours.stdout).toBe(expected);
  expect(plain.stdout).toBe(expected);
  expect([ours, plain].map(({ stderr }) => stderr.trimEnd().split('\n').at(-1))).toEqual([
    'narrowcast: true',
    'narrowcast: false',
  ]);
});
