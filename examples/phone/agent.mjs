// An agent that says what it hears, on a phone call of Twilio's: the caller's audio at 16 kHz in, and out again.

import { TwilioLeg } from 'narrowcast/telephony';

/** Answers a call on a WebSocket. Resolves when it is over. @param {import('narrowcast/telephony').PhoneSocket} socket */
export async function answer(socket) {
  const leg = new TwilioLeg(socket, { audio: { sampleRate: 16_000 } });
  // What was said so far is cut off by a key.
  leg.on('dtmf', () => leg.track.interrupt());
  for await (const frame of leg.audio) {
    // The call is over, and the rest of what the caller said can still be read.
    if (leg.track.readyState === 'ended') break;
    leg.track.write(frame);
  }
  return leg.done;
}
