import { readFile } from 'node:fs/promises';
import { defineConfig, type Rolldown, type UserConfig } from 'tsdown';

/** Apart, so that a browser gets it and nothing else: no chunk is shared with what is for Node. */
const forBrowsers = { 'webrtc/index': 'src/webrtc/index.ts' };

const library = { index: 'src/index.ts', 'livekit/index': 'src/livekit/index.ts' };
/** Apart, for what is built together may come to import one another, and who loads this changes how Node loads modules. */
const register = { 'livekit/register': 'src/livekit/register.ts' };
/** Apart again: Node loads it by its name. */
const hooks = { 'livekit/register-hooks': 'src/livekit/register-hooks.ts' };

/** `import text from './file?raw'`, as vite and vitest have it: the file's text, in the bundle. */
const rawText: Rolldown.Plugin = {
  name: 'raw-text',
  async resolveId(source, importer) {
    if (!source.endsWith('?raw')) return null;
    const found = await this.resolve(source.slice(0, -'?raw'.length), importer);
    return found && `${found.id}?raw`;
  },
  async load(id) {
    if (!id.endsWith('?raw')) return null;
    const text = await readFile(id.slice(0, -'?raw'.length), 'utf8');
    return { code: `export default ${JSON.stringify(text)};`, moduleType: 'js' };
  },
};

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
      'uplot',
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
    entry: { ...library, 'cli/main': 'src/cli/main.ts', 'cli/peer-main': 'src/cli/peer-main.ts' },
    plugins: [rawText],
    dts: { entry: Object.values(library) },
  },
  { ...shared, format: 'cjs', entry: library, dts: true },
  { ...shared, format: 'esm', entry: register, dts: true },
  { ...shared, format: 'cjs', entry: register, dts: true },
  { ...shared, format: 'esm', entry: hooks },
  { ...shared, format: ['esm', 'cjs'], entry: forBrowsers, platform: 'neutral', target: 'es2022', dts: true },
]);
