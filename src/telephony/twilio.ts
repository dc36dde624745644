import { PhoneLeg, readCommon, type PhoneLegOptions, type PhoneSocket, type Protocol } from './phone-leg.js';

type Fields = Record<string, unknown>;

/** https://www.twilio.com/docs/voice/media-streams/websocket-messages */
const TWILIO: Protocol = {
  encodings: { 'audio/x-mulaw': 'mulaw' },
  format: 'mulaw',
  read(message) {
    const { event, sequenceNumber: sequence, streamSid } = message;
    if (event !== 'start') return readCommon(message, sequence);
    const start = message['start'] as Fields;
    const { encoding, sampleRate, channels } = start['mediaFormat'] as Fields;
    const streamId = String(streamSid ?? start['streamSid']);
    const parameters = (start['customParameters'] ?? {}) as Fields;
    const told = { streamId, callId: String(start['callSid']), parameters, message: start };
    return { event, sequence, start: { ...told, encoding, sampleRate, channels } };
  },
  media: (streamSid, payload) => ({ event: 'media', streamSid, media: { payload } }),
  mark: (streamSid, name) => ({ event: 'mark', streamSid, mark: { name } }),
  clear: (streamSid) => ({ event: 'clear', streamSid }),
};

/**
 * A leg over a bidirectional Media Stream of Twilio's, `<Connect><Stream url="wss://…"/></Connect>`.
 *
 * @example
 * ```ts
 * server.on('connection', (socket) => {
 *   const leg = new TwilioLeg(socket, { audio: { sampleRate: 16_000, samplesPerFrame: 512 } });
 *   leg.track.write(greeting, { final: true });
 * });
 * ```
 */
export class TwilioLeg extends PhoneLeg {
  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(socket: PhoneSocket, options: PhoneLegOptions = {}) {
    super(socket, TWILIO, options);
  }
}
