// Pipes a track where the system lets no thread be started: none has room for its stack. Prints what pipeTo rejects with.
import { AudioSource } from '@livekit/rtc-node';
import { AudioStreamTrack } from '../../dist/index.js';
import { install } from '../../dist/livekit/index.js';

install();
const source = new AudioSource(48_000, 1, 0);
// Read when the first thread is started that does not say how large its stack is: the engine's have started.
process.env.RUST_MIN_STACK = String(2 ** 60);
const track = new AudioStreamTrack();
track.write({ data: new Int16Array(4800), sampleRate: 48_000, channels: 1 });
const results = await Promise.allSettled([track.pipeTo(source), track.pipeTo(source)]);
console.log(JSON.stringify(results.map(({ status, reason }) => [status, reason?.code])));
track.stop();
process.exit(0);
