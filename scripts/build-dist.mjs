// Builds dist, by tsdown.config.ts, and the ES modules that pass on what the CommonJS ones export. Not by tsdown's command,
// which says on every run that a later version of it will want a newer Node.

import fs from 'node:fs';
import path from 'node:path';
import { build } from 'tsdown';
import { entries, root } from './setup.mjs';

const chunks = (await build({ cwd: root, logLevel: 'warn' })).flatMap((bundle) => bundle.chunks);

const dist = (file) => path.join(root, 'dist', file);

/**
 * The ES module beside a CommonJS one. It does not `import` that one: should it throw, for want of an addon, then Node 20 ends
 * the process even where the failure of `import()` is caught. Nor does it make a `require` of its own, for bundlers see none.
 */
function passOn(folder, before = '') {
  // Asked of the bundler: to load the file takes an addon, and dist is also built where there is none.
  const { exports } = chunks.find(({ fileName }) => fileName === `${folder}index.cjs`);
  fs.writeFileSync(dist(`${folder}load.cjs`), "module.exports = () => require('./index.cjs');\n");
  const text = `import load from './load.cjs';\n${before}export const { ${exports.join(', ')} } = load();\n`;
  fs.writeFileSync(dist(`${folder}index.js`), text);
}

passOn('');
passOn('agents/');
passOn('otel/');
passOn('telephony/');
// For src/livekit/bindings.ts: the program is one that imports.
passOn('livekit/', "globalThis[Symbol.for('narrowcast.livekit.imported')] = true;\n");
fs.writeFileSync(dist('livekit/register.js'), "import './register.cjs';\n");

// One text of the types is enough for both. But rtc-node has types of its own for each format, and they don't fit one
// another: what names them is copied, and means those of its own format.
for (const name of entries()) {
  const types = dist(`${name}.d.cts`);
  const text = fs.readFileSync(types, 'utf8');
  const shared = `export * from './${path.basename(name)}.cjs';\n`;
  fs.writeFileSync(types.replace(/cts$/, 'ts'), /from "@livekit\//.test(text) ? text : shared);
}
