import { describe, expect, test } from 'vitest';
import { faults, type Facts } from '../../scripts/platforms/addons.mjs';

const linux: Facts = {
  system: 'linux',
  arch: 'x64',
  libraries: ['libm.so.6', 'libc.so.6', 'ld-linux-x86-64.so.2'],
  exports: ['napi_register_module_v1'],
  imports: ['malloc'],
  glibc: [2, 17],
  staticTls: false,
  paths: [],
  bytes: 1_600_000,
};
const musl: Facts = { ...linux, libraries: ['libc.so'], glibc: null };
const windows: Facts = { ...linux, system: 'win32', libraries: ['KERNEL32.dll', 'api-ms-win-crt-heap-l1-1-0.dll'] };
const mac: Facts = {
  ...linux,
  system: 'darwin',
  arch: 'arm64',
  libraries: ['/usr/lib/libSystem.B.dylib'],
  oldest: '11.0',
  name: '@rpath/narrowcast.node',
  unbound: [],
  signature: { adHoc: true, pages: 300, wrongPages: 0 },
};

test('faults: none in an addon that is as it must be', () => {
  expect(faults('linux-x64-gnu', linux)).toEqual([]);
  expect(faults('linux-x64-musl', musl)).toEqual([]);
  expect(faults('win32-x64-msvc', windows)).toEqual([]);
  expect(faults('darwin-arm64', mac)).toEqual([]);
  expect(faults('darwin-x64', { ...mac, arch: 'x64', signature: null })).toEqual([]);
});

describe('faults: one that is in the package of another platform', () => {
  test.each<[string, Facts, RegExp]>([
    ['linux-x64-musl', linux, /^loads libm\.so\.6, libc\.so\.6, ld-linux-x86-64\.so\.2, which not each machine/],
    ['linux-x64-gnu', musl, /^loads libc\.so, which not each machine of linux-x64-gnu has$/],
    ['linux-arm64-gnu', linux, /^is for linux x64, and its package is for linux-arm64-gnu$/],
    ['win32-x64-msvc', linux, /^is for linux x64, and its package is for win32-x64-msvc$/],
    ['darwin-x64', mac, /^is for darwin arm64, and its package is for darwin-x64$/],
    ['darwin-x64', { system: null, bytes: 9 }, /^is no addon for any system, and its package is for darwin-x64$/],
  ])('%s', (platform, facts, says) => {
    expect(faults(platform, facts)).toEqual([expect.stringMatching(says)]);
  });
});

describe('faults: one that does not load everywhere', () => {
  test.each<[string, string, Facts]>([
    ['needs glibc 2.34', 'linux-x64-gnu', { ...linux, glibc: [2, 34] }],
    ['wants static thread-local storage', 'linux-x64-gnu', { ...linux, staticTls: true }],
    ["imports uv_async_send, which is Node's alone", 'linux-x64-musl', { ...musl, imports: ['uv_async_send'] }],
    ['loads VCRUNTIME140.dll', 'win32-x64-msvc', { ...windows, libraries: ['VCRUNTIME140.dll'] }],
    ['is for macOS 15.0, and 11.0 is promised', 'darwin-arm64', { ...mac, oldest: '15.0' }],
    ['is called /tmp/a.dylib', 'darwin-arm64', { ...mac, name: '/tmp/a.dylib' }],
    ['has no ad-hoc signature', 'darwin-arm64', { ...mac, signature: null }],
    ['in 2 of 300 pages', 'darwin-arm64', { ...mac, signature: { adHoc: true, pages: 300, wrongPages: 2 } }],
    ['does not say whose _malloc it wants', 'darwin-arm64', { ...mac, unbound: ['_malloc'] }],
    ['does not export napi_register_module_v1', 'linux-x64-musl', { ...musl, exports: [] }],
    ['names files of the machine that built it: /a/b', 'linux-x64-gnu', { ...linux, paths: ['/a/b'] }],
    ['has 2000000 bytes', 'linux-x64-gnu', { ...linux, bytes: 2_000_000 }],
  ])('%s', (says, platform, facts) => {
    expect(faults(platform, facts)).toEqual([expect.stringContaining(says)]);
  });
});
