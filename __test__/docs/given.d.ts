// What the code in the documents takes as given: the names of what its reader has already.

declare const stream: import('node:stream/web').ReadableStream<import('narrowcast').AudioFrame>;
declare const recognizer: { write(samples: Int16Array): void };
declare const input: Int16Array;
declare const source: import('@livekit/rtc-node').AudioSource;
declare const synthesis: AsyncIterable<Int16Array>;
declare const worker: import('node:worker_threads').Worker;
declare const remoteTrack: import('@livekit/rtc-node').RemoteTrack;

// In a browser:
declare const connection: RTCPeerConnection;
declare const camera: MediaStreamTrack;
declare const outgoing: MediaStream;
declare function negotiate(): Promise<void>;
