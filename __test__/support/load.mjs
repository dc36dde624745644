// The load generator of tests and benchmarks: it plays PCM into LiveKit's engine from a native thread, so that a blocked JavaScript
// thread makes no gap in what is played. It is in the test build of the addon (`npm run build:native:ledger`), which is loaded beside
// the addon under test: it asks the engine, and hears nothing of it.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import ffi from '@livekit/rtc-ffi-bindings';

const require = createRequire(import.meta.url);

/** The test build. */
export const testAddon = require(fileURLToPath(new URL('../../target/ledger/narrowcast.node', import.meta.url)));

const field = (message, name) => message.fields.list().find((each) => each.name === name);
const nested = (message, ...names) => names.reduce((type, name) => field(type, name).T, message);

/** What is read of the engine's messages: next to nothing, for no event comes here. */
function schema() {
  const { FfiEvent, FfiRequest } = ffi;
  const [request, clear] = ['capture_audio_frame', 'clear_audio_buffer'].map((name) => field(FfiRequest, name));
  const answer = field(FfiEvent, 'capture_audio_frame');
  const info = nested(FfiEvent, 'audio_stream_event', 'frame_received', 'frame', 'info');
  return {
    cases: [{ field: 1, name: 'audio', subject: 1, answer: false, owned: [] }],
    audio: {
      case: 1,
      frameReceived: 2,
      eos: 3,
      frame: 1,
      handle: 1,
      handleId: 1,
      info: 2,
      dataPtr: field(info, 'data_ptr').no,
      numChannels: field(info, 'num_channels').no,
      sampleRate: field(info, 'sample_rate').no,
      samplesPerChannel: field(info, 'samples_per_channel').no,
    },
    capture: {
      request: request.no,
      sourceHandle: field(request.T, 'source_handle').no,
      buffer: field(request.T, 'buffer').no,
      requestAsyncId: field(request.T, 'request_async_id').no,
      clear: clear.no,
      clearSource: field(clear.T, 'source_handle').no,
      answer: answer.no,
      error: field(answer.T, 'error').no,
    },
    video: { case: 2, eos: 1 },
  };
}

/** A pump plays on though the program no longer holds it. */
const playing = new Set();

/** Plays each source's `pcm` over and over, in real time, until so many chunks of 10 ms are played. */
export function playLoad(sources) {
  const isEngine = (file) => file.endsWith('.node') && require.cache[file]?.exports?.livekitFfiRequest !== undefined;
  testAddon.loadAttach(Object.keys(require.cache).find(isEngine), schema());
  const pump = new testAddon.NativeCapturePump(sources);
  playing.add(pump);
  return {
    stats: () => pump.stats(),
    stop() {
      pump.stop();
      playing.delete(pump);
    },
  };
}
