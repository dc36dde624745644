// What a user's compiler sees of narrowcast/telephony. Never run: `tsc` is the test.
import type { AudioStream, AudioStreamTrack } from 'narrowcast';
import {
  PhoneLeg,
  TelnyxLeg,
  TwilioLeg,
  type PhoneLegEnd,
  type PhoneLegOptions,
  type PhoneLegStats,
  type PhoneSocket,
  type PhoneStart,
  type TelnyxLegOptions,
} from 'narrowcast/telephony';
import { a, same, takes } from './support.js';

takes<PhoneSocket>(a<WebSocket>());
const leg = new TwilioLeg(a<PhoneSocket>(), { audio: { samplesPerFrame: 512 }, leadMs: 160, frameMs: 20 });
takes<PhoneLeg>(new TelnyxLeg(a<WebSocket>(), { codec: 'PCMA', track: { bufferMs: 1000 } }));
takes<PhoneLegOptions>({});
takes<TelnyxLegOptions>({ codec: 'PCMU' });
// @ts-expect-error the provider says what is written
new TwilioLeg(a<PhoneSocket>(), { audio: { from: {} } });
// @ts-expect-error no such codec
new TelnyxLeg(a<PhoneSocket>(), { codec: 'OPUS' });
// @ts-expect-error it is made by a provider's class
new PhoneLeg(a<PhoneSocket>());

same<typeof leg.audio, AudioStream>();
same<typeof leg.track, AudioStreamTrack>();
same<typeof leg.started, Promise<PhoneStart>>();
same<typeof leg.done, Promise<PhoneLegEnd>>();
same<PhoneLegEnd['reason'], 'stop' | 'closed' | 'stalled' | 'ended' | 'error'>();
same<ReturnType<typeof leg.stats>, PhoneLegStats>();
leg.on('dtmf', (digit) => same<typeof digit, string>());
leg.on('mark', (name) => same<typeof name, string>());
leg.close();
