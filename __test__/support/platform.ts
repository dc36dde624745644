/** Windows has no signals: there `kill()` ends another process at once, and a crash has a status. */
export const noSignals = process.platform === 'win32';
