import type * as Ffi from '@livekit/rtc-ffi-bindings';
import { NarrowcastError } from '../errors.js';
import type { Native } from '../native.js';

/** What @bufbuild/protobuf tells of a field. */
interface Field {
  readonly no: number;
  readonly name: string;
  readonly localName: string;
  readonly kind: 'scalar' | 'enum' | 'message' | 'map';
  readonly T?: unknown;
}

/** What @bufbuild/protobuf tells of a message. */
interface MessageType {
  readonly typeName: string;
  readonly fields: { list(): readonly Field[] };
}

/** Nested messages deeper than this own nothing that the engine hands out today. */
const MAX_DEPTH = 8;

/** What the engine calls the thing an event is about, most specific first. */
const SUBJECTS = ['async_id', 'stream_handle', 'reader_handle', 'room_handle', 'local_participant_handle'];

/**
 * What native code has to know to read the engine's events without decoding them: field numbers, from the descriptors
 * of the package that is installed.
 *
 * @throws {NarrowcastError} `ENGINE_INCOMPATIBLE` if the package describes no such messages
 */
export function describeEvents(ffi: typeof Ffi): Native.NativeSchema {
  const event = message(ffi.FfiEvent, 'FfiEvent');
  const cases = event.fields.list().map(describeCase);

  const audio = field(event, 'audio_stream_event');
  const received = field(nested(audio), 'frame_received');
  const frame = field(nested(received), 'frame');
  const handle = field(nested(frame), 'handle');
  const info = field(nested(frame), 'info');

  const requests = message(ffi.FfiRequest, 'FfiRequest');
  const request = field(requests, 'capture_audio_frame');
  const clear = field(requests, 'clear_audio_buffer');
  const answer = field(event, 'capture_audio_frame');
  const video = field(event, 'video_stream_event');
  return {
    cases,
    audio: {
      case: audio.no,
      frameReceived: received.no,
      eos: field(nested(audio), 'eos').no,
      frame: frame.no,
      handle: handle.no,
      handleId: field(nested(handle), 'id').no,
      info: info.no,
      dataPtr: field(nested(info), 'data_ptr').no,
      numChannels: field(nested(info), 'num_channels').no,
      sampleRate: field(nested(info), 'sample_rate').no,
      samplesPerChannel: field(nested(info), 'samples_per_channel').no,
    },
    capture: {
      request: request.no,
      sourceHandle: field(nested(request), 'source_handle').no,
      buffer: field(nested(request), 'buffer').no,
      requestAsyncId: field(nested(request), 'request_async_id').no,
      clear: clear.no,
      clearSource: field(nested(clear), 'source_handle').no,
      answer: answer.no,
      error: field(nested(answer), 'error').no,
    },
    video: { case: video.no, eos: field(nested(video), 'eos').no },
  };
}

function describeCase(of: Field): Native.NativeCase {
  const fields = of.kind === 'message' ? fieldsOf(nested(of)) : [];
  const subject = SUBJECTS.map((name) => fields.find((inner) => inner.name === name)).find((inner) => inner);
  return {
    field: of.no,
    name: of.localName,
    ...(subject && { subject: subject.no }),
    answer: subject?.name === 'async_id',
    owned: of.kind === 'message' ? ownedIn(nested(of), []) : [],
  };
}

/** Paths of field numbers from a message to the id of each native handle in it. `within`: the messages around it. */
function ownedIn(type: MessageType, within: MessageType[]): number[][] {
  const owned: number[][] = [];
  if (within.length > MAX_DEPTH || within.includes(type)) return owned;
  within.push(type);
  for (const outer of fieldsOf(type)) {
    if (outer.kind !== 'message') continue;
    const inner = nested(outer);
    if (inner.typeName.endsWith('.FfiOwnedHandle')) owned.push([outer.no, field(inner, 'id').no]);
    else for (const path of ownedIn(inner, within)) owned.push([outer.no, ...path]);
  }
  within.pop();
  return owned;
}

/**
 * A message's fields as the package describes them, without `localName`. By `list()`, @bufbuild/protobuf makes names for
 * JavaScript and JSON of all of them: 1 MB for the messages of an engine, and a program never meets most of them.
 */
function fieldsOf(type: MessageType): readonly Omit<Field, 'localName'>[] {
  const { _fields: described } = type.fields as { _fields?: unknown };
  const fields: unknown = typeof described === 'function' ? described() : described;
  return Array.isArray(fields) ? (fields as Field[]) : type.fields.list();
}

function field(type: MessageType, name: string): Omit<Field, 'localName'> {
  const found = fieldsOf(type).find((candidate) => candidate.name === name);
  if (!found) throw incompatible(`its ${type.typeName} has no field ${name}`);
  return found;
}

function nested(of: Omit<Field, 'localName'>): MessageType {
  return message(of.T, of.name);
}

function message(type: unknown, name: string): MessageType {
  const candidate = type as Partial<MessageType> | undefined;
  if (typeof candidate?.fields?.list !== 'function') throw incompatible(`it describes no message ${name}`);
  return candidate as MessageType;
}

function incompatible(what: string): NarrowcastError {
  return new NarrowcastError(
    'ENGINE_INCOMPATIBLE',
    `the installed @livekit/rtc-ffi-bindings is not one that narrowcast knows: ${what}; install @livekit/rtc-node ` +
      '0.13.25 or newer',
  );
}
