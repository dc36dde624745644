// What rtc-node exports, by import and by require, and what its classes can do.
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import * as rtc from '@livekit/rtc-node';
import { say as program, trace } from '../trace.mjs';

const required = createRequire(import.meta.url)('@livekit/rtc-node');
program('names', Object.keys(rtc).toSorted());
program(
  'required alike',
  Object.keys(rtc).filter((name) => name !== 'default' && name !== 'module.exports' && required[name] !== rtc[name]),
);

for (const [name, value] of Object.entries(rtc).toSorted()) {
  const say = trace(name);
  say('type', typeof value);
  if (typeof value !== 'function') continue;
  if (!/^[A-Z]/.test(name)) continue;
  say('name', value.name);
  const prototypes = [];
  for (let at = value.prototype; at; at = Object.getPrototypeOf(at)) prototypes.push(at.constructor);
  // Those that a program can know; there may be others between them.
  const known = new Set([...Object.values(rtc), Object, ReadableStream, EventEmitter, Error]);
  say(
    'is a',
    prototypes.filter((constructor) => known.has(constructor)).map((constructor) => constructor.name),
  );
}
new rtc.AudioSource(48_000, 1, 0);
process.exit();
