import { describe } from 'vitest';
import { worksOn } from './on-node.js';
import { hasRuntime } from './runtimes.js';

describe.runIf(hasRuntime('node-24'))('on Node 24', () => {
  worksOn('node-24');
});
