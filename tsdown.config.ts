import { defineConfig, type UserConfig } from 'tsdown';

const library = { index: 'src/index.ts', 'livekit/index': 'src/livekit/index.ts' };

const shared: UserConfig = {
  outDir: 'dist',
  platform: 'node',
  target: 'node20',
  tsconfig: 'tsconfig.build.json',
  fixedExtension: false, // .js and .cjs, as package.json's exports name them
  // src/native.ts finds index.cjs at run time, so both formats share one copy of the addon.
  deps: {
    // Packages whose code the command carries, so that users install no dependency. Every name here is in NOTICE.
    onlyBundle: [
      '@colors/colors',
      'ansi-regex',
      'cli-table3',
      'commander',
      'emoji-regex',
      'is-fullwidth-code-point',
      'string-width',
      'strip-ansi',
      'wavefile',
    ],
  },
  checks: { pluginTimings: false },
  clean: false, // scripts/setup.mjs empties dist once, before both formats are written
};

export default defineConfig([
  {
    ...shared,
    format: 'esm',
    entry: { ...library, 'cli/main': 'src/cli/main.ts' },
    dts: { entry: Object.values(library) },
  },
  { ...shared, format: 'cjs', entry: library, dts: true },
]);
