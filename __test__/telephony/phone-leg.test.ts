import { afterEach, describe, expect, it, vi } from 'vitest';
import { g711 } from '../../src/index.js';
import { TelnyxLeg, TwilioLeg, type PhoneLeg, type PhoneLegOptions } from '../../src/telephony/index.js';
import { failure } from '../support/expect.js';
import { until } from '../support/wait.mjs';

/** A socket whose other end is the test. */
class Socket extends EventTarget {
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: Record<string, unknown>[] = [];
  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }
  receive(message: unknown): void {
    const data = typeof message === 'object' && !Buffer.isBuffer(message) ? JSON.stringify(message) : message;
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
  /** What was sent of one kind. */
  of(event: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message['event'] === event);
  }
}

const legs: PhoneLeg[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  legs.splice(0).forEach((leg) => leg.close());
});

const STREAM = 'MZ18ad3ab5a668481ce02b83e7395059f0';
let sequence = 0;

/** Messages as the providers document them. */
const twilio = {
  make: (socket: Socket, options?: PhoneLegOptions): PhoneLeg => new TwilioLeg(socket, options),
  connected: { event: 'connected', protocol: 'Call', version: '1.0.0' },
  start: (encoding = 'audio/x-mulaw', rate: unknown = 8000) => ({
    event: 'start',
    sequenceNumber: String((sequence = 1)),
    start: {
      accountSid: 'AC0',
      streamSid: STREAM,
      callSid: 'CA0',
      tracks: ['inbound'],
      mediaFormat: { encoding, sampleRate: rate, channels: 1 },
      customParameters: { FirstName: 'Jane' },
    },
    streamSid: STREAM,
  }),
  media: (payload: unknown, track = 'inbound', number = ++sequence) => ({
    event: 'media',
    sequenceNumber: String(number),
    media: { track, chunk: '1', timestamp: '5', payload },
    streamSid: STREAM,
  }),
  mark: (name: unknown) => ({ event: 'mark', sequenceNumber: String(++sequence), streamSid: STREAM, mark: { name } }),
  dtmf: (digit: string) => ({
    event: 'dtmf',
    streamSid: STREAM,
    sequenceNumber: String(++sequence),
    dtmf: { track: 'inbound_track', digit },
  }),
  stop: () => ({
    event: 'stop',
    sequenceNumber: String(++sequence),
    stop: { accountSid: 'AC0', callSid: 'CA0' },
    streamSid: STREAM,
  }),
  started: { streamId: STREAM, callId: 'CA0', parameters: { FirstName: 'Jane' } },
  sentMedia: (payload: unknown) => ({ event: 'media', streamSid: STREAM, media: { payload } }),
  sentMark: (name: string) => ({ event: 'mark', streamSid: STREAM, mark: { name } }),
  sentClear: { event: 'clear', streamSid: STREAM },
};
const telnyx: typeof twilio = {
  make: (socket, options) => new TelnyxLeg(socket, options),
  connected: { event: 'connected', version: '1.0.0' } as never,
  start: (encoding = 'PCMU', rate = 8000) =>
    ({
      event: 'start',
      sequence_number: String((sequence = 1)),
      start: {
        user_id: '3E6F995F',
        call_control_id: 'v2:T02',
        media_format: { encoding, sample_rate: rate, channels: 1 },
        custom_parameters: { customer_id: 'c1' },
      },
      stream_id: '32DE0DEA',
    }) as never,
  media: (payload, track = 'inbound', number = ++sequence) =>
    ({
      event: 'media',
      sequence_number: String(number),
      media: { track, chunk: '2', timestamp: '5', payload },
      stream_id: '32DE0DEA',
    }) as never,
  mark: (name) =>
    ({ event: 'mark', sequence_number: String(++sequence), stream_id: '32DE0DEA', mark: { name } }) as never,
  dtmf: (digit) =>
    ({ event: 'dtmf', stream_id: '32DE0DEA', sequence_number: String(++sequence), dtmf: { digit } }) as never,
  stop: () => ({ event: 'stop', sequence_number: String(++sequence), stop: {}, stream_id: '32DE0DEA' }) as never,
  started: { streamId: '32DE0DEA', callId: 'v2:T02', parameters: { customer_id: 'c1' } } as never,
  sentMedia: (payload) => ({ event: 'media', media: { payload } }) as never,
  sentMark: (name) => ({ event: 'mark', mark: { name } }) as never,
  sentClear: { event: 'clear' } as never,
};

const codes = Uint8Array.from({ length: 160 }, (_, i) => 0x80 + (i % 100));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const PAYLOAD = base64(codes);
/** The phone's own rate, so that what comes out is what went in. */
const PLAIN: PhoneLegOptions = { audio: { sampleRate: 8000 }, leadMs: 100 };
const speech = (ms: number) => g711.decode(new Uint8Array(ms * 8).fill(0x90), 'mulaw');

describe.each([
  ['TwilioLeg', twilio],
  ['TelnyxLeg', telnyx],
])('%s', (_, provider) => {
  const open = (options = PLAIN, start = true) => {
    const socket = new Socket();
    const leg = provider.make(socket, options);
    legs.push(leg);
    sequence = 0;
    if (start) {
      socket.receive(provider.connected);
      socket.receive(provider.start());
    }
    return { socket, leg };
  };

  it('reads the caller, and says what it was told at the start', async () => {
    const { socket, leg } = open();
    expect(await leg.started).toMatchObject(provider.started);
    socket.receive(provider.media(PAYLOAD));
    // As bytes, as ws gives what is binary.
    socket.receive(Buffer.from(JSON.stringify(provider.media(PAYLOAD))));
    socket.receive(provider.media(PAYLOAD, 'outbound'));
    const frame = leg.audio.tryRead()!;
    expect([...frame.data]).toEqual([...g711.decode(codes, 'mulaw')]);
    expect([leg.audio.tryRead()?.samplesPerChannel, leg.audio.tryRead()]).toEqual([160, null]);
    expect(leg.stats()).toMatchObject({ messages: 5, mediaIn: 2, lost: 0, outOfOrder: 0, malformed: 0 });
  });

  it('gives windows at the rate of a model', () => {
    const { socket, leg } = open({ audio: { sampleRate: 16_000, samplesPerFrame: 512 } });
    for (let i = 0; i < 10; i++) socket.receive(provider.media(PAYLOAD));
    expect(leg.audio.tryRead()).toMatchObject({ sampleRate: 16_000, samplesPerChannel: 512 });
  });

  it('sends what was said before the start once it begins, in whole frames with marks, exactly as documented', async () => {
    const { socket, leg } = open(PLAIN, false);
    leg.track.write(speech(90), { final: true });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(socket.sent).toEqual([]);
    socket.receive(provider.start());
    await until(() => socket.of('mark').length > 0, 'a mark');
    const last = new Uint8Array(160).fill(0xff);
    last.fill(0x90, 0, 80);
    const frame = base64(new Uint8Array(160).fill(0x90));
    expect(socket.sent).toEqual([
      ...[frame, frame, frame, frame, base64(last)].map((payload) => provider.sentMedia(payload)),
      provider.sentMark('narrowcast:1'),
    ]);
    expect(leg.stats()).toMatchObject({ framesOut: 5, marksSent: 1, marksAnswered: 0 });
  });

  it('counts as heard what the provider has answered, and no mark twice', async () => {
    const { socket, leg } = open();
    const utterance = leg.track.say();
    utterance.write(speech(40));
    const mark = utterance.mark('said');
    utterance.write(speech(40));
    utterance.end();
    await until(() => socket.of('media').length === 4 && socket.of('mark').length >= 2, 'all was sent');
    const names = socket.of('mark').map((each) => (each['mark'] as { name: string }).name);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(utterance.state).toBe('ended');
    socket.receive(provider.mark(names[0]));
    socket.receive(provider.mark(names[0]));
    expect(await mark).toMatchObject({ name: 'said', heard: true });
    expect(utterance.state).toBe('ended');
    // An answer that is lost: the next one says it, too.
    socket.receive(provider.mark(names.at(-1)));
    expect(await utterance.done).toEqual({ heardMs: 80, interrupted: false });
    expect(leg.stats()).toMatchObject({ marksSent: names.length, marksAnswered: names.length });
  });

  it('an interruption clears the provider, and the marks that it returns then are not heard', async () => {
    const { socket, leg } = open();
    const utterance = leg.track.say();
    utterance.write(speech(2000));
    const mark = utterance.mark('never');
    await until(() => socket.of('media').length >= 10, 'two leads');
    const { heardMs } = leg.track.interrupt();
    expect(socket.sent.at(-1)).toEqual(provider.sentClear);
    for (const each of socket.of('mark')) socket.receive(provider.mark((each['mark'] as { name: string }).name));
    expect(await mark).toMatchObject({ heard: false });
    expect(await utterance.done).toMatchObject({ heardMs, interrupted: true });
    expect(leg.track.playedMs).toBe(heardMs);
    const sent = socket.sent.length;
    leg.track.write(speech(40), { final: true });
    await until(() => socket.sent.length > sent, 'the next words');
    expect(socket.sent[sent]).toEqual(provider.sentMedia(base64(new Uint8Array(160).fill(0x90))));
  });

  it('tells of keys, and of marks that are not its own', () => {
    const { socket, leg } = open();
    const told: unknown[] = [];
    leg.on('dtmf', (digit) => told.push(digit));
    leg.on('mark', (name) => told.push(name));
    socket.receive(provider.dtmf('7'));
    socket.receive(provider.mark('mine'));
    expect(told).toEqual(['7', 'mine']);
  });

  it('drops and counts truncated Base64, and what is no message at all', () => {
    const { socket, leg } = open();
    const bad = [PAYLOAD.slice(0, -1), PAYLOAD.slice(0, -3), `!${PAYLOAD.slice(1)}`, 7, null, undefined];
    for (const payload of bad) socket.receive(provider.media(payload));
    for (const text of ['', '{', 'null', '[]', '"media"', '{"event":"media"}', '{"event":"mark"}'])
      socket.receive(text);
    socket.receive({ event: 'news' });
    expect(leg.stats()).toMatchObject({ mediaIn: 0, malformed: bad.length + 7 });
    expect(leg.audio.tryRead()).toBe(null);
    socket.receive(provider.media(PAYLOAD));
    expect(leg.audio.tryRead()?.samplesPerChannel).toBe(160);
  });

  it('takes pieces of any length', () => {
    const { socket, leg } = open();
    for (const length of [1, 159, 0, 33, 127]) socket.receive(provider.media(base64(codes.subarray(0, length))));
    expect(leg.stats()).toMatchObject({ mediaIn: 5, malformed: 0 });
    expect(leg.audio.stats().bufferedMs).toBe(40);
  });

  it('counts what its sequence numbers say is lost, and drops what comes too late', () => {
    const { socket, leg } = open();
    for (const number of [2, 3, 6, 5, 6, 7]) socket.receive(provider.media(PAYLOAD, 'inbound', number));
    for (const number of ['x', -1, 1.5]) socket.receive(provider.media(PAYLOAD, 'inbound', number as number));
    // Those that are no numbers say nothing.
    expect(leg.stats()).toMatchObject({ mediaIn: 6, lost: 2, outOfOrder: 3 });
  });

  it('drops and counts audio before the start, and a second start', () => {
    const { socket, leg } = open(PLAIN, false);
    socket.receive(provider.media(PAYLOAD));
    expect(leg.stats()).toMatchObject({ beforeStart: 1, mediaIn: 0 });
    socket.receive(provider.start());
    socket.receive({ ...provider.start(), sequenceNumber: '5', sequence_number: '5' });
    expect(leg.stats()).toMatchObject({ malformed: 1 });
  });

  it('ends at a stop in the middle of a word: the agent is cut off, and the caller can be read to the end', async () => {
    const { socket, leg } = open({ audio: { sampleRate: 16_000, samplesPerFrame: 100 } });
    const utterance = leg.track.say();
    utterance.write(speech(1000));
    for (let i = 0; i < 5; i++) socket.receive(provider.media(PAYLOAD));
    socket.receive(provider.stop());
    socket.receive(provider.media(PAYLOAD));
    expect(await leg.done).toMatchObject({ reason: 'stop', stats: { mediaIn: 5 } });
    expect(await utterance.done).toMatchObject({ interrupted: true });
    let samples = 0;
    for await (const frame of leg.audio) samples += frame.samplesPerChannel;
    expect(samples).toBe(1600);
    expect(leg.track.readyState).toBe('ended');
  });

  it('ends when the socket closes, fails, or takes nothing', async () => {
    const closed = open();
    closed.socket.close();
    expect(await closed.leg.done).toMatchObject({ reason: 'closed' });
    const failed = open();
    failed.socket.dispatchEvent(Object.assign(new Event('error'), { error: new Error('reset') }));
    expect(await failed.leg.done).toMatchObject({ reason: 'error', error: new Error('reset') });
    const silent = open();
    silent.leg.track.write(speech(1000));
    await until(() => silent.socket.of('media').length > 0, 'the first frames');
    // It closed, and sent no event.
    silent.socket.readyState = 2;
    expect(await silent.leg.done).toMatchObject({ reason: 'closed', error: failure('CLOSED') });
    const stalled = open();
    stalled.socket.bufferedAmount = 1e6;
    stalled.leg.track.write(speech(1000));
    await until(() => stalled.leg.stats().stalls === 1, 'it stalls');
    expect([stalled.socket.sent.length, stalled.leg.track.bufferedMs]).toEqual([0, 1000]);
    stalled.socket.bufferedAmount = 0;
    await until(() => stalled.socket.of('media').length > 0, 'it goes on');
  });

  it('ends when its socket has stalled for 10 s: what waits is bounded, counted, and told', async () => {
    const { socket, leg } = open({ ...PLAIN, track: { sampleRate: 8000, bufferMs: 1000 } });
    const utterance = leg.track.say();
    socket.bufferedAmount = 1e6;
    utterance.write(speech(500));
    await until(() => leg.stats().stalls === 1, 'it stalls');
    for (let n = 0; n < 5; n++) utterance.write(speech(500));
    expect(leg.track.bufferedMs).toBeLessThanOrEqual(1000);
    expect(leg.track.stats().samplesDropped).toBe(2000 * 8);
    // The caller is heard meanwhile.
    socket.receive(provider.media(PAYLOAD));
    const started = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(started + 10_100);
    const { reason, error, stats } = await leg.done;
    expect([reason, error]).toEqual(['stalled', failure('LAGGED', 'taken nothing for 10 s')]);
    expect(stats).toMatchObject({ stalls: 1, framesOut: 0, mediaIn: 1 });
    expect(await utterance.done).toMatchObject({ interrupted: true, heardMs: 0 });
    expect(socket.of('media')).toEqual([]);
    expect(leg.track.readyState).toBe('ended');
  });

  it('ends before the start with a reason, and by close()', async () => {
    const { socket, leg } = open(PLAIN, false);
    socket.receive(provider.start('opus', 48_000));
    const { reason, error } = await leg.done;
    expect([reason, error]).toEqual(['error', failure('INVALID_ARGUMENT', 'opus at 48000 Hz')]);
    await expect(leg.started).rejects.toEqual(failure('CLOSED'));
    const other = open();
    other.leg.close();
    other.leg.close();
    expect(await other.leg.done).toMatchObject({ reason: 'ended' });
    expect(other.socket.readyState).toBe(1);
  });

  it('refuses what is no socket, and options that are none', () => {
    for (const socket of [null, {}, { send() {} }]) {
      expect(() => provider.make(socket as unknown as Socket)).toThrow(failure('INVALID_ARGUMENT', 'socket'));
    }
    expect(() => provider.make(new Socket(), { lead: 1 } as PhoneLegOptions)).toThrow(failure('INVALID_ARGUMENT'));
  });
});

describe('TelnyxLeg', () => {
  it('reads and sends A-law, each as it was agreed', async () => {
    const socket = new Socket();
    const leg = new TelnyxLeg(socket, { ...PLAIN, codec: 'PCMA' });
    legs.push(leg);
    socket.receive(telnyx.start('PCMA'));
    socket.receive(telnyx.media(PAYLOAD));
    expect([...leg.audio.tryRead()!.data]).toEqual([...g711.decode(codes, 'alaw')]);
    leg.track.write(g711.decode(codes, 'alaw'), { final: true });
    await until(() => socket.of('media').length > 0, 'a frame');
    expect(socket.sent[0]).toEqual({ event: 'media', media: { payload: PAYLOAD } });
    expect(() => new TelnyxLeg(socket, { codec: 'OPUS' as 'PCMA' })).toThrow(failure('INVALID_ARGUMENT', 'codec'));
  });

  it("ends with Telnyx's own error", async () => {
    const socket = new Socket();
    const leg = new TelnyxLeg(socket);
    socket.receive({ event: 'error', payload: { code: 100_004, title: 'invalid_media', detail: 'media is wrong' } });
    expect(await leg.done).toMatchObject({ reason: 'error', error: new Error('Telnyx says 100004: media is wrong') });
  });
});
