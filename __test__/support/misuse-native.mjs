// Every function of the addon with every combination of odd arguments: each call returns or throws.
import { createRequire } from 'node:module';

const native = createRequire(import.meta.url)('../../index.cjs');
const odd = () => [
  undefined,
  null,
  NaN,
  -1,
  0,
  1,
  2 ** 31,
  2 ** 32,
  -1n,
  0n,
  2n ** 64n,
  '',
  'a',
  [],
  ['a', 'a'],
  {},
  () => {},
  new Uint8Array(0),
  new Uint8Array(new SharedArrayBuffer(8)),
  new BigUint64Array(3),
  new BigUint64Array(1),
  new Int16Array(7),
  new Uint32Array(2),
];

let refused = 0;
let survived = 0;
function attempt(call) {
  try {
    call();
    survived++;
  } catch {
    refused++;
  }
}

const bell = native.openDoorbell(() => {}, 0, 0);
const scratch = native.openScratch(new Uint8Array(16), new BigUint64Array(6));
const queue = () => new native.NativeQueue(['a', 'b']);
const subscription = () => {
  const from = queue();
  const made = from.subscribe({ doorbell: bell, scratch, kinds: [0], overflow: 'drop-oldest', capacity: 2 });
  for (let i = 0; i < 4; i++) from.put(0, new Uint8Array(5), 1n);
  return made;
};
const stream = () =>
  new native.NativeAudioStream({ sampleRate: 8000, channels: 2, frameSamples: 160, capacity: 1600 }, bell);
const heard = { threshold: 0.5, minSpeechMs: 50, minSilenceMs: 500, preRollMs: 300 };
const listening = () =>
  new native.NativeAudioStream(
    { sampleRate: 8000, channels: 2, frameSamples: 160, capacity: 1600, speech: heard },
    bell,
  );
const ear = () => listening().ear();
const detector = () => new native.NativeSpeechDetector(48_000, 2, 0.5, 50, 500);
const ring = () => new native.NativeRingBuffer(100, true);
const resampler = () => new native.NativeResampler(48_000, 16_000, 2, 2, false, false);

for (const make of [queue, subscription, stream, listening, ear, detector, resampler, ring]) {
  const { constructor } = make();
  const names = Object.getOwnPropertyNames(constructor.prototype).filter((name) => name !== 'constructor');
  for (const name of names) {
    const object = make();
    const { value } = Object.getOwnPropertyDescriptor(constructor.prototype, name);
    if (typeof value !== 'function') attempt(() => object[name]);
    else {
      attempt(() => object[name]());
      for (const a of odd()) {
        attempt(() => object[name](a));
        for (const b of odd()) {
          attempt(() => object[name](a, b));
          for (const c of odd().slice(5)) attempt(() => object[name](a, b, c));
        }
      }
    }
    // A method of one class on an object of another.
    for (const other of [queue(), subscription(), stream(), resampler(), ring(), {}, null])
      attempt(() => value?.call(other, new Int16Array(2)));
  }
  for (const a of odd()) {
    attempt(() => new constructor(a));
    attempt(() => constructor());
    for (const b of odd()) attempt(() => new constructor(a, b, b, b, b));
  }
}
const { replaceScratch, openScratch, answerDoorbell } = native;
for (const open of [native.NativeQueue.open, answerDoorbell, replaceScratch, openScratch, resampler().pusher()]) {
  for (const a of odd()) for (const b of odd()) attempt(() => open(a, b, true));
}
for (const a of odd()) for (const b of [true, false, ...odd()]) attempt(() => new native.NativeRingBuffer(a, b));
for (const a of odd()) attempt(() => native.NativeRingBuffer.open(a));
const useRing = ring().function();
for (const what of [...Array(10).keys(), ...odd()]) {
  for (const value of odd())
    for (const times of [1, 2]) for (let i = 0; i < times; i++) attempt(() => useRing(what, value));
}

// What is read by token: whose, how much, and where to.
const held = [subscription(), stream()];
const tokens = [...held.map(({ token }) => token), ...odd()];
const byToken = ['subscriptionRead', 'subscriptionKeep', 'subscriptionDiscard'];
for (const name of [...byToken, 'audioReadFrames', 'audioReadInto', 'audioReadable']) {
  for (const token of tokens) {
    for (const a of odd()) for (const wait of [true, false, undefined]) attempt(() => native[name](token, a, wait));
  }
}
// A scratch with no room, for bytes or for numbers: it says so, and what waits stays there.
for (const [bytes, meta] of [
  [0, 3],
  [64, 0],
  [64, 2],
]) {
  const small = native.openScratch(new Uint8Array(bytes), new BigUint64Array(meta));
  const from = queue();
  const tight = from.subscribe({ doorbell: bell, scratch: small, kinds: [0], overflow: 'grow', capacity: 2 });
  from.put(0, new Uint8Array(5), 1n);
  const answer = native.subscriptionRead(tight.token, 4, false);
  if (answer > 0 || tight.size !== 1) throw new Error(`${bytes} bytes, ${meta} numbers: ${answer}, ${tight.size}`);
}
for (const a of odd()) for (const b of odd()) attempt(() => native.openDoorbell(a, b, b));
for (const key of ['sampleRate', 'channels', 'frameSamples', 'capacity']) {
  const settings = { sampleRate: 8000, channels: 2, frameSamples: 160, capacity: 1600 };
  for (const value of odd()) attempt(() => new native.NativeAudioStream({ ...settings, [key]: value }, bell));
}
for (const key of ['doorbell', 'scratch', 'kinds', 'handles', 'overflow', 'capacity']) {
  const options = { doorbell: bell, scratch, kinds: [0], overflow: 'grow', capacity: 2 };
  for (const value of odd()) attempt(() => queue().subscribe({ ...options, [key]: value }));
  for (const value of odd()) attempt(() => queue().subscribe({ ...options, [key]: [value] }));
}
globalThis.gc?.();
console.log(`refused ${refused} calls, survived ${survived}`);
