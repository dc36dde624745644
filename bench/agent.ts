// What a job of `@livekit/agents` costs that listens to 1, 4 and 8 participants, as agents does it: an AgentSession for each,
// with the VAD that agents starts by default and a speech-to-text that only counts. On a real LiveKit server, plain rtc-node
// and narrowcast's flag in the same room in the same seconds; narrowcast with frames of 10, 20 and 50 ms, rtc-node as it
// comes. `npm run bench -- agent`; the first time, it installs 285 MB into the user's cache folder.
//
//   --seconds 12      how long each pair of jobs measures
//   --pairs 5         how often
//   --speakers 1,4,8  --frames 10,20,50
//   --vad narrowcast  our side with the VAD of narrowcast/agents
//   --profile FOLDER  profiles one more pair of each number of speakers, and says what each µs belongs to

import fs from 'node:fs';
import path from 'node:path';
import { startLivekitServer } from '../__test__/support/livekit-server.js';
import { AgentJobs, agentProject, type JobCost, type JobPair } from './support/agent-jobs.js';
import { bench, inTurn, median, row, type Row } from './support/harness.js';
import { ownersOf } from './support/profile-owners.js';

if (process.platform !== 'linux') {
  process.stderr.write('bench: agent reads the main thread’s processor time from /proc, and needs Linux.\n');
  process.exit(2);
}

/** A row whose ratio is the median of those of the pairs, each measured at one time. */
function paired(
  name: string,
  unit: string,
  pairs: readonly JobPair[],
  of: (cost: JobCost) => number,
  note?: string,
): Row {
  const ours = pairs.map((pair) => of(pair.ours));
  const peer = pairs.map((pair) => of(pair.peer));
  return { ...row(name, unit, ours, peer, note), ratio: median(ours.map((value, at) => value / peer[at]!)) };
}

function numbers(text: string | undefined, usual: readonly number[]): readonly number[] {
  const given = text?.split(',').map(Number) ?? usual;
  if (given.every((each) => Number.isInteger(each) && each > 0)) return given;
  process.stderr.write(`bench: ${text} is no list of whole numbers from 1\n`);
  process.exit(2);
}

await bench(
  'agent',
  async (add, given) => {
    const [seconds, count] = [numbers(given.seconds, [12])[0]!, numbers(given.pairs, [5])[0]!];
    const [speakers, frames] = [numbers(given.speakers, [1, 4, 8]), numbers(given.frames, [10, 20, 50])];
    if (given.vad !== undefined && given.vad !== 'narrowcast') {
      process.stderr.write(`bench: --vad ${given.vad}: pass narrowcast, or leave it out\n`);
      process.exit(2);
    }
    // The jobs inherit it.
    process.env['VAD'] = given.vad ?? '';
    const project = agentProject();
    const { server, stop } = await startLivekitServer();
    const pairs: Record<string, JobPair[]> = {};
    try {
      const jobs = new AgentJobs(server, project);
      const measure = async (people: number, frameMs: number) => {
        const pair = await jobs.run({ speakers: people, frameMs, seconds });
        const main = (cost: JobCost) => `${cost.mainPercent.toFixed(2)} %`;
        process.stderr.write(`${people} speakers, ${frameMs} ms: main thread ${main(pair.peer)}, ${main(pair.ours)}\n`);
        (pairs[`${people}/${frameMs}`] ??= []).push(pair);
      };
      const runs = speakers.flatMap((people) => frames.map((frameMs) => () => measure(people, frameMs)));
      for (let round = 0; round < count; round++) await inTurn(round, [() => measure(0, frames[0]!), ...runs]);
      if (given.profile !== undefined) {
        for (const people of speakers) {
          const profiles = path.join(given.profile, `${people}`);
          fs.mkdirSync(profiles, { recursive: true });
          await jobs.run({ speakers: people, frameMs: frames[0]!, seconds, profiles });
          for (const side of ['peer', 'ours']) {
            const owners = ownersOf(path.join(profiles, `${side}.cpuprofile`));
            console.log(`${people} speakers, ${side}, % of the busy main thread: ${owners}`);
          }
        }
      }
    } finally {
      await stop();
    }

    const idle = pairs[`0/${frames[0]}`]!;
    const floor =
      'the idle floor: a job in a room without speakers. It is in the other figures, too: nothing is subtracted';
    add(paired('agent/main/idle', '% of a core', idle, (cost) => cost.mainPercent, floor));
    add(paired('agent/wakes/idle', 'wakes of the main thread a second', idle, (cost) => cost.wakesPerSecond));
    add(paired('agent/cpu/idle', '% of a core, whole process', idle, (cost) => cost.cpuPercent));
    add(paired('agent/rss/idle', 'MB', idle, (cost) => cost.rssMb));
    const [firstSpeakers, firstFrames] = [speakers[0], frames[0]];
    for (const people of speakers) {
      for (const frameMs of frames) {
        const first = people === firstSpeakers && frameMs === firstFrames;
        const compare = (name: string, unit: string, of: keyof JobCost, note?: string) =>
          add(
            paired(
              `agent/${name}/${people}/${frameMs}ms`,
              unit,
              pairs[`${people}/${frameMs}`]!,
              (cost) => Number(cost[of]),
              first ? note : undefined,
            ),
          );
        compare(
          'main',
          'main-thread µs for 10 ms of a speaker',
          'usPer10ms',
          'peer is rtc-node as it comes, at 10 ms, in every row',
        );
        compare('main-share', '% of a core', 'mainPercent');
        compare('wakes', 'wakes of the main thread a second', 'wakesPerSecond', 'how often it had gone to sleep');
        compare('elu', '% event-loop utilisation', 'elu');
        compare('cpu', '% of a core, whole process', 'cpuPercent', "with the engine's own work");
        compare('rss', 'MB', 'rssMb');
        compare('frames', 'frames a second to all speech-to-texts', 'framesPerSecond');
        compare('heard', '% of what was said', 'heardPercent');
      }
    }
  },
  ['seconds', 'pairs', 'speakers', 'frames', 'vad', 'profile'],
);
