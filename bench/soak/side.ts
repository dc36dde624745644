// One side of the soak, in a process of its own: `ours` or `peer`, for how many minutes, and where a real server is, if the
// meeting is to be held in a room there. Sends what it left behind.
import type { LivekitServer } from '../../__test__/support/livekit-server.js';
import { holdMeeting } from './meeting.js';
import { ours } from './ours.js';
import { peer } from './peer.js';
import { holdRoomMeeting } from './room-meeting.js';

// Not without the process that started it, which may be gone by now.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

const [side, minutes, server] = process.argv.slice(2) as [string, string, string | undefined];
const client = side === 'ours' ? ours() : peer();
const aftermath =
  server === undefined
    ? await holdMeeting(client, Number(minutes))
    : await holdRoomMeeting(client, side, Number(minutes), JSON.parse(server) as LivekitServer);
process.send!(aftermath, () => process.exit(0));
