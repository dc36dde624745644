// Copied into a folder where narrowcast is installed and LiveKit is not.
import { FfiQueue } from 'narrowcast';
import { install } from 'narrowcast/livekit';

const queue = new FfiQueue({ types: ['a'] });
const events = queue.subscribe();
queue.put('a', new Uint8Array(1));
try {
  install();
} catch ({ name, code, message }) {
  console.log(JSON.stringify([events.drain().length, { name, code, message }]));
}
