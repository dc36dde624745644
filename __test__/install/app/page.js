import { TransceiverPool, TransceiverPoolError } from 'narrowcast/webrtc';

globalThis.exported = [TransceiverPool.name, TransceiverPoolError.name];
