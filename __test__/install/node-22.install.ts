import { describe } from 'vitest';
import { worksOn } from './on-node.js';
import { hasRuntime } from './runtimes.js';

describe.runIf(hasRuntime('node-22'))('on Node 22', () => {
  worksOn('node-22');
});
