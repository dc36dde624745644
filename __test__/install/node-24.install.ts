import { describe } from 'vitest';
import { worksOn } from './on-node.js';

describe('on Node 24', () => {
  worksOn('node-24');
});
