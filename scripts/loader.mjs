// Replaces the loader that `napi build` generates by scripts/addon-loader.cjs. The generated one asks the machine and not the
// process which C library it uses, tries no other one's addon, knows platforms that there is no addon for, and blames npm.

import fs from 'node:fs';

/** The loader itself. */
export const LOADER = new URL('addon-loader.cjs', import.meta.url);

const HEAD = `/* eslint-disable */
// Made by \`npm run build\` from scripts/addon-loader.cjs and crates/node.

`;

/** What the generated types say of the generated loader alone. */
const ITS_TYPES =
  /\/\*\*\n \* Which binding artifact(?: \*|[^*])*\*\/\nexport declare const __napiBindingTarget: .*\n\n/;

/** Rewrites the generated loader and its types; throws if they are not the text that this was written for. */
export function mendLoader(loader, types) {
  const [generated, typed] = [loader, types].map((file) => fs.readFileSync(file, 'utf8'));
  const exported = generated.indexOf('\nmodule.exports = nativeBinding\n');
  if (exported === -1) throw new Error(`${loader} has changed: it has no line \`module.exports = nativeBinding\`.`);
  if (!ITS_TYPES.test(typed)) throw new Error(`${types} has changed: it has no \`__napiBindingTarget\`.`);
  fs.writeFileSync(loader, `${HEAD}${fs.readFileSync(LOADER, 'utf8')}${generated.slice(exported)}`);
  fs.writeFileSync(types, typed.replace(ITS_TYPES, ''));
}
