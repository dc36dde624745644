// What the code in the documents takes as given: the names of what its reader has already.

declare const stream: import('node:stream/web').ReadableStream<import('narrowcast').AudioFrame>;
declare const recognizer: { write(samples: Int16Array): void };
declare const input: Int16Array;
declare const source: import('@livekit/rtc-node').AudioSource;
declare const room: import('@livekit/rtc-node').Room;
declare const music: import('narrowcast').AudioStream;
declare const synthesis: AsyncIterable<Int16Array>;
declare const socket: import('node:events').EventEmitter;
declare const server: {
  on(event: 'connection', listener: (socket: import('narrowcast/telephony').PhoneSocket) => void): void;
};
declare const model: { run(window: Int16Array): void };
declare const worker: import('node:worker_threads').Worker;
declare const remoteTrack: import('@livekit/rtc-node').RemoteTrack;

// In a browser:
declare const connection: RTCPeerConnection;
declare const camera: MediaStreamTrack;
declare const outgoing: MediaStream;
declare function negotiate(): Promise<void>;

// What of agents is shown; it is no dependency of the checkout.
declare module '@livekit/agents' {
  enum VADEventType {
    START_OF_SPEECH,
    INFERENCE_DONE,
    END_OF_SPEECH,
  }
  abstract class VAD {
    constructor(capabilities: { updateInterval: number });
    abstract label: string;
  }
  abstract class VADStream {
    constructor(vad: VAD);
    close(): void;
  }
  namespace voice {
    class AgentSession {
      constructor(options: { vad?: VAD; stt?: unknown; llm?: unknown; tts?: unknown });
      close(): Promise<void>;
    }
  }
  export { VADEventType, VAD, VADStream, voice };
}
declare const stt: unknown, llm: unknown, tts: unknown;
