/** Windows has no signals: there `kill()` ends another process at once, and a crash has a status. */
export const noSignals = process.platform === 'win32';

/** Set where LiveKit has no engine, as on musl: scripts/platforms. */
export const noEngine = process.env['NARROWCAST_NO_ENGINE'] === '1';
