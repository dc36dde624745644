import * as ffi from '@livekit/rtc-ffi-bindings';
import { describe, expect, test } from 'vitest';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { encodeEvent } from '../support/messages.js';

const schema = describeEvents(ffi);
const byName = new Map(schema.cases.map((entry) => [entry.name, entry]));

describe('the description of events', () => {
  test('has every case of the installed package', () => {
    const fields = ffi.FfiEvent.fields.list();
    expect(schema.cases.map(({ name, field }) => [name, field])).toEqual(fields.map((f) => [f.localName, f.no]));
  });

  test('knows what events are about', () => {
    const subjects = (name: string) => [byName.get(name)!.subject, byName.get(name)!.answer];
    expect(subjects('roomEvent')).toEqual([1, false]);
    expect(subjects('audioStreamEvent')).toEqual([1, false]);
    expect(subjects('videoStreamEvent')).toEqual([1, false]);
    expect(subjects('connect')).toEqual([1, true]);
    expect(subjects('logs')).toEqual([undefined, false]);
  });

  test('finds handles that are nested, several, and repeated', () => {
    expect(byName.get('audioStreamEvent')!.owned).toEqual([[2, 1, 1, 1]]);
    expect(byName.get('connect')!.owned).toHaveLength(4);
    const message = encodeEvent({
      connect: {
        asyncId: 9n,
        result: {
          room: { handle: { id: 1n } },
          localParticipant: { handle: { id: 2n } },
          participants: [
            { participant: { handle: { id: 3n } }, publications: [{ handle: { id: 4n } }, { handle: { id: 5n } }] },
            { participant: { handle: { id: 6n } } },
          ],
        },
      },
    });
    const peek = native.enginePeek(schema, message);
    expect({ ...peek, owned: peek.owned.toSorted() }).toEqual({
      type: 'connect',
      handle: 9n,
      owned: [1n, 2n, 3n, 4n, 5n, 6n],
    });
  });

  test('gives the request number of captureAudioFrame, not the one of its answer', () => {
    const request = ffi.FfiRequest.fields.list().find((field) => field.localName === 'captureAudioFrame');
    expect(schema.capture).toMatchObject({ request: request!.no, answer: 13 });
  });
});

test('a package that describes no such events is refused, by name of what is missing', () => {
  const refused = (broken: object, what: RegExp) => {
    expect(() => describeEvents({ ...ffi, ...broken } as typeof ffi)).toThrow(
      expect.objectContaining({ code: 'ENGINE_INCOMPATIBLE', message: expect.stringMatching(what) }),
    );
  };
  const without = (type: { fields: { list(): readonly { name: string }[] }; typeName: string }, name: string) => ({
    typeName: type.typeName,
    fields: { list: () => type.fields.list().filter((field) => field.name !== name) },
  });
  refused({ FfiEvent: undefined }, /FfiEvent/);
  refused({ FfiEvent: without(ffi.FfiEvent, 'audio_stream_event') }, /audio_stream_event/);
  refused({ FfiRequest: without(ffi.FfiRequest, 'capture_audio_frame') }, /capture_audio_frame/);
});

test.each([
  ['nothing', new Uint8Array()],
  ['a truncated message', new Uint8Array([0x22, 0x05, 0x08])],
  ['no protobuf', new Uint8Array(64).fill(0xff)],
  ['an unknown case', new Uint8Array([0xf2, 0x3f, 0x00])],
])('%s is an error, not a crash', (_, bytes) => {
  expect(() => native.enginePeek(schema, bytes)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
