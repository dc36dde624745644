// How evenly a phone is fed whose far end plays 20 ms frames by a clock of its own, while the JavaScript thread is blocked for
// 100 ms in every 200: a track's paced sink beside a setTimeout(20) pacer, one that corrects its drift, and one that does so 160 ms
// ahead. All in one thread at the same time. And what a frame costs, beside a µ-law encoder in JavaScript.
// `npm run bench -- telephony`, `--seconds 60` for the whole minute; by default 15 s.

import { setTimeout as sleep } from 'node:timers/promises';
import { AudioStreamTrack, g711 } from 'narrowcast';
import { native } from '../src/native.js';
import { bench, row } from './support/harness.js';
import { rounds, time } from './support/rounds.js';
import { mainThreadUs } from './support/spent.js';

const FRAME_MS = 20;
const LEAD_MS = 160;
const SAMPLES = 160;
const TONE = Int16Array.from({ length: SAMPLES }, (_, i) => 20_000 * Math.sin((2 * Math.PI * 400 * i) / 8000));

/** The peer's encoder, as programs write it. */
function encode(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
    const exponent = 24 - Math.clz32(magnitude);
    bytes[i] = ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f));
  }
  return bytes;
}

/** The far end: a frame is played when it came, or when those before it have been. */
class Phone {
  frames = 0;
  underruns = 0;
  gapMs = 0;
  /** What it had when frames came, in ms. */
  readonly levels: number[] = [];
  #dryAt = NaN;

  take(now: number): void {
    if (this.frames++ > 0 && now > this.#dryAt) {
      this.underruns++;
      this.gapMs += now - this.#dryAt;
    }
    if (this.frames > 1) this.levels.push(this.#dryAt - now);
    this.#dryAt = (this.frames === 1 || now > this.#dryAt ? now : this.#dryAt) + FRAME_MS;
  }

  /** What was played by now, in ms. */
  playedMs(now: number): number {
    return this.frames * FRAME_MS - Math.max(0, this.#dryAt - now);
  }
}

interface Pacer {
  readonly phone: Phone;
  /** What the pacer believes to have been played, in ms. */
  playedMs(): number;
  wakes(): number;
  stop(): void;
}

/** Our own. `send` gets each frame. */
function track(seconds: number, send: (payload: string) => void = () => {}): Pacer {
  const phone = new Phone();
  const track = new AudioStreamTrack({ sampleRate: 8000, bufferMs: 600_000 });
  const sink = (payload: string) => {
    phone.take(performance.now());
    send(payload);
  };
  track.pipeTo(sink, { format: 'mulaw', frameMs: FRAME_MS, leadMs: LEAD_MS, base64: true }).catch(() => {});
  for (let i = 0; i < ((seconds + 5) * 1000) / FRAME_MS; i++) track.write(TONE);
  const before = native.threadWakes();
  return {
    phone,
    playedMs: () => track.playedMs,
    wakes: () => native.threadWakes() - before,
    stop: () => track.stop(),
  };
}

/** `nextIn`: how long it is until the next frame, in ms, and how many are due by then. */
function timers(due: (frame: number, start: number) => number, send: () => void = () => {}): Pacer {
  const phone = new Phone();
  const start = performance.now();
  let [frame, wakes] = [0, 0];
  let timer: ReturnType<typeof setTimeout>;
  const next = () => {
    wakes++;
    do {
      phone.take(performance.now());
      send();
      frame++;
    } while (due(frame, start) <= performance.now());
    timer = setTimeout(next, Math.max(0, due(frame, start) - performance.now()));
  };
  next();
  return { phone, playedMs: () => performance.now() - start, wakes: () => wakes, stop: () => clearTimeout(timer) };
}

const plain = (send?: () => void) => timers(() => performance.now() + FRAME_MS, send);
const corrected = (send?: () => void) => timers((frame, start) => start + frame * FRAME_MS, send);
const ahead = () => timers((frame, start) => start + frame * FRAME_MS - LEAD_MS);

type Pacers = Record<'ours' | 'plain' | 'corrected' | 'ahead', Pacer>;

/** The pacers, and by how much what each believes and what its phone has played came apart, in ms in a minute. */
async function blocked(seconds: number): Promise<{ pacers: Pacers; apart: Record<keyof Pacers, number> }> {
  const pacers: Pacers = { ours: track(seconds), plain: plain(), corrected: corrected(), ahead: ahead() };
  const names = Object.keys(pacers) as (keyof Pacers)[];
  const errors = () => names.map((name) => pacers[name].phone.playedMs(performance.now()) - pacers[name].playedMs());
  await sleep(500);
  const before = errors();
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    await sleep(100);
    for (const until = performance.now() + 100; performance.now() < until;);
  }
  const after = errors();
  for (const pacer of Object.values(pacers)) pacer.stop();
  const apart = names.map((name, i) => [name, (Math.abs(after[i]! - before[i]!) * 60) / seconds]);
  return { pacers, apart: Object.fromEntries(apart) as Record<keyof Pacers, number> };
}

/** Processor time of the main thread for each frame that is sent, as JSON, in µs. */
async function cost(pace: (send: (payload?: string) => void) => Pacer): Promise<number> {
  let sent = 0;
  const pacer = pace((payload = Buffer.from(encode(TONE)).toString('base64')) => {
    sent += JSON.stringify({ event: 'media', streamSid: 'MZ0', media: { payload } }).length > 0 ? 1 : 0;
  });
  await sleep(500);
  const [frames, us] = [sent, mainThreadUs()];
  await sleep(3000);
  const perFrame = (mainThreadUs() - us) / (sent - frames);
  pacer.stop();
  return perFrame;
}

await bench<'seconds'>(
  'telephony',
  async (add, { seconds: given = '15' }) => {
    const seconds = Number(given);
    if (!(seconds >= 5)) throw new Error(`--seconds ${given}: pass 5 or more`);
    const { pacers, apart } = await blocked(seconds);
    const { ours, ...peers } = pacers;
    const perSecond = (pacer: Pacer) => pacer.wakes() / seconds;
    for (const [name, peer] of Object.entries(peers)) {
      const what = {
        plain: 'setTimeout(20)',
        corrected: 'a timer for each frame that corrects its drift',
        ahead: 'the same, 160 ms ahead',
      };
      const note = `peer: ${what[name as keyof typeof what]}; the thread blocked for 100 ms in every 200, for ${seconds} s`;
      add(row(`${name}/underruns`, 'gaps', [ours.phone.underruns], [peer.phone.underruns], note));
      add(row(`${name}/gap`, 'ms', [ours.phone.gapMs], [peer.phone.gapMs]));
      add(row(`${name}/clock-error`, 'ms a minute', [apart.ours], [apart[name as keyof Pacers]]));
      add(row(`${name}/wakes`, 'in a second', [perSecond(ours)], [perSecond(peer)]));
    }
    const least = Math.min(...ours.phone.levels.slice((2 * LEAD_MS) / FRAME_MS));
    add(row('least-ahead', 'ms', [least], undefined, 'what the far end still had when frames came, at worst'));

    const bytes = new Uint8Array(SAMPLES);
    const us = (ns: number[]) => ns.map((each) => each / 1000);
    const encoders = rounds(51, {
      ours: () => time(() => bytes.set(g711.encode(TONE, 'mulaw')), 200),
      peer: () => time(() => bytes.set(encode(TONE)), 200),
    });
    add(
      row(
        'encode',
        'µs a frame',
        us(encoders.ours),
        us(encoders.peer),
        'of 20 ms, 160 samples; peer: an encoder in JavaScript',
      ),
    );
    const own = [await cost((send) => track(5, send))];
    const theirs = [await cost((send) => corrected(() => send()))];
    add(
      row(
        'whole',
        'µs a frame',
        own,
        theirs,
        'main thread: paced, encoded, in Base64 and JSON; peer: the corrected timer, that encoder',
      ),
    );
  },
  ['seconds'],
);
