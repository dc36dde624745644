import type { EventEmitter } from 'node:events';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { native } from '../../src/native.js';
import { encodeEvent } from '../support/messages.js';
import { block, until } from '../support/wait.mjs';

const client = () => (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
const roomEvent = (roomHandle: bigint) => encodeEvent({ roomEvent: { roomHandle, roomSidChanged: {} } });
const nextTick = () => new Promise<void>((resolve) => process.nextTick(resolve));
const turnOfLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => void install());
afterEach(() => install().uninstall());

/** Calls `listener` with the number of each room that an event is about. */
function listen(listener: (room: bigint) => void): void {
  const each = ({ message }: FfiEvent) => message.case === 'roomEvent' && listener(message.value.roomHandle!);
  client().on('ffi_event', each);
  onTestFinished(() => void client().off('ffi_event', each));
}

function put(...rooms: bigint[]): void {
  for (const room of rooms) install().queue.put('roomEvent', roomEvent(room), room);
}

describe('all that an event leads to in microtasks and nextTick callbacks is over before the next event', () => {
  const STEPS = ['promise', 'promise', 'tick', 'promise', 'tick', 'tick', 'promise'];

  /** Notes each step of a caller that goes on in promises and ticks by turns. */
  async function goOn(name: string, steps: string[]): Promise<void> {
    for (const [at, step] of STEPS.entries()) {
      await (step === 'tick' ? nextTick() : Promise.resolve());
      steps.push(`${name} ${at}`);
    }
  }

  const expected = (names: readonly string[]) =>
    names.flatMap((name) => [name, ...STEPS.map((_, at) => `${name} ${at}`)]);

  test('for listeners', async () => {
    const steps: string[] = [];
    listen((room) => {
      steps.push(String(room));
      void goOn(String(room), steps);
    });
    put(1n, 2n, 3n);
    await until(() => steps.length === 3 * (1 + STEPS.length), 'all was handed out');
    expect(steps).toEqual(expected(['1', '2', '3']));
  });

  test("for the answers to narrowcast's own requests", async () => {
    const steps: string[] = [];
    const { answers } = install();
    const ids = [1, 2, 3].map(() => answers.newId());
    const all = ids.map(async (id, at) => {
      await answers.to(id);
      steps.push(`${at}`);
      await goOn(`${at}`, steps);
    });
    const queue = native.engineAnswersQueue();
    for (const id of ids) queue.put(0, encodeEvent({ captureAudioFrame: { asyncId: id } }), id);
    await Promise.all(all);
    expect(steps).toEqual(expected(['0', '1', '2']));
  });

  test('for events and answers by turns', async () => {
    const steps: string[] = [];
    listen((room) => {
      steps.push('event');
      void goOn('event', steps);
      expect(room).toBe(7n);
    });
    const { answers } = install();
    const id = answers.newId();
    const answered = answers.to(id).then(async () => {
      steps.push('answer');
      await goOn('answer', steps);
    });
    put(7n);
    native.engineAnswersQueue().put(0, encodeEvent({ captureAudioFrame: { asyncId: id } }), id);
    await answered;
    await until(() => steps.length === 2 * (1 + STEPS.length), 'all was handed out');
    expect([expected(['event', 'answer']), expected(['answer', 'event'])]).toContainEqual(steps);
  });
});

test('what waits is handed out without a turn of the event loop for each event', async () => {
  const rooms: bigint[] = [];
  let turns = 0;
  listen((room) => rooms.push(room));
  put(...Array.from({ length: 200 }, (_, at) => BigInt(at)));
  while (rooms.length < 200) {
    await turnOfLoop();
    if (rooms.length > 0) turns++;
  }
  expect(rooms).toEqual(Array.from({ length: 200 }, (_, at) => BigInt(at)));
  // One, unless the machine is so slow that timers and I/O were due in between.
  expect(turns).toBeLessThan(100);
});

test('timers and I/O have their turn while events wait that take long to hear', async () => {
  const heard: bigint[] = [];
  const heardAtTurns: number[] = [];
  listen((room) => {
    heard.push(room);
    block(2);
  });
  put(...Array.from({ length: 40 }, (_, at) => BigInt(at)));
  while (heard.length < 40) {
    await turnOfLoop();
    heardAtTurns.push(heard.length);
  }
  expect(heardAtTurns.filter((count) => count > 0 && count < 40).length).toBeGreaterThan(3);
  expect(heard).toEqual(Array.from({ length: 40 }, (_, at) => BigInt(at)));
});

test('answers wait for no turn of the event loop, however long their callers take, and also while events do', async () => {
  const { answers } = install();
  const heard: bigint[] = [];
  listen((room) => {
    heard.push(room);
    block(4);
  });
  const ids = Array.from({ length: 20 }, () => answers.newId());
  const answered: bigint[] = [];
  let turns = 0;
  const all = ids.map(async (id) => {
    await answers.to(id);
    answered.push(id);
    block(1);
  });
  put(...Array.from({ length: 20 }, (_, at) => BigInt(at)));
  for (const id of ids) {
    native.engineAnswersQueue().put(0, encodeEvent({ captureAudioFrame: { asyncId: id } }), id);
  }
  while (answered.length < ids.length) {
    await turnOfLoop();
    if (answered.length > 0) turns++;
  }
  await Promise.all(all);
  // The answers took 20 ms, and events waited meanwhile.
  expect(turns).toBeLessThanOrEqual(2);
  expect(heard.length).toBeLessThan(20);
  await until(() => heard.length === 20, 'the events come, too');
});

test('an event that can not be decoded, or whose listener throws, keeps none from being handed out', async () => {
  const thrown: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => void thrown.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });
  const heard: bigint[] = [];
  listen((room) => {
    heard.push(room);
    if (room === 1n) throw new Error('a listener');
  });
  put(1n);
  install().queue.put('roomEvent', Uint8Array.of(10, 200), 2n);
  put(3n);
  await until(() => heard.length === 2 && thrown.length === 2, 'all was handed out');
  expect(heard).toEqual([1n, 3n]);
});
