import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { placeIn } from '../../src/diagnostics/place.js';
import { readSwitch } from '../../src/environment.js';
import { root } from '../cli/command.js';

/** On Windows, with a drive. */
const app = resolve('/app');

const own = [
  '    at new PcmReader (/work/anywhere/x.js)',
  `    at new AudioStream (${join(root, 'dist', 'index.cjs')}:10:3)`,
  `    at install (${pathToFileURL(join(root, 'src', 'livekit', 'engine.ts')).href}:10:3)`,
  '    at Room.connect (/app/node_modules/@livekit/rtc-node/dist/room.cjs:200:5)',
  `    at ${pathToFileURL(join(app, 'node_modules/@livekit/rtc-ffi-bindings/index.js')).href}:5:1`,
  '    at node:internal/process/task_queues:95:5',
  '    at new Promise (<anonymous>)',
  '    at eval (eval at run (/app/repl.js:3:1), <anonymous>:1:1)',
];

test.each([
  ['a function', '    at listen (/app/agent.js:45:12)', '/app/agent.js:45'],
  ['the top level', '    at /app/agent.js:45:12', '/app/agent.js:45'],
  [
    'an async function of an ES module',
    `    at async main (${pathToFileURL(join(app, 'my agent.js')).href}:45:12)`,
    join(app, 'my agent.js:45'),
  ],
  ['what is no file here', '    at main (file://elsewhere:0/agent.js:45:12)', 'file://elsewhere:0/agent.js:45'],
  ['a folder with parentheses', '    at listen (/app (old)/agent.js:45:12)', '/app (old)/agent.js:45'],
  ['a file of this folder', `    at listen (${join(process.cwd(), 'agent.js')}:45:12)`, 'agent.js:45'],
  ['a test of narrowcast', `    at ${join(root, '__test__', 'a.ts')}:4:1`, join('__test__', 'a.ts:4')],
])('placeIn: %s is the innermost frame outside narrowcast and rtc-node', (_, frame, place) => {
  expect(placeIn(['Error', ...own, frame, '    at later (/app/main.js:1:1)'].join('\n'))).toBe(place);
});

test('placeIn: a stack without such a frame has no place', () => {
  expect(placeIn(['Error: at /app/agent.js', ...own].join('\n'))).toBeUndefined();
});

describe('NARROWCAST_TRACE', () => {
  afterEach(() => vi.unstubAllEnvs());

  test.each([
    [undefined, false],
    ['', false],
    [' ', false],
    ['0', false],
    ['false', false],
    ['1', true],
    ['true', true],
    [' 1 ', true],
  ])('%o: %o, without a warning', (value, on) => {
    vi.stubEnv('NARROWCAST_TRACE', value);
    const warn = vi.fn<(words: string) => void>();
    expect(readSwitch('NARROWCAST_TRACE', warn)).toBe(on);
    expect(warn).not.toHaveBeenCalled();
  });

  test.each(['no', 'off', '-1', 'ja'])('%o turns nothing on, and is a warning that names it', (value) => {
    vi.stubEnv('NARROWCAST_TRACE', value);
    const warn = vi.fn<(words: string) => void>();
    expect(readSwitch('NARROWCAST_TRACE', warn)).toBe(false);
    expect(warn.mock.calls).toEqual([[`NARROWCAST_TRACE=${value} is ignored: set it to 1, or leave it out`]]);
  });
});
