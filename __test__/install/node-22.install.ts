import { describe } from 'vitest';
import { worksOn } from './on-node.js';

describe('on Node 22', () => {
  worksOn('node-22');
});
