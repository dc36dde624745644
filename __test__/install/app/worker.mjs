import { workerData } from 'node:worker_threads';
import { RingBuffer } from 'narrowcast';

RingBuffer.open(workerData).write(new Int16Array([1, 2, 3]));
