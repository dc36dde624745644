export {
  PhoneLeg,
  type PhoneLegEnd,
  type PhoneLegEvents,
  type PhoneLegOptions,
  type PhoneLegStats,
  type PhoneSocket,
  type PhoneStart,
} from './phone-leg.js';
export { TelnyxLeg, type TelnyxLegOptions } from './telnyx.js';
export { TwilioLeg } from './twilio.js';
