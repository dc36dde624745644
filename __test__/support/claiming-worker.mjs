// A thread that installs narrowcast and claims what the engine says about a handle, as it does for a room of its own; it
// uninstalls when it is told to.
import { parentPort, workerData } from 'node:worker_threads';

// No import of the module itself: engine-meeting.mjs has a top-level await, and V8 ends the process of Node 22 when a
// worker is terminated while it runs a module that waited for another one's ("AsyncModuleExecutionFulfilled").
void import('./engine-meeting.mjs').then(({ install, native }) => {
  const engine = install();
  const { group } = globalThis[Symbol.for('narrowcast.livekit.requestIds')];
  native.engineClaim(workerData, group);
  parentPort.on('message', () => {
    engine.uninstall();
    parentPort.postMessage('uninstalled');
  });
  parentPort.postMessage('claimed');
});
