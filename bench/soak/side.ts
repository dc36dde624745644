// One side of the soak, in a process of its own: `ours` or `peer`, and for how many minutes. Sends what it left behind.
import { holdMeeting } from './meeting.js';
import { ours } from './ours.js';
import { peer } from './peer.js';

// Not without whoever started it, who may be gone by now.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

const [side, minutes] = process.argv.slice(2);
const aftermath = await holdMeeting(side === 'ours' ? ours() : peer(), Number(minutes));
process.send!(aftermath, () => process.exit(0));
