import { spawnSync } from 'node:child_process';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { streamClose } from '../../src/diagnostics/channels.js';
import { startMetrics } from '../../src/diagnostics/otel.js';
import { LocalAudioTrack } from '@livekit/rtc-node';
import { AudioStream, AudioStreamTrack } from '../../src/index.js';
import { AudioSource, AudioStream as LiveKitStream, install } from '../../src/livekit/index.js';
import { scratch } from '../cli/command.js';
import { openTracks, play } from '../support/meeting.js';
import { block, until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  metrics.disable();
  vi.restoreAllMocks();
});
const start: typeof startMetrics = (options) => {
  const stop = startMetrics(options);
  stops.push(stop);
  return stop;
};

/** The SDK with an exporter in memory. */
function inMemory() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  /** The points of an instrument now. */
  const points = async <V>(name: string): Promise<DataPoint<V>[]> => {
    exporter.reset();
    await provider.forceFlush();
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    return all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap((metric) => metric.dataPoints as DataPoint<V>[]);
  };
  const value = async (name: string, attributes: Record<string, string> = {}): Promise<number | undefined> => {
    const found = (await points<number>(name)).filter((point) =>
      Object.entries(attributes).every(([key, each]) => point.attributes[key] === each),
    );
    expect(found.length).toBeLessThanOrEqual(1);
    return found[0]?.value;
  };
  return { provider, points, value };
}

const STREAMS = { 'narrowcast.object.kind': 'stream' };

test('startMetrics: counts streams that are alive, opened and closed, with the attributes that were given', async () => {
  const { provider, points, value } = inMemory();
  start({ meterProvider: provider, attributes: { 'lk.room_name': 'standup' } });
  const before = {
    count: (await value('narrowcast.object.count', STREAMS))!,
    opened: (await value('narrowcast.object.opened', STREAMS))!,
  };
  const stream = new AudioStream();

  expect(await value('narrowcast.object.count', STREAMS)).toBe(before.count + 1);
  stream.close();
  expect(await value('narrowcast.object.count', STREAMS)).toBe(before.count);
  expect(await value('narrowcast.object.opened', STREAMS)).toBe(before.opened + 1);
  expect(await value('narrowcast.object.closed', { ...STREAMS, 'narrowcast.close.reason': 'closed' })).toBeGreaterThan(
    0,
  );
  for (const { attributes } of await points('narrowcast.object.count')) {
    expect(attributes).toMatchObject({ 'lk.room_name': 'standup', 'thread.id': 0 });
  }
});

test('startMetrics: frames that were dropped stay counted when their stream is closed', async () => {
  const { provider, value } = inMemory();
  start({ meterProvider: provider });
  const stream = new AudioStream({ sampleRate: 8000, bufferMs: 20 });
  stream.write(new Int16Array(80 * 10));

  expect(await value('narrowcast.stream.frame.dropped')).toBe(8);
  expect(await value('narrowcast.stream.unread.duration')).toBeGreaterThan(0);
  stream.close();
  expect(await value('narrowcast.stream.frame.dropped')).toBe(8);
});

test('startMetrics: a video stream that is closed adds no frames to those of audio streams', async () => {
  const { provider, value } = inMemory();
  start({ meterProvider: provider });
  const before = await value('narrowcast.stream.frame.dropped');
  streamClose.publish({ medium: 'video', framesDropped: 5 });

  expect(await value('narrowcast.stream.frame.dropped')).toBe(before);
});

test('startMetrics: events, frames and wakes of the engine', async () => {
  const { provider, value } = inMemory();
  start({ meterProvider: provider });
  const [one] = openTracks(1);
  const stream = new LiveKitStream(one!.track, 16_000);
  const audio = { 'narrowcast.stream.medium': 'audio' };
  const before = (await value('narrowcast.engine.frame.received', audio))!;
  play([one!], 3);
  await until(() => stream.stats().framesIn === 3, 'all came');

  expect((await value('narrowcast.engine.frame.received', audio))! - before).toBeGreaterThanOrEqual(3);
  expect(await value('narrowcast.engine.event.received')).toBe(engine.stats().received);
  expect(await value('narrowcast.request.pending')).toBe(0);
  expect(await value('narrowcast.thread.wakes')).toBeGreaterThanOrEqual(0);
  stream.close();
});

test('startMetrics: a stall is in the histogram', async () => {
  const { provider, points } = inMemory();
  start({ meterProvider: provider });
  const [one] = openTracks(1);
  const stream = new LiveKitStream(one!.track, 16_000);
  const reader = stream.getReader();
  void reader.read();
  play([one!], 1);
  await until(() => stream.stats().framesOut > 0, 'it is read');
  const pending = reader.read();
  play([one!], 20);
  block(250);
  await pending;
  let found: DataPoint<Histogram>[] = [];
  const limit = performance.now() + 5000;
  while (found.length === 0 && performance.now() < limit) found = await points<Histogram>('narrowcast.stall.duration');

  expect(found).toHaveLength(1);
  expect(found[0]!.value.count).toBeGreaterThanOrEqual(1);
  expect(found[0]!.value.max!).toBeGreaterThan(0.1);
  await reader.cancel();
});

test('startMetrics: a gap in what a track says is in the histogram', async () => {
  const { provider, points } = inMemory();
  start({ meterProvider: provider });
  const source = new AudioSource(16_000, 1, 200);
  const engineTrack = LocalAudioTrack.createAudioTrack('agent', source);
  const track = new AudioStreamTrack({ sampleRate: 16_000 });
  const stop = new AbortController();
  const piping = track.pipeTo(source, { signal: stop.signal }).catch(() => {});
  track.write(new Int16Array(16 * 50).fill(1000));
  block(150);
  track.write(new Int16Array(16 * 50).fill(1000));
  const found = await points<Histogram>('narrowcast.playout.underrun.duration');
  stop.abort();
  await piping;
  track.stop();
  await engineTrack.close();

  expect(found).toHaveLength(1);
  expect(found[0]!.value.count).toBe(1);
  expect(found[0]!.value.sum!).toBeGreaterThan(0.05);
  expect(found[0]!.value.sum!).toBeLessThan(1);
});

test('startMetrics: the global provider is the default, a second start changes nothing, and after the end nothing is reported', async () => {
  const { provider, points, value } = inMemory();
  metrics.setGlobalMeterProvider(provider);
  const stop = start();

  expect(start({ attributes: { other: 'yes' } })).toBe(stop);
  const told = await points('narrowcast.object.count');
  expect(told.length).toBeGreaterThan(5);
  expect(told.every(({ attributes }) => attributes['other'] === undefined)).toBe(true);
  stop();
  stop();
  // The SDK repeats what it was told last.
  const before = await value('narrowcast.object.opened', STREAMS);
  new AudioStream().close();
  expect(await value('narrowcast.object.opened', STREAMS)).toBe(before);
  start();
  stop();
  new AudioStream().close();
  expect(await value('narrowcast.object.opened', STREAMS), 'an old end does not end a new start').toBeGreaterThan(
    before!,
  );
});

test('startMetrics: a real Prometheus exporter tells of it, on the loopback interface alone', async () => {
  // Its own `host`: by default it listens on every interface.
  const exporter = new PrometheusExporter({ host: '127.0.0.1', port: 0, preventServerStart: true });
  await exporter.startServer();
  onTestFinished(() => exporter.stopServer());
  const { _server: server } = exporter as unknown as { _server: Server };
  const { address, port } = server.address() as AddressInfo;
  expect(address).toBe('127.0.0.1');
  if (process.platform === 'linux') {
    // As the system itself lists what listens on that port.
    const listed = spawnSync('ss', ['-Hltn', 'sport', '=', `:${port}`], { encoding: 'utf8' });
    if (!listed.error) expect(listed.stdout.trim().split(/\s+/)[3]).toBe(`127.0.0.1:${port}`);
  }
  const provider = new MeterProvider({ readers: [exporter] });
  start({ meterProvider: provider, attributes: { 'lk.job_id': 'AJ_1' } });
  const stream = new AudioStream();
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  stream.close();

  expect(text).toContain('# TYPE narrowcast_object_count gauge');
  expect(text).toMatch(/^narrowcast_object_count\{.*lk_job_id="AJ_1".*narrowcast_object_kind="stream".*\} [1-9]/m);
  expect(text).toMatch(/^narrowcast_object_opened_total\{.*narrowcast_object_kind="stream".*\} [1-9]/m);
  expect(text).toMatch(/^narrowcast_engine_event_received_total\{/m);
  expect(text).toContain('# UNIT narrowcast_request_pending_duration s');
});

test.each([
  { options: { meterProvider: {} }, says: /meterProvider/ },
  { options: { attributes: 'lk.job_id' }, says: /attributes/ },
  { options: { attributes: ['lk.job_id'] }, says: /attributes/ },
  { options: { provider: 1 }, says: /provider/ },
])('startMetrics: refuses $options', ({ options, says }) => {
  expect(() => startMetrics(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(says) }),
  );
});

test('startMetrics: an API of another major version is refused, with where it is', () => {
  const folder = scratch();
  const api = join(folder, 'node_modules', '@opentelemetry', 'api');
  mkdirSync(api, { recursive: true });
  writeFileSync(
    join(api, 'package.json'),
    JSON.stringify({ name: '@opentelemetry/api', version: '2.0.0', main: 'a.js' }),
  );
  writeFileSync(join(api, 'a.js'), 'throw new Error("it is not to be loaded")');
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  const main = process.argv[1]!;
  process.argv[1] = join(folder, 'main.js');
  onTestFinished(() => void (process.argv[1] = main));

  expect(() => startMetrics()).toThrow(
    expect.objectContaining({ code: 'VERSION_MISMATCH', message: expect.stringContaining('2.0.0') }),
  );
});

test('startMetrics: says what to install where there is no API', async () => {
  vi.resetModules();
  vi.doMock('../../src/resolve-from.js', () => ({ resolveFrom: () => undefined, resolveFromProgram: () => [] }));
  onTestFinished(() => vi.doUnmock('../../src/resolve-from.js'));
  const { startMetrics: without } = await import('../../src/diagnostics/otel.js');

  expect(() => without()).toThrow(
    expect.objectContaining({
      code: 'NOT_FOUND',
      message: expect.stringContaining('npm install @opentelemetry/api@1'),
    }),
  );
});
