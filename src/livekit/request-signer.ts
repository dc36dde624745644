import type { FfiRequest } from '@livekit/rtc-ffi-bindings';
import type { RequestIds } from './requests.js';

/** What @bufbuild/protobuf tells of a request's message. */
interface RequestType {
  readonly fields: { list(): readonly { readonly localName: string }[] };
}

/** Gives the requests of rtc-node's client async ids of their thread. */
export class RequestSigner {
  readonly #ids: RequestIds;
  /** Which requests can be given one. */
  readonly #idTaking = new Map<unknown, boolean>();

  constructor(ids: RequestIds) {
    this.#ids = ids;
  }

  /** The request, with an async id of this thread unless it has one or takes none: its answer is this thread's alone. */
  sign(request: FfiRequest): FfiRequest {
    const value = request.message.value as { constructor: unknown; requestAsyncId?: bigint } | undefined;
    if (!value || value.requestAsyncId !== undefined) return request;
    const { constructor } = value;
    let takes = this.#idTaking.get(constructor);
    if (takes === undefined) {
      const { fields } = constructor as Partial<RequestType>;
      takes = fields?.list().some(({ localName }) => localName === 'requestAsyncId') ?? false;
      this.#idTaking.set(constructor, takes);
    }
    if (!takes) return request;
    // A copy: the caller's own may be used again.
    const signed = Object.assign(Object.create(Object.getPrototypeOf(value) as object), value, {
      requestAsyncId: this.#ids.nextOfClient(),
    });
    request.message = { case: request.message.case, value: signed } as FfiRequest['message'];
    return request;
  }
}
