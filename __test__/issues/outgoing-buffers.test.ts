import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// The engine is handed the address of what is played; older bindings kept the memory behind it. The pinned ones do not, so
// the plain side shows no fault here: this holds that neither has it.
test('the memory of frames that were played is given back', async () => {
  const { plain, narrowcast } = await runOnBoth('outgoing-buffers');
  expect(plain).toEqual({ collected: true });
  expect(narrowcast).toEqual({ collected: true });
}, 130_000);
