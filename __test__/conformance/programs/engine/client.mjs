// rtc-node's FFI client, which its classes and some plug-ins use: listeners, waiters, signals and ids.
import * as ffi from '@livekit/rtc-ffi-bindings';
import { AudioSource } from '@livekit/rtc-node';
import { listeners, sayLeftovers } from '../leftovers.mjs';
import { level, openTrack } from '../sound.mjs';
import { outcome, say as program, trace, until } from '../trace.mjs';

const { source, track } = openTrack();
const client = globalThis._ffiClientInstance;
program('listeners', [listeners(), client.getMaxListeners()]);
program(
  'methods',
  ['request', 'waitFor', 'copyBuffer', 'retrievePtr', 'getNextRequestAsyncId', 'on', 'off', 'once', 'emit'].map(
    (name) => typeof client[name],
  ),
);
const ids = [1, 2, 3].map(() => client.getNextRequestAsyncId());
program('ids', [typeof ids[0], ids[1] - ids[0], ids[2] - ids[1]]);

/** Asks the engine to play a frame; returns the id of the answer to come. */
function ask(from = source, frame = level(1)) {
  const buffer = frame.protoInfo();
  const request = new ffi.CaptureAudioFrameRequest({ sourceHandle: from.ffiHandle.handle, buffer });
  const { asyncId } = client.request({ message: { case: 'captureAudioFrame', value: request } });
  return [asyncId, frame];
}
const answered = (asyncId) => (event) =>
  event.message.case === 'captureAudioFrame' && event.message.value.asyncId === asyncId;
const isAnswer = (event) => event.message.case === 'captureAudioFrame';

{
  const say = trace('waitFor');
  const [id] = ask();
  const answer = await client.waitFor(answered(id));
  say('answer', [answer.constructor.typeName, answer.asyncId === id, answer.error ?? 'none']);
  say('by kind', (await Promise.all([client.waitFor(isAnswer), ask()])).length);
  const asked = [1, 2, 3].map(() => ask()[0]);
  const answers = await Promise.all(asked.map((of) => client.waitFor(answered(of))));
  say(
    'each its own',
    answers.every(({ asyncId }, at) => asyncId === asked[at]),
  );
  const [one] = ask();
  const both = await Promise.all([client.waitFor(answered(one)), client.waitFor(answered(one))]);
  say(
    'two for one',
    both.every(({ asyncId }) => asyncId === one),
  );
}
{
  const say = trace('signal');
  const reason = new RangeError('no longer');
  say('aborted before', await outcome(client.waitFor(() => false, { signal: AbortSignal.abort(reason) })));
  say('aborted before, without a reason', await outcome(client.waitFor(() => false, { signal: AbortSignal.abort() })));
  const stopping = new AbortController();
  const waiting = [1, 2].map(() => outcome(client.waitFor(() => false, { signal: stopping.signal })));
  stopping.abort(reason);
  say('aborted', await Promise.all(waiting));
  say('listeners', listeners());
  const late = new AbortController();
  const [id] = ask();
  const answer = client.waitFor(answered(id), { signal: late.signal });
  await answer;
  late.abort();
  say('aborted after', (await answer).asyncId === id);
}
{
  const say = trace('predicate that throws');
  const failed = [];
  const onFailure = (error) => failed.push(error instanceof RangeError);
  process.on('uncaughtException', onFailure);
  const waiting = client.waitFor(() => {
    throw new RangeError('in a predicate');
  });
  void waiting.catch(() => failed.push(true));
  ask();
  await until(() => failed.length > 0);
  say('is told', failed[0]);
  client.removeAllListeners('ffi_event');
  process.off('uncaughtException', onFailure);
}
{
  const say = trace('listeners');
  const seen = [];
  const listener = (name) => (event) => isAnswer(event) && seen.push(name);
  const [one, other, last] = ['one', 'other', 'last'].map(listener);
  client.on('ffi_event', one);
  client.on('ffi_event', other);
  client.prependListener('ffi_event', last);
  say('counted', [listeners(), client.listeners('ffi_event').length]);
  ask();
  await until(() => seen.length === 3);
  say('order', seen.splice(0));
  client.off('ffi_event', one);
  ask();
  await until(() => seen.length === 2);
  say('without one', seen.splice(0));
  client.off('ffi_event', other);
  client.off('ffi_event', last);
  let once = 0;
  const onlyOnce = (event) => void (isAnswer(event) && once++);
  client.once('ffi_event', onlyOnce);
  ask();
  await until(() => once > 0 || listeners() === 0);
  say('once', listeners());
}
{
  const say = trace('a listener that leaves while it is called');
  let seen = 0;
  const leaves = (event) => {
    if (!isAnswer(event)) return;
    seen++;
    client.off('ffi_event', leaves);
  };
  const stays = (event) => void (isAnswer(event) && (seen += 10));
  client.on('ffi_event', leaves);
  client.on('ffi_event', stays);
  ask();
  await until(() => seen >= 10);
  ask();
  await until(() => seen >= 20);
  say('called', seen);
  client.off('ffi_event', stays);
}
{
  const say = trace('an answer and who waits for it');
  // A caller that waits for an answer goes on before the client hands out the next event.
  const order = [];
  const listener = (event) => void (isAnswer(event) && order.push('event'));
  const asked = [1, 2, 3, 4, 5].map(() => ask()[0]);
  client.on('ffi_event', listener);
  await Promise.all(
    asked.map(async (id) => {
      await client.waitFor(answered(id));
      order.push('goes on');
    }),
  );
  client.off('ffi_event', listener);
  say('order', order);
}
{
  const say = trace('requests');
  say('refused', await outcome((async () => client.request({ message: { case: 'newAudioSource', value: {} } }))()));
  say(
    'of a handle that is none',
    await outcome(
      (async () => client.request({ message: { case: 'clearAudioBuffer', value: { sourceHandle: 999_999n } } }))(),
    ),
  );
  const request = new ffi.CaptureAudioFrameRequest({
    sourceHandle: source.ffiHandle.handle,
    buffer: level(1).protoInfo(),
  });
  say('as it was given', [request.requestAsyncId === undefined]);
  const answers = [1, 2].map(() => client.request({ message: { case: 'captureAudioFrame', value: request } }).asyncId);
  say('used twice', [answers[0] !== answers[1], request.requestAsyncId === undefined]);
  await Promise.all(answers.map((id) => client.waitFor(answered(id))));
  const bytes = Uint8Array.of(1, 2, 3);
  say('copies', [...client.copyBuffer(client.retrievePtr(bytes), 3)]);
}
{
  program('a source of its own', new AudioSource(8000, 1, 0).sampleRate);
}
await track.close();
program('listeners in the end', listeners());
await sayLeftovers();
process.exit();
