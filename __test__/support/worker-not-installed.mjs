// What fromHandle says in a process without install().
import { AudioStream } from './engine-meeting.mjs';

try {
  AudioStream.fromHandle(1n);
} catch ({ name, code, message }) {
  console.log(JSON.stringify({ name, code, message }));
}
