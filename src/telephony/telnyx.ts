import { invalid } from '../validate.js';
import { PhoneLeg, readCommon, type PhoneLegOptions, type PhoneSocket, type Protocol } from './phone-leg.js';

/** Options of {@link TelnyxLeg}. */
export interface TelnyxLegOptions extends PhoneLegOptions {
  /** What the call was given as `stream_bidirectional_codec`. Default: `'PCMU'`, as Telnyx's own. */
  codec?: 'PCMU' | 'PCMA';
}

type Fields = Record<string, unknown>;

/** https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket */
const TELNYX: Omit<Protocol, 'format'> = {
  encodings: { PCMU: 'mulaw', PCMA: 'alaw' },
  read(message) {
    const { event, sequence_number: sequence, stream_id: streamId } = message;
    switch (event) {
      case 'start': {
        const start = message['start'] as Fields;
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
      case 'error': {
        const { code, title, detail } = message['payload'] as Fields;
        return { event, sequence, error: `Telnyx says ${String(code)}: ${String(detail ?? title)}` };
      }
      default:
        return readCommon(message, sequence);
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
