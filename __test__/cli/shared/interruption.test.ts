import { afterEach, expect, test, vi } from 'vitest';
import { Interruption } from '../../../src/cli/shared/interruption.js';

// No real signals: emitting the event does what one does.
const send = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => process.emit(signal, signal);

let subject: Interruption | undefined;

afterEach(() => {
  subject?.dispose();
  vi.restoreAllMocks();
});

test.each([
  { signal: 'SIGINT', status: 130 },
  { signal: 'SIGTERM', status: 143 },
  { signal: 'SIGHUP', status: 129 },
] as const)('$signal means status $status', async ({ signal, status }) => {
  subject = new Interruption();
  expect(subject.status).toBeUndefined();
  send(signal);

  expect(await subject.happened).toBe(status);
  expect(subject.status).toBe(status);
});

test('a second Ctrl-C ends the process at once; one that npm forwards does not', () => {
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
  subject = new Interruption();
  send('SIGINT');
  now.mockReturnValue(1200);
  send('SIGINT');
  expect(exit).not.toHaveBeenCalled();
  now.mockReturnValue(2000);
  send('SIGINT');

  expect(exit).toHaveBeenCalledWith(130);
});

test('signals have their usual meaning back afterwards', () => {
  const before = process.listenerCount('SIGINT');
  subject = new Interruption();
  expect(process.listenerCount('SIGINT')).toBe(before + 1);
  subject.dispose();

  expect(process.listenerCount('SIGINT')).toBe(before);
});
