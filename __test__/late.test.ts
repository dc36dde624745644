import { copyFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, scratch } from './cli/command.js';
import { runNode } from './support/child.js';

/** Files of addons for this system that other packages of the checkout have, small ones first. */
function others(): string[] {
  const modules = path.join(root, 'node_modules');
  const folders = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(modules, name)).map((each) => path.join(name, each)) : [name],
  );
  return folders
    .map((name) => path.join(modules, name))
    .filter((folder) => folder.includes(`${process.platform}-${process.arch}`) && statSync(folder).isDirectory())
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => file.endsWith('.node'))
    .toSorted((a, b) => statSync(a).size - statSync(b).size);
}

/** More than 20 of them: where there are fewer, copies, which the system takes for other libraries. */
function candidates(): string[] {
  const found = others();
  expect(found.length).toBeGreaterThan(0);
  const folder = scratch();
  const all = [...found];
  for (let i = 0; all.length < 40; i++) {
    const copy = path.join(folder, `copy-${i}.node`);
    copyFileSync(found[i % Math.min(found.length, 4)]!, copy);
    all.push(copy);
  }
  return all;
}

/** Thread-local storage of libraries that are loaded late is scarce: napi-rs#1060. */
describe('the addon is loaded after 20 others', () => {
  it.each(['main', 'worker'])(
    'first in the %s thread, then in 20 workers',
    async (where) => {
      const { status, signal, stdout, stderr } = await runNode('late.mjs', [where, ...candidates()], {
        limitMs: 170_000,
      });
      expect([status, signal, stdout, stderr]).toEqual([0, null, '20 others, then narrowcast\n', '']);
    },
    180_000,
  );
});
