// A phone provider, simulated: sends a caller's audio in real time as Twilio does, plays what comes back by a clock of its own, and
// notes what is wrong with it.

const FRAME_MS = 20;
const FRAME_BYTES = 160;
const STREAM = 'MZ00000000000000000000000000000001';

/** Calls over an open WebSocket. */
export class SimulatedCall {
  /** Frames that came, as bytes. */
  played = [];
  /** What was wrong. */
  faults = [];
  /** Times at which nothing was there to play while the agent was speaking. */
  underruns = 0;
  marks = { answered: 0, cleared: 0 };
  #socket;
  #sequence = 0;
  #dryAt = 0;
  #marks = [];
  #timer;

  constructor(socket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    this.#send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const start = { accountSid: 'AC1', streamSid: STREAM, callSid: 'CA1', tracks: ['inbound'], mediaFormat };
    this.#number({ event: 'start', start: { ...start, customParameters: {} } });
  }

  /** Says `frames` frames in real time; `make` makes each. `lose`: those that never come. */
  async say(frames, make, lose = () => false) {
    const start = performance.now();
    for (let i = 0; i < frames; i++) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + i * FRAME_MS - performance.now())));
      if (lose(i)) {
        this.#sequence++;
        continue;
      }
      const payload = Buffer.from(make(i)).toString('base64');
      const [chunk, timestamp] = [String(i + 1), String(i * FRAME_MS)];
      this.#number({ event: 'media', media: { track: 'inbound', chunk, timestamp, payload } });
    }
  }

  press(digit) {
    this.#number({ event: 'dtmf', dtmf: { track: 'inbound_track', digit } });
  }

  /** Waits until all that came was played. */
  async quiet() {
    do await new Promise((resolve) => setTimeout(resolve, 300));
    while (performance.now() < this.#dryAt + 300);
  }

  stop() {
    this.#number({ event: 'stop', stop: { accountSid: 'AC1', callSid: 'CA1' } });
    clearTimeout(this.#timer);
  }

  #take(text) {
    const { event, streamSid, media, mark } = JSON.parse(text);
    if (streamSid !== STREAM) this.faults.push(`a message for ${streamSid}`);
    const now = performance.now();
    if (event === 'media') {
      const bytes = Buffer.from(media.payload, 'base64');
      if (bytes.length !== FRAME_BYTES) this.faults.push(`a frame of ${bytes.length} bytes`);
      if (this.played.length > 0 && now > this.#dryAt) this.underruns++;
      this.played.push(bytes);
      this.#dryAt = Math.max(this.#dryAt, now) + FRAME_MS;
    } else if (event === 'mark') {
      this.#marks.push({ name: mark.name, at: Math.max(this.#dryAt, now) });
      this.#answerMarks();
    } else if (event === 'clear') {
      // What was not played is thrown away, and all marks are returned.
      this.#dryAt = now;
      for (const { name } of this.#marks.splice(0)) {
        this.marks.cleared++;
        this.#number({ event: 'mark', mark: { name } });
      }
    } else this.faults.push(`a message ${event}`);
  }

  #answerMarks() {
    clearTimeout(this.#timer);
    while (this.#marks[0]?.at <= performance.now()) {
      this.marks.answered++;
      this.#number({ event: 'mark', mark: { name: this.#marks.shift().name } });
    }
    if (this.#marks.length === 0) return;
    this.#timer = setTimeout(() => this.#answerMarks(), Math.max(1, this.#marks[0].at - performance.now()));
  }

  #number(message) {
    this.#send({ ...message, sequenceNumber: String(++this.#sequence), streamSid: STREAM });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }
}
