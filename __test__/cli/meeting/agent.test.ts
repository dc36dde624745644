import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { holdAgentMeeting, type AgentMeetingOptions } from '../../../src/cli/meeting/agent/hold.js';
import type { AgentMeetingFigures } from '../../../src/cli/meeting/agent/sides.js';
import { gather } from '../../../src/cli/meeting/participants.js';
import { Screen } from '../../../src/cli/shared/screen.js';
import { readRecording } from '../../../src/cli/shared/wav-reader.js';
import { noSignals } from '../../support/platform.js';
import { narrowcast, root, samePcm, scratch } from '../command.js';

// A meeting takes its time, and so does the start of a process.

afterEach(() => void vi.unstubAllEnvs());

const asset = (name: string) => join(root, 'assets', `${name}.wav`);
const agent = { voice: asset('agent'), caller: asset('caller'), queueMs: 200, speechBufferMs: 1000 };

/** Holds a meeting whose processes only say that they did. */
async function holdFake(change: Partial<AgentMeetingOptions> = {}, columns = 80) {
  const out = scratch();
  let printed = '';
  const screen = new Screen({ write: (text) => (printed += text), columns });
  const options: AgentMeetingOptions = {
    participants: 2,
    seconds: 0.5,
    sampleRate: 16_000,
    frameMs: 10,
    stall: 300,
    forget: 0,
    input: [],
    out,
    voice: agent.voice,
    caller: agent.caller,
    compare: true,
    json: join(out, 'figures.json'),
    svg: join(out, 'voices.svg'),
    report: join(out, 'report.html'),
    ...change,
  };
  const status = await holdAgentMeeting(options, fileURLToPath(new URL('fake-side.mjs', import.meta.url)), screen);
  const read = (file: string) => readFileSync(join(out, file), 'utf8');
  return { status, printed, out, read };
}

const words = (text: string) => text.replace(/\s+/g, ' ');

test('the agent’s meeting: three sides, with what the callers heard of each, in the table, the figures, the report and the picture', async () => {
  const { status, printed, read, out } = await holdFake();

  expect(status).toBe(0);
  expect(printed).toMatch(/narrowcast +│ +0 │ +0 ms │ +0 │ +5\.00 % │ +297 ms │ +210 │ +80 MB/);
  expect(printed).toMatch(/rtc-node-200 +│ +2 │ +190 ms │/);
  expect(printed).toMatch(/rtc-node-1000 +│ +0 │ +0 ms │/);
  expect(printed).toMatch(/^rtc-node-200 +▅+×+▅+×+▅+$/m);
  expect(words(printed)).toContain('a queue of 200 ms, as @livekit/agents has it: 2 gaps, 190 ms missing rtc-node,');
  // The first thing that one sees of it.
  expect(words(printed)).toMatch(/Ctrl-C ends it early .*heard it \(×: nothing came\): narrowcast ▅+ rtc-node-200 ▅+×/);
  expect(words(printed)).toContain('NARROWCAST_SPEECH_BUFFER_MS=1000');
  expect(words(printed)).toContain('fewer wakes are not less work: the cost is main-thread time.');
  expect(words(printed)).toContain(join(out, 'rtc-node-1000', 'agent.wav'));
  for (const line of printed.split('\n')) expect(line.length).toBeLessThan(80 + out.length);

  const { scenario, meeting, sides } = JSON.parse(read('figures.json')) as AgentMeetingFigures;
  expect(scenario).toBe('agent');
  expect(meeting).toEqual({ callers: 2, seconds: 0.5, sampleRate: 16_000, frameMs: 10, stall: 300 });
  expect(sides.map(({ name, queueMs, speechBufferMs }) => ({ name, queueMs, speechBufferMs }))).toEqual([
    { name: 'narrowcast', queueMs: 200, speechBufferMs: 1000 },
    { name: 'rtc-node-200', queueMs: 200, speechBufferMs: 0 },
    { name: 'rtc-node-1000', queueMs: 1000, speechBufferMs: 0 },
  ]);

  const page = read('report.html');
  // A waveform for each side, and a rectangle for each gap.
  expect(page.match(/<figure class="voice/g)).toHaveLength(3);
  expect(page.match(/<rect /g)).toHaveLength(2);
  expect(words(page.replace(/<[^>]+>/g, ' '))).toContain('0 ms missing of the agent’s voice rtc-node-200: 190 ms');
  expect(page).not.toMatch(/\b(src|href)=(?!"#)/);
  const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id!);
  expect(new Set(links).size).toBeGreaterThanOrEqual(6);
  for (const id of links) expect(page).toContain(`id="${id}"`);

  const picture = read('voices.svg');
  expect(picture).toContain('prefers-color-scheme:dark');
  expect(picture).toContain('2 gaps, 190 ms missing');
  // The background, and the gaps.
  expect(picture.match(/<rect /g)).toHaveLength(3);
});

test('the agent’s meeting: fits a narrow terminal', async () => {
  const { printed } = await holdFake({}, 50);

  expect(printed).toMatch(/narrowcast +│ +0 │ +0 ms │ +5\.00 % │/);
});

test('the agent’s meeting: gaps in narrowcast’s voice give status 1', async () => {
  vi.stubEnv('FAKE_SIDE', 'narrowcast=has gaps');
  const { status, printed } = await holdFake();

  expect(status).toBe(1);
  expect(words(printed)).toContain('narrowcast: 2 gaps, 190 ms missing in the agent’s voice');
});

test.each(['refuses', 'crashes'])('the agent’s meeting: one side of rtc-node %s: the others go on', async (what) => {
  vi.stubEnv('FAKE_SIDE', `rtc-node-200=${what}`);
  const { status, printed, read } = await holdFake();

  expect(status).toBe(0);
  expect(printed).toContain('no meeting on rtc-node-200: ');
  expect(printed).toMatch(/rtc-node-200 +│ +- │/);
  const { sides } = JSON.parse(read('figures.json')) as AgentMeetingFigures;
  expect(sides.map(({ result }) => result !== null)).toEqual([true, false, true]);
  expect(read('report.html')).toContain('No meeting on rtc-node-200');
});

test.each(['refuses', 'crashes'])(
  'the agent’s meeting: narrowcast’s side %s: the command fails, and says why',
  async (what) => {
    vi.stubEnv('FAKE_SIDE', `narrowcast=${what}`);

    await expect(holdFake()).rejects.toThrow(
      what === 'refuses' ? 'it does not want to' : noSignals ? 'its process ended' : 'SIGKILL',
    );
  },
);

test('the agent’s meeting: an interruption of one process ends it early, with all written', async () => {
  vi.stubEnv('FAKE_SIDE', 'rtc-node-1000=is interrupted');
  const { status, printed, read } = await holdFake();

  expect(status).toBe(130);
  expect(printed).toContain('It was ended early.');
  expect(read('report.html')).toContain('ended early');
});

test('the agent’s meeting: without a comparison there is narrowcast’s process alone', async () => {
  const { printed, read } = await holdFake({ compare: false });

  expect(printed).not.toContain('rtc-node');
  expect((JSON.parse(read('figures.json')) as AgentMeetingFigures).sides).toHaveLength(1);
});

test('gather: the agent’s voice has no silent sample, and callers do not speak in chorus', async () => {
  const all = await gather({ participants: 3, sampleRate: 16_000, seconds: 6, input: [], agent });

  expect(all.map(({ identity }) => identity)).toEqual(['caller-1', 'caller-2', 'caller-3', 'agent']);
  const [first, second, , voice] = all;
  expect(voice!.pcm.includes(0)).toBe(false);
  expect(voice!.pcm.length / 16_000).toBeGreaterThan(1.5);
  expect(voice!.pace).toEqual({ pieceMs: 20, firstMs: 200, queueMs: 200 });
  expect(samePcm(first!.pcm, second!.pcm)).toBe(false);
  expect([...first!.pcm].toSorted()).toEqual([...second!.pcm].toSorted());
});

test('three seconds of an agent’s meeting on the real engine, without a speech synthesizer: the voice is in the recording, word for word', async () => {
  const folder = scratch();
  const { status, stdout, stderr } = await narrowcast(
    ['meeting', '--no-compare', '--seconds', '3', '--json', 'a.json', '--no-report'],
    // No program at all can be found, so the speech is the one that ships.
    { cwd: folder, env: { PATH: '', Path: '' } },
  );

  expect(stderr).toBe('');
  expect(stdout).toContain('without a gap');
  expect(status).toBe(0);
  const { sides } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as AgentMeetingFigures;
  const { voice, participants, lagMs } = sides[0]!.result!;
  expect(voice).toMatchObject({ gaps: 0, missingMs: 0, lengthMs: 3000 });
  // The thread was blocked all the same.
  expect(lagMs.max).toBeGreaterThan(250);
  expect(participants).toHaveLength(5);
  for (const { samplesLost, intact } of participants)
    expect({ samplesLost, intact }).toEqual({ samplesLost: 0, intact: true });
  const recorded = await readRecording(join(folder, 'recordings', 'narrowcast', 'agent.wav'), 16_000);
  expect(recorded.filter((sample) => sample !== 0)).toHaveLength(48_000);
  expect(existsSync(join(folder, 'report.html'))).toBe(false);
});

test('a quiet meeting: narrowcast delivers no frame, and is not woken for one', async () => {
  const folder = scratch();
  const { status, stderr } = await narrowcast(
    [
      'meeting',
      '--scenario',
      'quiet',
      '--participants',
      '2',
      '--no-compare',
      '--seconds',
      '1',
      '--json',
      'a.json',
      '--no-report',
    ],
    { cwd: folder },
  );
  const { ours } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as {
    ours: { participants: { framesReceived: number; samplesPlayed: number }[] };
  };

  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(ours.participants.map(({ framesReceived, samplesPlayed }) => framesReceived + samplesPlayed)).toEqual([0, 0]);
});

test.skipIf(noSignals)('Ctrl-C ends an agent’s meeting early, with everything written', async () => {
  const folder = scratch();
  let sent = false;
  const { status, stdout, stderr } = await narrowcast(
    ['meeting', '--no-compare', '--seconds', '60', '--json', 'a.json', '--no-report'],
    {
      cwd: folder,
      onOutput: (sofar, kill) => {
        if (sent || !sofar.includes('narrowcast: ')) return;
        sent = true;
        kill('SIGINT');
      },
    },
  );

  expect(stderr).toBe('');
  expect(stdout).toContain('It was ended early.');
  expect(status).toBe(130);
  const { sides } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8')) as AgentMeetingFigures;
  const { voice, participants } = sides[0]!.result!;
  expect(voice).toMatchObject({ gaps: 0, missingMs: 0 });
  expect(voice!.lengthMs).toBe((participants.at(-1)!.samplesPlayed / 16_000) * 1000);
});

test.each([
  {
    name: 'a folder that is a file',
    args: ['--out', 'taken'],
    says: /^narrowcast: can't make the folder taken: .+\n$/,
  },
  {
    name: 'a picture in a missing folder',
    args: ['--svg', 'no/a.svg'],
    says: /^narrowcast: can't write no\/a\.svg: .+\n$/,
  },
  { name: 'speech that is missing', args: ['--input', 'no.wav'], says: /^narrowcast: can't read no\.wav: .+\n$/ },
])('the agent’s meeting: $name fails with one line and status 1, at once', async ({ args, says }) => {
  const folder = scratch();
  writeFileSync(join(folder, 'taken'), 'not audio');
  const { status, stdout, stderr } = await narrowcast(['meeting', '--seconds', '50', ...args], { cwd: folder });

  expect(stderr).toMatch(says);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});
