import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { isMainThread, threadId } from 'node:worker_threads';
import type { Attributes, MeterProvider, Observable } from '@opentelemetry/api';
import { NarrowcastError } from '../errors.js';
import type { Engine } from '../livekit/engine.js';
import { manifestOf } from '../manifest.js';
import { resolveFromProgram } from '../resolve-from.js';
import { invalid, optionsObject, plainObject } from '../validate.js';
import { VERSION } from '../version.js';
import { alive, aliveCounts, type InspectedKind } from './alive.js';
import { playoutUnderrun, stall, streamClose } from './channels.js';
import type { InspectedStream, Stall } from './inspect.js';

/** Options of {@link startMetrics}. */
export interface MetricsOptions {
  /** Where the instruments are made. Default: the global one of `@opentelemetry/api`. */
  meterProvider?: MeterProvider;
  /** What each measurement says besides, such as `lk.job_id`, `lk.room_name` and `lk.agent_name`, as agents names them. */
  attributes?: Attributes;
}

const OPTIONS = { meterProvider: true, attributes: true } as const;

const API = '@opentelemetry/api';

/** Where engine.ts keeps this thread's engine. */
const ENGINE = Symbol.for('narrowcast.livekit.engine');
const RUNNING = Symbol.for(`narrowcast.otel.${VERSION}`);
const shared = globalThis as { [ENGINE]?: Engine; [RUNNING]?: (() => void) | undefined };

/** What the kinds are called, by OpenTelemetry's rules for names. */
const KINDS: Record<InspectedKind, string> = {
  streams: 'stream',
  videoStreams: 'video_stream',
  sources: 'source',
  tracks: 'track',
  subscriptions: 'subscription',
  listeners: 'listener',
};
const kinds = Object.keys(KINDS) as InspectedKind[];

/** Bounds of the histogram of gaps in the agent's voice, in s. */
const UNDERRUN_BOUNDS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75];

/** Bounds of the histogram of stalls, in s: a stall is longer than 0.1 s. */
const STALL_BOUNDS = [0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10];

/**
 * Makes OpenTelemetry instruments of what narrowcast knows of this thread: what is alive, frames, events, wakes and stalls.
 * They are read when a reader of the metrics SDK collects, and cost nothing in between. docs/diagnostics.md lists them.
 *
 * Twice: nothing; what the first call asked for holds.
 *
 * @returns ends it: the instruments report no more
 * @throws {NarrowcastError} `INVALID_ARGUMENT`; `NOT_FOUND` if there is no `@opentelemetry/api`; `VERSION_MISMATCH` if it has
 *   another major version than 1
 * @example
 * ```ts
 * import { startMetrics } from 'narrowcast/otel';
 *
 * const stop = startMetrics({ attributes: { 'lk.agent_name': 'support' } });
 * ```
 */
export function startMetrics(options: MetricsOptions = {}): () => void {
  optionsObject<MetricsOptions>('options', options, OPTIONS);
  const { meterProvider, attributes = {} } = options;
  if (meterProvider !== undefined && typeof (meterProvider as Partial<MeterProvider>)?.getMeter !== 'function') {
    throw invalid('meterProvider', meterProvider, 'a MeterProvider of @opentelemetry');
  }
  plainObject('attributes', attributes);
  return (shared[RUNNING] ??= start(meterProvider ?? globalProvider(), { 'thread.id': threadId, ...attributes }));
}

function start(provider: MeterProvider, base: Attributes): () => void {
  const meter = provider.getMeter('narrowcast', VERSION);
  const upDown = (name: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(name, { unit, description });
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(name, { unit, description });
  const gauge = (name: string, description: string) => meter.createObservableGauge(name, { unit: 's', description });

  const count = upDown('narrowcast.object.count', '{object}', 'Objects that are alive.');
  const opened = counter('narrowcast.object.opened', '{object}', 'Objects that the program has opened.');
  const closed = counter('narrowcast.object.closed', '{object}', 'Objects that were closed, or collected without it.');
  const dropped = counter(
    'narrowcast.stream.frame.dropped',
    '{frame}',
    'Frames lost because they were not read in time.',
  );
  const unread = gauge('narrowcast.stream.unread.duration', 'How long the reader of a stream is away, at most.');
  const pending = upDown('narrowcast.request.pending', '{request}', 'Requests that the engine has not answered.');
  const oldest = gauge('narrowcast.request.pending.duration', 'How long the oldest of these waits.');
  const wakes = counter('narrowcast.thread.wakes', '{wake}', 'How often native code woke this thread.');
  const received = counter(
    'narrowcast.engine.event.received',
    '{event}',
    'Events that the engine sent to this process.',
  );
  const unwanted = counter('narrowcast.engine.event.unwanted', '{event}', 'Of these, events without a subscriber.');
  const frames = counter(
    'narrowcast.engine.frame.received',
    '{frame}',
    'Frames that came for streams of this process.',
  );
  const stalls = meter.createHistogram('narrowcast.stall.duration', {
    unit: 's',
    description: 'Times that this thread was blocked while native code had something for it.',
    advice: { explicitBucketBoundaries: STALL_BOUNDS },
  });
  const lost = meter.createCounter('narrowcast.stall.frame.lost', {
    unit: '{frame}',
    description: 'Frames that were lost in them.',
  });
  const underruns = meter.createHistogram('narrowcast.playout.underrun.duration', {
    unit: 's',
    description: 'Gaps in what the agent says, because its source or track had run dry.',
    advice: { explicitBucketBoundaries: UNDERRUN_BOUNDS },
  });
  const observed: Observable[] = [
    count,
    opened,
    closed,
    dropped,
    unread,
    pending,
    oldest,
    wakes,
    received,
    unwanted,
    frames,
  ];

  /** Of audio streams that have ended. */
  let droppedBefore = 0;
  const onClose = (message: unknown) => {
    const { medium, framesDropped = 0 } = message as { medium: string; framesDropped?: number };
    if (medium === 'audio') droppedBefore += framesDropped;
  };
  const onStall = (message: unknown) => {
    const { ms, framesLost } = message as Stall;
    stalls.record(ms / 1000, base);
    lost.add(framesLost, base);
  };

  const onUnderrun = (message: unknown) => {
    const { ms, cause } = message as { ms: number; cause: string };
    underruns.record(ms / 1000, { ...base, 'narrowcast.underrun.cause': cause });
  };

  const observe = (result: { observe: (observable: Observable, value: number, attributes?: Attributes) => void }) => {
    const now = performance.now();
    const tell = (observable: Observable, value: number, attributes: Attributes = {}) =>
      result.observe(observable, value, { ...base, ...attributes });
    const counts = aliveCounts();
    for (const kind of kinds) {
      const of = { 'narrowcast.object.kind': KINDS[kind] };
      const ended = counts[kind];
      tell(count, ended.opened - ended.closed - ended.forgotten, of);
      tell(opened, ended.opened, of);
      tell(closed, ended.closed, { ...of, 'narrowcast.close.reason': 'closed' });
      tell(closed, ended.forgotten, { ...of, 'narrowcast.close.reason': 'forgotten' });
    }
    const streams = alive<InspectedStream>('streams', now);
    tell(
      dropped,
      streams.reduce((sum, { framesDropped }) => sum + framesDropped, droppedBefore),
    );
    tell(unread, Math.max(0, ...streams.map(({ unreadMs }) => unreadMs)) / 1000);
    const engine = shared[ENGINE];
    if (!engine) return;
    const inspection = engine.inspect();
    const { client, ownMs } = inspection.pending;
    tell(count, inspection.rooms.length, { 'narrowcast.object.kind': 'room' });
    tell(pending, client.length + ownMs.length);
    tell(oldest, Math.max(0, ...ownMs, ...client.map(({ ageMs }) => ageMs)) / 1000);
    const stats = inspection.engine;
    tell(wakes, stats.threadWakes);
    // What is the whole process's is told by one thread.
    if (!isMainThread) return;
    tell(received, stats.received);
    tell(unwanted, stats.events.unwanted);
    tell(frames, stats.frames, { 'narrowcast.stream.medium': 'audio' });
    tell(frames, stats.videoFrames, { 'narrowcast.stream.medium': 'video' });
  };
  meter.addBatchObservableCallback(observe, observed);
  subscribe(streamClose.name, onClose);
  subscribe(stall.name, onStall);
  subscribe(playoutUnderrun.name, onUnderrun);
  const stop = () => {
    // Another start may run by now.
    if (shared[RUNNING] !== stop) return;
    shared[RUNNING] = undefined;
    meter.removeBatchObservableCallback(observe, observed);
    unsubscribe(streamClose.name, onClose);
    unsubscribe(stall.name, onStall);
    unsubscribe(playoutUnderrun.name, onUnderrun);
  };
  return stop;
}

/** That of the program's own copy of the API: a newer copy does not see what an older one has registered. */
function globalProvider(): MeterProvider {
  const file = resolveFromProgram(API)[0];
  if (file === undefined) {
    throw new NarrowcastError(
      'NOT_FOUND',
      `${API} is not installed where the program is: npm install ${API}@1, or give startMetrics() a meterProvider`,
    );
  }
  const version = manifestOf(file, API)?.version;
  if (!version?.startsWith('1.')) {
    throw new NarrowcastError(
      'VERSION_MISMATCH',
      `${file} is ${API} ${version ?? 'of an unknown version'}, and narrowcast knows version 1: npm install ${API}@1, or give ` +
        'startMetrics() a meterProvider',
    );
  }
  return (createRequire(file)(file) as typeof import('@opentelemetry/api')).metrics.getMeterProvider();
}
