#!/usr/bin/env node
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import type { Access, AccessFlags } from './record/access.js';
import { VERSION } from '../version.js';
import { duration, files, path, whole } from './shared/arguments.js';
import { runDoctor } from './doctor/doctor.js';
import { Failure, failureLine } from './shared/failure.js';
import { timeName } from './shared/format.js';
import { isReaderGone } from './shared/interruption.js';
import { Screen } from './shared/screen.js';

/** The command was not understood. */
const USAGE = 2;

/** The command was understood, and failed. */
const FAILED = 1;

/** Longest time that can be asked for, in s: 100 days. */
const LONGEST_RECORDING_S = 8_640_000;

const program = new Command('narrowcast')
  .description("Real-time media plumbing for Node voice agents, on LiveKit's own native engine.")
  .version(VERSION, '-V, --version')
  .exitOverride()
  // One line, whatever it was.
  .configureOutput({
    outputError: (message, write) =>
      write(
        `narrowcast: ${message
          .replace(/^error: /, '')
          .trim()
          .replaceAll('\n', ' ')}\n`,
      ),
  });

interface MeetingFlags {
  scenario: Scenario;
  participants?: number;
  seconds?: number;
  input: string[];
  frameMs: number;
  sampleRate: number;
  stall?: number;
  forget?: number;
  out: string;
  json?: string;
  svg?: string;
  compare: boolean;
  report: string | false;
  agents?: string | true;
  url?: string;
}

/** What a scenario is, where the command line does not say otherwise. */
const SCENARIOS = {
  agent: { participants: 4, seconds: 6, stall: 300, forget: 0 },
  crowd: { participants: 16, seconds: 20, stall: 0, forget: 0 },
  leak: { participants: 4, seconds: 20, stall: 0, forget: 2 },
  quiet: { participants: 16, seconds: 20, stall: 0, forget: 0 },
} as const;
type Scenario = keyof typeof SCENARIOS;

program
  .command('meeting')
  .description(
    "Hold a meeting on this machine, on LiveKit's engine, without a server, with narrowcast and with plain @livekit/rtc-node at " +
      'the same time, in processes of their own: a busy machine disturbs all alike, but they share its cores. The exit status is ' +
      'about narrowcast alone: 0, or 1 if anything was lost. Scenarios: agent: callers talk, an agent listens to all and ' +
      'speaks, and its thread is blocked for 300 ms in each second; how do the callers hear it? narrowcast, and rtc-node with ' +
      'agents’ queue of 200 ms and with its own default of 1,000 ms. crowd: 16 participants with voices of their own, each ' +
      'recording compared with what was played. leak: two streams are opened each second and forgotten without being closed. ' +
      'quiet: no participant speaks; narrowcast delivers speech alone.',
  )
  .addOption(
    new Option('--scenario <name>', 'which meeting it is')
      .choices(Object.keys(SCENARIOS))
      .default('agent' satisfies Scenario),
  )
  .option('--participants <n>', 'how many talk: 16 in crowd and quiet, otherwise 4', whole(1, 256))
  .option('--seconds <s>', 'how long it lasts: 6 in agent, otherwise 20', duration(86_400))
  .option(
    '--input <files>',
    'WAV files that participants play, separated by commas; without: the speech that ships, or synthetic voices in a crowd',
    files,
    [],
  )
  .option('--frame-ms <ms>', 'length of the frames that are read', whole(1, 1000), 10)
  .option('--sample-rate <hz>', 'of tracks, streams and recordings', whole(8000, 192_000), 16_000)
  .option(
    '--stall <ms>',
    'block the JavaScript thread that long, once a second: 300 in agent, otherwise 0',
    whole(0, 60_000),
  )
  .option(
    '--forget <n>',
    'open so many streams each second, and forget each without closing it: 2 in leak, otherwise 0',
    whole(0, 100),
  )
  .option(
    '--out <folder>',
    'where the recordings go, one WAV file for each participant; in agent, a folder for each side',
    path,
    'recordings',
  )
  .option('--json <file>', 'where the figures go', path)
  .option('--svg <file>', 'in agent: where a picture of the voices goes', path)
  .option('--report <file>', 'where the report goes, a web page with charts', path, 'report.html')
  .option('--no-report', 'write no report')
  .option('--no-compare', 'leave rtc-node out')
  .option(
    '--agents [folder]',
    'in agent: the agents are jobs of @livekit/agents, installed in that folder (default: this one), in rooms on a LiveKit ' +
      'server; its keys are LIVEKIT_API_KEY and LIVEKIT_API_SECRET (default: those of livekit-server --dev)',
  )
  .option('--url <url>', 'with --agents: the LiveKit server (default: ws://127.0.0.1:7880)')
  .action(async (flags: MeetingFlags, command: Command) => {
    const { agents, ...given } = flags;
    const { scenario } = given;
    const options = { ...SCENARIOS[scenario], quiet: scenario === 'quiet', ...given };
    const { sampleRate, frameMs, seconds } = options;
    const { longestWav } = await import('../wav-writer.js');
    const refuse = (message: string) => command.error(`error: ${message}`, { exitCode: USAGE });
    if (sampleRate % 100 !== 0) refuse(`--sample-rate ${sampleRate} must be a multiple of 100`);
    if ((sampleRate * frameMs) % 1000 !== 0) {
      refuse(`--frame-ms ${frameMs} does not make whole samples at ${sampleRate} Hz`);
    }
    if (seconds > longestWav(sampleRate)) {
      refuse(`--seconds ${seconds} is longer than a WAV file can be at ${sampleRate} Hz`);
    }
    if (options.svg !== undefined && scenario !== 'agent') refuse('--svg draws the voice of --scenario agent');
    if (options.forget > 0 && scenario === 'agent') refuse('--forget goes with --scenario crowd or leak');
    if (agents !== undefined && scenario !== 'agent') refuse('--agents goes with --scenario agent');
    if (options.url !== undefined && agents === undefined) refuse('--url goes with --agents');
    const sideProgram = fileURLToPath(new URL('side-main.cjs', import.meta.url));
    const screen = new Screen(process.stdout);
    const report = options.report || undefined;
    if (scenario === 'agent') {
      const { holdAgentMeeting } = await import('./meeting/agent/hold.js');
      const asset = (name: string) => fileURLToPath(new URL(`../../assets/${name}.wav`, import.meta.url));
      const { findAgents } = await import('./meeting/agents/find.js');
      const room = agents === undefined ? undefined : await findAgents({ agents, url: options.url }, process.env);
      const meeting = { ...options, report, agents: room, voice: asset('agent'), caller: asset('caller') };
      process.exitCode = await holdAgentMeeting(meeting, sideProgram, screen);
      return;
    }
    const { holdMeeting } = await import('./meeting/meeting.js');
    const { NarrowcastBackend } = await import('./meeting/narrowcast-backend.js');
    const { paceFor } = await import('./meeting/tracks.js');
    const open = () =>
      new NarrowcastBackend(sampleRate, frameMs, paceFor(options.stall), { speechOnly: options.quiet });
    process.exitCode = await holdMeeting(
      { ...options, report },
      open,
      screen,
      options.compare ? sideProgram : undefined,
    );
  });

interface RecordFlags extends AccessFlags {
  rate: number;
  seconds?: number;
  out?: string;
  json?: string;
  report: string | boolean;
}

program
  .command('record')
  .description(
    'Record every participant of a LiveKit room, until the room closes or you press Ctrl-C: a WAV file for each participant, 16-bit mono. All ' +
      'files begin and end together, with silence where a participant was not heard, so they can be played side by side. ' +
      'Video is not received. The exit status is 0 when the room or the time is over, 1 if anything was lost, 130 ' +
      'after Ctrl-C.',
  )
  .option('--url <url>', 'the LiveKit server (LIVEKIT_URL)')
  .option('--token <token>', 'to enter the room with (LIVEKIT_TOKEN)')
  .option('--room <name>', 'without a token: the room, for LIVEKIT_API_KEY and LIVEKIT_API_SECRET')
  .option('--identity <name>', 'with --room: whom the others see (default: recorder- and a number)')
  .option('--rate <hz>', 'of the files; 48000 is what the engine decodes', whole(8000, 192_000), 48_000)
  .option('--seconds <s>', 'how long at most', duration(LONGEST_RECORDING_S))
  .option(
    '--out <folder>',
    'where the files go; no recording there is replaced (default: recordings/ and the time of day, UTC)',
    path,
  )
  .option('--json <file>', 'where the figures go', path)
  .option(
    '--report <file>',
    'where the report goes, a web page with charts (default: report.html in that folder)',
    path,
  )
  .option('--no-report', 'write no report')
  .action(async (options: RecordFlags, command: Command) => {
    const { rate, seconds, json, report } = options;
    const { accessFrom } = await import('./record/access.js');
    const refuse = (message: string) => command.error(`error: ${message}`, { exitCode: USAGE });
    if (rate % 100 !== 0) refuse(`--rate ${rate} must be a multiple of 100`);
    let access: Access;
    try {
      access = accessFrom(options, process.env);
    } catch (error) {
      return refuse((error as Error).message);
    }
    const { recordRoom } = await import('./record/record.js');
    const { LiveKitRoom } = await import('./record/livekit-room.js');
    const out = options.out ?? join('recordings', timeName(new Date()));
    process.exitCode = await recordRoom(
      { sampleRate: rate, seconds, out, json, report: report === true ? undefined : report },
      () => new LiveKitRoom(access, rate),
      new Screen(process.stdout),
    );
  });

program
  .command('watch')
  .description(
    'Show what running agents report about themselves: the files that NARROWCAST_REPORT=30s:FILE has them write, as a ' +
      'table, and in words what looks wrong, such as streams that are opened and never closed. Until Ctrl-C.',
  )
  .argument('<file...>', 'files of reports; several processes may write to one')
  .option('--once', 'show what the files have, and end', false)
  .action(async (paths: string[], options: { once: boolean }) => {
    const { watch } = await import('./watch/watch.js');
    await watch(paths, options, new Screen(process.stdout));
  });

program
  .command('doctor')
  .description('Say what narrowcast finds on this machine, and whether it understands the LiveKit that is installed.')
  .option('--json', 'print it as JSON', false)
  .action(async (options: { json: boolean }) => {
    let failed: Error | undefined;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (!isReaderGone(error)) failed = error;
    });
    process.exitCode = await runDoctor(options, (text) => process.stdout.write(text));
    // Errors of writing come in a later turn.
    await setImmediate();
    if (failed) throw new Failure(`can't write what doctor found: ${failed.message}`);
  });

void run();

async function run(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said what is wrong. Asked for help or the version, it has status 0.
      process.exitCode = error.exitCode === 0 ? 0 : USAGE;
    } else {
      process.exitCode = FAILED;
      const line = failureLine(error);
      process.stderr.write(
        line === undefined ? `narrowcast failed: ${(error as Error)?.stack ?? error}\n` : `narrowcast: ${line}\n`,
      );
    }
  }
}
