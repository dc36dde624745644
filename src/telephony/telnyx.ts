import { invalid } from '../validate.js';
import { PhoneLeg, type Incoming, type PhoneLegOptions, type PhoneSocket, type Protocol } from './phone-leg.js';

/** Options of {@link TelnyxLeg}. */
export interface TelnyxLegOptions extends PhoneLegOptions {
  /** What the call was given as `stream_bidirectional_codec`. Default: `'PCMU'`, as Telnyx's own. */
  codec?: 'PCMU' | 'PCMA';
}

type Fields = Record<string, unknown>;

/** https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket */
const TELNYX: Omit<Protocol, 'format'> = {
  encodings: { PCMU: 'mulaw', PCMA: 'alaw' },
  read({ event, sequence_number: sequence, stream_id: streamId, ...message }): Incoming {
    const of = (name: string) => message[name] as Fields;
    switch (event) {
      case 'start': {
        const start = of('start');
        const { encoding, sample_rate: sampleRate, channels } = start['media_format'] as Fields;
        const parameters = (start['custom_parameters'] ?? {}) as Fields;
        const told = {
          streamId: String(streamId),
          callId: String(start['call_control_id']),
          parameters,
          message: start,
        };
        return { event, sequence, start: { ...told, encoding, sampleRate, channels } };
      }
      case 'media': {
        const { track, payload } = of('media');
        return { event, sequence, payload, isCaller: track === undefined || track === 'inbound' };
      }
      case 'mark':
        return { event, sequence, name: of('mark')['name'] };
      case 'dtmf':
        return { event, sequence, name: of('dtmf')['digit'] };
      case 'stop':
        return { event, sequence };
      case 'error': {
        const { code, title, detail } = of('payload');
        return { event, sequence, error: `Telnyx says ${String(code)}: ${String(detail ?? title)}` };
      }
      default:
        return { event: 'other', sequence };
    }
  },
  media: (_, payload) => ({ event: 'media', media: { payload } }),
  mark: (_, name) => ({ event: 'mark', mark: { name } }),
  clear: () => ({ event: 'clear' }),
};

/** A leg over Telnyx's Media Streaming, for a call with `stream_url` and `stream_bidirectional_mode: 'rtp'`. */
export class TelnyxLeg extends PhoneLeg {
  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(socket: PhoneSocket, { codec = 'PCMU', ...options }: TelnyxLegOptions = {}) {
    const format = TELNYX.encodings[codec];
    if (format === undefined) throw invalid('codec', codec, "'PCMU' or 'PCMA'");
    super(socket, { ...TELNYX, format }, options);
  }
}
