// `npm run docs`: the guides and the API's reference, as a site in target/docs. Imports nothing but Node itself, until the
// packages are installed.

import { bin, ensureModules, root, run, say } from './setup.mjs';

ensureModules();
run('typedoc', process.execPath, [bin('typedoc'), '--logLevel', 'Warn', ...process.argv.slice(2)], { cwd: root });
say('the documentation is target/docs/index.html.');
