// What a user's compiler sees of narrowcast/otel. Never run: `tsc` is the test.

import type { MeterProvider } from '@opentelemetry/api';
import { startMetrics, type MetricsOptions } from 'narrowcast/otel';

declare const meterProvider: MeterProvider;

const stop: () => void = startMetrics();
stop();
startMetrics({ meterProvider, attributes: { 'lk.job_id': 'AJ_1', 'lk.room_name': 'standup' } });
const options: MetricsOptions = {};
startMetrics(options);

// @ts-expect-error: no such option
startMetrics({ prefix: 'nc' });
// @ts-expect-error: attributes are text, numbers and booleans
startMetrics({ attributes: { room: { name: 'standup' } } });
