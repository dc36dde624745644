import { FfiEvent } from '@livekit/rtc-ffi-bindings';

interface Field {
  readonly localName: string;
  readonly kind: string;
  readonly T: unknown;
  readonly req?: boolean;
  readonly repeated: boolean;
  readonly oneof?: { readonly localName: string };
}
interface MessageType {
  new (): Record<string, unknown>;
  readonly fields: { list(): readonly Field[] };
}

/**
 * An encoded `FfiEvent`, as the engine would send it: `values` name fields, the case among them; fields that the schema
 * requires and the caller did not name are filled with zeros and empty strings.
 */
export function encodeEvent(values: object): Uint8Array {
  return (fill(FfiEvent as unknown as MessageType, values) as unknown as FfiEvent).toBinary();
}

function fill(type: MessageType, values: object): Record<string, unknown> {
  const message = new type();
  const given = values as Record<string, unknown>;
  for (const field of type.fields.list()) {
    const value = given[field.localName];
    if (value === undefined && !field.req) continue;
    const made = field.repeated
      ? ((value as object[] | undefined) ?? []).map((item) => one(field, item))
      : one(field, value);
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value: made };
    else message[field.localName] = made;
  }
  return message;
}

function one(field: Field, value: unknown): unknown {
  if (field.kind === 'message') return fill(field.T as MessageType, (value as object | undefined) ?? {});
  if (value !== undefined) return value;
  if (field.kind === 'enum') return 0;
  // @bufbuild/protobuf numbers the scalar types as descriptor.proto does.
  const scalar = field.T as number;
  if (scalar === 9) return '';
  if (scalar === 12) return new Uint8Array();
  if (scalar === 8) return false;
  return [3, 4, 6, 16, 18].includes(scalar) ? 0n : 0;
}
