import { readFile } from 'node:fs/promises';
import { minifySync } from 'rolldown/experimental';
import { defineConfig, type Rolldown, type UserConfig } from 'tsdown';

/** Apart, so that a browser gets it and nothing else: no chunk is shared with what is for Node. */
const forBrowsers = { 'webrtc/index': 'src/webrtc/index.ts' };

const library = {
  index: 'src/index.ts',
  'livekit/index': 'src/livekit/index.ts',
  'agents/index': 'src/agents/index.ts',
  'otel/index': 'src/diagnostics/otel.ts',
  'telephony/index': 'src/telephony/index.ts',
};
const command = {
  'cli/main': 'src/cli/main.ts',
  'cli/side-main': 'src/cli/meeting/side-main.ts',
  'cli/agent-job': 'src/cli/meeting/agents/job.ts',
};
/** For `register`, which loads it by its name. */
const swapped = {
  'livekit/swapped-classes': 'src/livekit/swapped-classes.ts',
  'livekit/report': 'src/livekit/report.ts',
};
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
    const file = id.slice(0, -'?raw'.length);
    return { code: `export default ${JSON.stringify(smaller(file, await readFile(file, 'utf8')))};`, moduleType: 'js' };
  },
};

/** What the report's page is made of, without what only its readers need here. */
function smaller(file: string, text: string): string {
  if (!/[\\/]src[\\/]/.test(file)) return text;
  if (file.endsWith('.js')) return minifySync(file, text, { compress: {}, mangle: true }).code;
  return file.endsWith('.css') ? text.replace(/\/\*[^]*?\*\/|\n\s*/g, '') : text;
}

/** What packages would bring that the command needs less of. */
const LESS: Record<string, string> = {
  // cli-table3 asks for colours where a table has any; none here has, and they would be a tenth of the command.
  '@colors/colors/safe': 'module.exports = {};',
  // A list of all emoji, from when regular expressions had none.
  'emoji-regex': 'module.exports = () => /\\p{RGI_Emoji}/gv;',
};
const less: Rolldown.Plugin = {
  name: 'less',
  resolveId: (source) => (source in LESS ? source : null),
  load: (id) => (id in LESS ? { code: LESS[id]!, moduleType: 'js' } : null),
};

/** What only the command uses. */
const COMMAND = /[\\/](src[\\/]cli|node_modules)[\\/]/;

/** The files are small. But the library's names of functions and classes stay, and its lines: users see them in stack traces. */
const small: Rolldown.Plugin = {
  name: 'small',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk' || !/\.c?js$/.test(chunk.fileName)) continue;
      const commandOnly = chunk.moduleIds.every((id) => COMMAND.test(id) || id in LESS);
      const { code, errors } = minifySync(chunk.fileName, chunk.code, {
        module: chunk.fileName.endsWith('.js'),
        compress: { keepNames: { function: !commandOnly, class: !commandOnly } },
        mangle: { keepNames: !commandOnly },
        codegen: { removeWhitespace: commandOnly },
      });
      if (errors.length > 0) throw new Error(`${chunk.fileName}: ${errors[0]!.message}`);
      chunk.code = code;
    }
  },
};

/**
 * The file that runs, where CommonJS asks for it. An application's bundle that is an ES module has no `__filename`; it is
 * then where the program is.
 */
const here = 'require("node:url").pathToFileURL(typeof __filename > "u" ? process.argv[1] ?? "_" : __filename).href';
const commonJs: UserConfig = { format: 'cjs', define: { 'import.meta.url': here } };

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
      'ansi-regex',
      'cli-table3',
      'commander',
      'is-fullwidth-code-point',
      'string-width',
      'strip-ansi',
      'uplot',
    ],
  },
  checks: { pluginTimings: false },
  plugins: [small],
  // The library's classes keep the names that users see, also where two of one bundle have the same.
  outputOptions: (options, _format, { cjsDts }) => ({ ...options, keepNames: !cjsDts }),
  clean: false, // scripts/setup.mjs empties dist once, before both formats are written
};

// CommonJS alone, but for browsers and for Node's hooks: the ES modules pass it on (scripts/build-dist.mjs), so that a class
// is the same class for everybody in a process.
export default defineConfig([
  {
    ...shared,
    ...commonJs,
    entry: { ...library, ...command, ...swapped },
    plugins: [small, rawText, less],
    dts: { entry: Object.values(library) },
    // What others need of main.ts as well is apart: nobody else is to run it.
    inputOptions: { preserveEntrySignatures: 'strict' },
  },
  { ...shared, ...commonJs, entry: register, dts: true },
  { ...shared, format: 'esm', entry: hooks, dts: false },
  { ...shared, format: 'esm', entry: forBrowsers, platform: 'neutral', target: 'es2022', dts: false },
  { ...shared, format: 'cjs', entry: forBrowsers, platform: 'neutral', target: 'es2022', dts: true },
]);
