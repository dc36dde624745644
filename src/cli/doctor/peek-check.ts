import type * as Ffi from '@livekit/rtc-ffi-bindings';
import { describeEvents } from '../../livekit/schema.js';
import { native } from '../../native.js';

/** What @bufbuild/protobuf tells of a field. */
interface Field {
  readonly no: number;
  readonly localName: string;
  readonly kind: 'scalar' | 'enum' | 'message' | 'map';
  /** A message's type, or a scalar's number. */
  readonly T?: unknown;
  readonly repeated: boolean;
  readonly oneof?: { readonly localName: string; readonly fields: readonly Field[] } | undefined;
}

/** What @bufbuild/protobuf tells of a message. */
interface MessageType {
  new (): Message;
  readonly typeName: string;
  readonly fields: { list(): readonly Field[] };
  fromBinary(bytes: Uint8Array): Message;
}

interface Message {
  [field: string]: unknown;
  toBinary(): Uint8Array;
  getType(): MessageType;
}

/** @bufbuild/protobuf's numbers of scalar types. */
const SCALAR = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  fixed64: 6,
  bool: 8,
  string: 9,
  bytes: 12,
  sfixed64: 16,
  sint64: 18,
};

/** What an event may be about, most specific first: the names that LiveKit's protocol gives to it. */
const SUBJECTS = ['asyncId', 'streamHandle', 'readerHandle', 'roomHandle', 'localParticipantHandle'];

/** How the native peek fares against the installed package. */
export interface PeekReport {
  /** Kinds of events that the package describes. */
  readonly cases: number;
  /** Messages compared: every alternative of every kind of event, at least once. */
  readonly messages: number;
  /** Native handles in them. */
  readonly handles: number;
  /** One line for each message that was not read right. */
  readonly problems: readonly string[];
}

/**
 * Compares what narrowcast reads from an encoded event natively with what the installed package itself decodes: for
 * every kind of event and every alternative in it, a message is made in which every field is filled and every number
 * differs.
 *
 * @param peek replaced in tests
 */
export function checkPeek(ffi: typeof Ffi, peek: typeof native.enginePeek = native.enginePeek): PeekReport {
  const schema = describeEvents(ffi);
  const type = ffi.FfiEvent as unknown as MessageType;
  const problems: string[] = [];
  const cases = type.fields.list();
  let messages = 0;
  let handles = 0;
  for (const field of cases) {
    for (const sample of samplesOf(field)) {
      messages++;
      const event = new type();
      event['message'] = { case: field.localName, value: sample };
      const bytes = event.toBinary();
      // What counts is what the package reads, not what was meant to be written.
      const decoded = (type.fromBinary(bytes)['message'] as { value: Message }).value;
      const owned = [...ownedIn(decoded)];
      handles += owned.length;
      const expected = summary(field.localName, subjectOf(decoded), owned);
      let found: string;
      try {
        const peeked = peek(schema, bytes);
        found = summary(peeked.type, peeked.handle, peeked.owned);
      } catch (error) {
        found = (error as Error).message;
      }
      if (found !== expected) problems.push(`${field.localName}: ${found} instead of ${expected}`);
    }
  }
  return { cases: cases.length, messages, handles, problems };
}

function summary(type: string, subject: bigint, owned: readonly bigint[]): string {
  const ids = [...owned].sort((a, b) => (a < b ? -1 : 1)).join(' ');
  return `${type} about ${subject} with handles [${ids}]`;
}

function subjectOf(message: Message): bigint {
  const names = message
    .getType()
    .fields.list()
    .map(({ localName }) => localName);
  const subject = SUBJECTS.find((name) => names.includes(name));
  return subject === undefined ? 0n : (message[subject] as bigint);
}

/** Ids of the native handles in a decoded message, however deep. */
function* ownedIn(value: unknown): Generator<bigint> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  const { getType } = value as Partial<Message>;
  if (getType?.call(value).typeName.endsWith('.FfiOwnedHandle')) yield (value as { id: bigint }).id;
  else for (const inner of Object.values(value)) yield* ownedIn(inner);
}

/** Messages for one kind of event that together take every alternative. */
function* samplesOf(field: Field): Generator<Message> {
  // Which alternative each oneof takes; the one that was met last is changed first, like the last wheel of a counter.
  let choices = new Map<object, { at: number; of: number }>();
  for (;;) {
    const builder = new Builder(choices);
    yield builder.build(field.T as MessageType);
    const met = [...builder.met];
    while (met.length > 0 && met.at(-1)![1].at + 1 === met.at(-1)![1].of) met.pop();
    const last = met.pop();
    if (!last) return;
    choices = new Map([...met, [last[0], { at: last[1].at + 1, of: last[1].of }]]);
  }
}

/** Fills every field of a message, with numbers that differ. */
class Builder {
  /** The oneofs of this message in the order they were met, and what they took. */
  readonly met = new Map<object, { at: number; of: number }>();
  readonly #choices: ReadonlyMap<object, { at: number; of: number }>;
  #last = 1000;

  constructor(choices: ReadonlyMap<object, { at: number; of: number }>) {
    this.#choices = choices;
  }

  build(type: MessageType, within: readonly MessageType[] = []): Message {
    const message = new type();
    for (const field of type.fields.list()) {
      // A message inside one of its own kind is not filled: there would be no end.
      if (field.kind === 'message' && [...within, type].includes(field.T as MessageType)) continue;
      if (!field.oneof) {
        message[field.localName] = this.#field(field, [...within, type]);
      } else if (this.#takes(field.oneof, field)) {
        message[field.oneof.localName] = { case: field.localName, value: this.#field(field, [...within, type]) };
      }
    }
    return message;
  }

  #takes(oneof: NonNullable<Field['oneof']>, field: Field): boolean {
    let choice = this.met.get(oneof);
    if (!choice) {
      choice = this.#choices.get(oneof) ?? { at: 0, of: oneof.fields.length };
      this.met.set(oneof, choice);
    }
    return oneof.fields[choice.at]?.no === field.no;
  }

  #field(field: Field, within: readonly MessageType[]): unknown {
    if (field.kind === 'map') return {};
    return field.repeated ? [this.#value(field, within), this.#value(field, within)] : this.#value(field, within);
  }

  #value(field: Field, within: readonly MessageType[]): unknown {
    if (field.kind === 'message') return this.build(field.T as MessageType, within);
    if (field.kind === 'enum') return 0;
    const number = ++this.#last;
    switch (field.T) {
      case SCALAR.int64:
      case SCALAR.uint64:
      case SCALAR.fixed64:
      case SCALAR.sfixed64:
      case SCALAR.sint64:
        // Over 32 bits: ids that are cut would be seen.
        return BigInt(number) << 31n;
      case SCALAR.bool:
        return true;
      case SCALAR.string:
        return `text ${number}`;
      case SCALAR.bytes:
        return Uint8Array.of(number, number >> 8);
      default:
        return number;
    }
  }
}
