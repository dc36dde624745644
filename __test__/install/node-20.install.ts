import { describe } from 'vitest';
import { worksOn } from './on-node.js';
import { hasRuntime } from './runtimes.js';

describe.runIf(hasRuntime('node-20'))('on Node 20', () => {
  worksOn('node-20');
});
