import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ffi from '@livekit/rtc-ffi-bindings';
import { expect, test } from 'vitest';
import { checkPeek } from '../../../src/cli/doctor/peek-check.js';
import { native, type Native } from '../../../src/native.js';
import { REMOVED_FOLDER } from '../../support/removed-folder.js';
import { narrowcast, root, scratch } from '../command.js';

// The start of a process takes its time.

type Peek = typeof native.enginePeek;

test('doctor finds everything in order here, and says what it found', async () => {
  const { status, stdout, stderr } = await narrowcast(['doctor']);

  expect(stderr).toBe('');
  expect(stdout).not.toContain('problem');
  expect(stdout).toContain(`${process.platform} ${process.arch}`);
  expect(stdout).toContain(process.version);
  expect(stdout).toMatch(/^ok +addon +\d+\.\d+\.\d+, .*narrowcast.*\.node$/m);
  expect(stdout).toMatch(/^ok +rtc-node +\d+\.\d+\.\d+, which narrowcast is tested with$/m);
  expect(stdout).toMatch(/^ok +engine +\d+\.\d+\.\d+\S*, .*rtc-ffi-bindings.*\.node$/m);
  expect(stdout).toMatch(/^ok +reading its events +\d+ kinds of events, \d+ sample messages, \d+ handles/m);
  expect(status).toBe(0);
});

test('doctor says what NARROWCAST_DISABLE does', async () => {
  const { status, stdout } = await narrowcast(['doctor'], { env: { NARROWCAST_DISABLE: 'AudioSource' } });

  expect(stdout).toMatch(/^warning +register +turned off in part$/m);
  expect(stdout).toMatch(/^register: NARROWCAST_DISABLE=AudioSource: .*leaves rtc-node's own AudioSource in place$/m);
  expect(status).toBe(0);
});

test('doctor says how long frames are where the environment sets it', async () => {
  const good = await narrowcast(['doctor'], { env: { NARROWCAST_FRAME_MS: '20', NARROWCAST_MAX_FRAME_MS: '100' } });
  expect(good.stdout).toMatch(
    /^ok +frames +20 ms where a program asks for no length, and up to 100 ms for a reader that is late$/m,
  );
  const bad = await narrowcast(['doctor'], { env: { NARROWCAST_FRAME_MS: '1000' } });
  expect(bad.stdout).toMatch(/^warning +frames +10 ms where a program asks for no length$/m);
  expect(bad.stdout).toMatch(/^frames: NARROWCAST_FRAME_MS=1000 is ignored, and frames have 10 ms: set it to /m);
  expect([good.status, bad.status]).toEqual([0, 0]);
});

test('doctor says what the other variables do, and which one is misspelled', async () => {
  const good = await narrowcast(['doctor'], {
    env: { NARROWCAST_SPEECH_BUFFER_MS: '1000', NARROWCAST_REPORT: '30s:report.jsonl', NARROWCAST_TRACE: '1' },
  });
  expect(good.stdout).toMatch(/^ok +speech buffer +1000 ms beyond the queue of a source$/m);
  expect(good.stdout).toMatch(/^ok +reports +every 30000 ms under the flag, to report.jsonl$/m);
  expect(good.stdout).toMatch(/^ok +places +kept, with each object$/m);
  const bad = await narrowcast(['doctor'], {
    env: {
      NARROWCAST_SPEECH_BUFFER_MS: '-1',
      NARROWCAST_REPORT: '30',
      NARROWCAST_TRACE: 'off',
      NARROWCAST_FRAMES_MS: '20',
      NARROWCAST_OF_THE_PROGRAM_ITSELF: '1',
    },
  });
  for (const what of ['speech buffer', 'reports', 'places', 'environment']) {
    expect(bad.stdout).toMatch(new RegExp(`^warning +${what} `, 'm'));
  }
  expect(bad.stdout).toMatch(/^speech buffer: NARROWCAST_SPEECH_BUFFER_MS=-1 is ignored, /m);
  expect(bad.stdout).toMatch(/^reports: NARROWCAST_REPORT=30 is no period, /m);
  expect(bad.stdout).toMatch(/^places: NARROWCAST_TRACE=off is ignored: set it to 1, /m);
  expect(bad.stdout).toMatch(/^environment: NARROWCAST_FRAMES_MS does nothing: did you mean NARROWCAST_FRAME_MS\?$/m);
  expect(bad.stdout).not.toContain('OF_THE_PROGRAM');
  expect([good.status, bad.status]).toEqual([0, 0]);
});

// Windows removes no working folder.
test.skipIf(process.platform === 'win32')('doctor works where the working folder was removed', async () => {
  const gone = join(scratch(), 'gone.cjs');
  writeFileSync(gone, REMOVED_FOLDER);
  const { status, stdout, stderr } = await narrowcast(['doctor'], { env: { NODE_OPTIONS: `--require ${gone}` } });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^ok +engine /m);
});

test('doctor ends with its own status, and in silence, if the reader of its output has gone, as head does', async () => {
  const deaf = join(scratch(), 'deaf.cjs');
  writeFileSync(
    deaf,
    "process.stdout.write = () => process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: process.env.WRITE_FAILS }));",
  );
  const run = (code: string) =>
    narrowcast(['doctor'], { env: { NODE_OPTIONS: `--require ${deaf}`, WRITE_FAILS: code } });
  const [gone, full] = [await run('EPIPE'), await run('ENOSPC')];
  expect([gone.stderr, gone.status]).toEqual(['', 0]);
  expect([full.stderr, full.status]).toEqual(["narrowcast: can't write what doctor found: write EPIPE\n", 1]);
});

test('doctor --json is the same for programs', async () => {
  const { status, stdout } = await narrowcast(['doctor', '--json']);
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: { what: string; found: string }[] };

  expect(ok).toBe(true);
  expect(findings.map(({ what }) => what)).toContain('engine');
  expect(status).toBe(0);
});

/** An installation with nothing beside it; returns its command. */
function installed(addon: boolean): string {
  const folder = join(scratch(), 'narrowcast');
  mkdirSync(folder);
  const files = [
    'package.json',
    'index.cjs',
    ...(addon ? readdirSync(root).filter((name) => name.endsWith('.node')) : []),
  ];
  for (const name of files) cpSync(join(root, name), join(folder, name));
  for (const name of ['assets', 'dist']) cpSync(join(root, name), join(folder, name), { recursive: true });
  return join(folder, 'dist', 'cli', 'main.cjs');
}

test('without LiveKit, doctor says so, and that is no problem', async () => {
  const { status, stdout, stderr } = await narrowcast(['doctor'], { program: installed(true) });

  expect(stderr).toBe('');
  expect(stdout).toMatch(/^ok +LiveKit +not installed: everything but narrowcast\/livekit works without it$/m);
  expect(status).toBe(0);
});

test('without LiveKit, a meeting fails with one line that says what to install', async () => {
  const { status, stderr } = await narrowcast(['meeting'], { program: installed(true) });

  expect(stderr).toMatch(/^narrowcast: [^\n]*npm install @livekit\/rtc-node[^\n]*\n$/);
  expect(status).toBe(1);
});

test('without an addon, doctor says what to do', async () => {
  const { status, stdout } = await narrowcast(['doctor'], { program: installed(false) });

  expect(stdout).toMatch(/^problem +addon +none$/m);
  expect(stdout).toContain('`npm run build`');
  expect(status).toBe(1);
});

test('the peek reads every alternative of every event as the package does', () => {
  const { cases, messages, handles, problems } = checkPeek(ffi);

  expect(problems).toEqual([]);
  expect(cases).toBe(ffi.FfiEvent.fields.list().length);
  // Room events alone have over 40 alternatives, and several events own handles.
  expect(messages).toBeGreaterThan(cases + 40);
  expect(handles).toBeGreaterThan(15);
});

test('samples cover every path to a native handle', () => {
  const paths = new Set<string>();
  const peek: Peek = (schema, bytes) => {
    const { case: name, value } = ffi.FfiEvent.fromBinary(bytes).message;
    collect(value, name!, paths);
    return native.enginePeek(schema, bytes);
  };
  checkPeek(ffi, peek);

  const expected = new Set<string>();
  declared(ffi.FfiEvent as unknown as Type, '', [], expected);
  expect([...paths].toSorted()).toEqual([...expected].toSorted());
});

test.each<{ name: string; wrong: (peek: Native.NativePeek) => Native.NativePeek; hits: string }>([
  { name: 'a type', wrong: (peek) => ({ ...peek, type: peek.type === 'logs' ? 'panic' : peek.type }), hits: 'logs' },
  {
    name: 'a subject',
    wrong: (peek) => ({ ...peek, handle: peek.type === 'connect' ? 1n : peek.handle }),
    hits: 'connect',
  },
  { name: 'a handle', wrong: (peek) => ({ ...peek, owned: peek.owned.slice(1) }), hits: 'audioStreamEvent' },
  {
    name: 'a handle cut to 32 bits',
    wrong: (peek) => ({ ...peek, owned: peek.owned.map((id) => BigInt.asUintN(32, id)) }),
    hits: 'videoStreamEvent',
  },
])('a peek that gets $name wrong is noticed', ({ wrong, hits }) => {
  const { problems } = checkPeek(ffi, (schema, bytes) => wrong(native.enginePeek(schema, bytes)));

  expect(problems.some((problem) => problem.startsWith(`${hits}: `))).toBe(true);
});

test('a peek that throws is noticed', () => {
  const { problems, messages } = checkPeek(ffi, () => {
    throw new Error('cut off');
  });

  expect(problems).toHaveLength(messages);
  expect(problems[0]).toContain('cut off');
});

interface Type {
  readonly typeName: string;
  readonly fields: {
    list(): readonly { kind: string; localName: string; T?: unknown; oneof?: { localName: string } }[];
  };
}

/** Paths of names to the handles in a decoded message. */
function collect(value: unknown, path: string, into: Set<string>): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (value instanceof ffi.FfiOwnedHandle) into.add(path);
  else if (Array.isArray(value)) for (const inner of value) collect(inner, path, into);
  else if ('case' in value) collect((value as { value?: unknown }).value, `${path}.${String(value.case)}`, into);
  else {
    for (const [name, inner] of Object.entries(value)) {
      const oneof = typeof inner === 'object' && inner !== null && 'case' in inner;
      collect(inner, oneof ? path : `${path}.${name}`, into);
    }
  }
}

/** The same paths, from the descriptors. */
function declared(type: Type, path: string, within: readonly Type[], into: Set<string>): void {
  if (type.typeName.endsWith('.FfiOwnedHandle')) return void into.add(path);
  if (within.includes(type)) return;
  for (const field of type.fields.list()) {
    if (field.kind === 'message')
      declared(field.T as Type, path === '' ? field.localName : `${path}.${field.localName}`, [...within, type], into);
  }
}
