// A connection, and what it is connected with, in this process. They exchange no addresses: nothing leaves this process.
import wrtc from '@roamhq/wrtc';

const [connection, other] = [new wrtc.RTCPeerConnection(), new wrtc.RTCPeerConnection()];
const withoutAddresses = ({ type, sdp }) => ({
  type,
  sdp: sdp.replaceAll(/^a=(candidate|end-of-candidates).*\r\n/gm, ''),
});

async function negotiate() {
  const offer = await connection.createOffer();
  await connection.setLocalDescription(offer);
  await other.setRemoteDescription(withoutAddresses(offer));
  const answer = await other.createAnswer();
  await other.setLocalDescription(answer);
  await connection.setRemoteDescription(withoutAddresses(answer));
}

const camera = new wrtc.nonstandard.RTCVideoSource().createTrack();
const outgoing = new wrtc.MediaStream();

/** What the connections are made of keeps the process alive, also when they are closed. */
const afterwards = () => process.exit();
Object.assign(globalThis, { connection, camera, outgoing, negotiate, afterwards });
