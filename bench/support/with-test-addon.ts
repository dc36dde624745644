/**
 * Imported before narrowcast: its tracks are then those of the addon's test build, which counts how late each chunk is. In all else
 * that is the shipped addon.
 */

import { testAddon } from '../../__test__/support/load.mjs';
import { VERSION } from '../../src/version.js';

const addon = globalThis as { [name: symbol]: unknown };
const shared = Symbol.for(`narrowcast.addon.${VERSION}`);
if (addon[shared] !== undefined)
  throw new Error('import with-test-addon before narrowcast: it has loaded its own addon');
addon[shared] = testAddon;

export { testAddon };
