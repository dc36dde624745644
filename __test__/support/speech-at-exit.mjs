// Speech is going on when a program closes its stream, and has nothing else to do.
import { AudioStream } from 'narrowcast';

const rate = 16_000;
const stream = new AudioStream({ sampleRate: rate, speech: { threshold: 0 } });
const told = [];
for (const name of ['speechstart', 'speechend']) stream.speech.on(name, () => told.push(name));
process.on('exit', () => console.log(told.join(' ')));
// Whatever it hears is at least as probable as 0.
stream.write(new Int16Array(rate));
stream.close();
