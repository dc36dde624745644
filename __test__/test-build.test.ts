import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { native } from '../src/native.js';

it('the shipped addon leaves out what only tests and benchmarks use', () => {
  const file = fileURLToPath(new URL('../target/ledger/narrowcast.node', import.meta.url));
  const testBuild = createRequire(import.meta.url)(file) as Record<string, { prototype?: object } | undefined>;
  expect(
    Object.keys(testBuild)
      .filter((name) => !(name in native))
      .toSorted(),
  ).toEqual(['NativeCapturePump', 'ledgerProbe', 'ledgerProbeHandles', 'loadAttach', 'timeLibsoxr', 'trackLateness']);
  const methods = (addon: object) =>
    Object.entries(addon as typeof testBuild).flatMap(([name, value]) =>
      Object.keys(Object.getOwnPropertyDescriptors(value?.prototype ?? {}))
        .filter((method) => method !== 'constructor')
        .map((method) => `${name}.${method}`),
    );
  const shipped = new Set(methods(native));
  expect(methods(testBuild).filter((name) => !shipped.has(name))).toEqual([
    'NativeCapturePump.stats',
    'NativeCapturePump.stop',
  ]);
});
