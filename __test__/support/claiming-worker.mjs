// A thread that installs narrowcast and claims what the engine says about a handle, as it does for a room of its own; it
// uninstalls when it is told to.
import { parentPort, workerData } from 'node:worker_threads';
import { install, native } from './engine-meeting.mjs';

const engine = install();
const { group } = globalThis[Symbol.for('narrowcast.livekit.requestIds')];
native.engineClaim(workerData, group);
parentPort.postMessage('claimed');
parentPort.on('message', () => {
  engine.uninstall();
  parentPort.postMessage('uninstalled');
});
