import { describe } from 'vitest';
import { worksOn } from './on-node.js';

describe('on Node 20', () => {
  worksOn('node-20');
});
