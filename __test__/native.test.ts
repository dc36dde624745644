import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadNative, native } from '../src/native.js';

test('the addon that is loaded is of this version', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(native.addonVersion()).toBe(version);
});

test('an addon that does not load: what is supported, how to build it, and the cause', () => {
  const cause = new Error('Cannot find native binding.');
  const load = () =>
    loadNative(() => {
      throw cause;
    });
  expect(load).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_PLATFORM', cause }));
  expect(load).toThrow(/Linux x64 and arm64 \(glibc\), macOS x64 and arm64, Windows x64.*npm run build:native/);
});
