// A first track, which the engine has much to say about.
import { decodedOf, engine, frame, narrowcast, openTrack, report, until } from './side.mjs';

const { source } = openTrack();
if (narrowcast) await until(() => engine.stats().events.unwanted >= 10, 'logs were dropped natively');
else await until(() => decodedOf('logs').length >= 10, 'logs have come');
await source.captureFrame(frame());
report({ logs: decodedOf('logs').length });
