import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, it } from 'vitest';

const file = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** What a page gets that imports the entry. */
async function bundled(format: 'esm' | 'iife'): Promise<string> {
  const bundle = await rolldown({ input: file('dist/webrtc/index.js'), platform: 'browser' });
  const { output } = await bundle.generate({ format, minify: true, name: 'narrowcast' });
  await bundle.close();
  expect(output).toHaveLength(1);
  expect(output[0].imports).toEqual([]);
  return output[0].code;
}

it('is about 5 kB for a browser, compressed', async () => {
  expect(gzipSync(await bundled('esm')).length).toBeLessThan(5300);
});

it('needs nothing of Node, and nothing of a page until it is used', async () => {
  // A world with the language alone: what was missing at import time would throw.
  const world = createContext({});
  new Script(`${await bundled('iife')};`).runInContext(world);
  expect(new Script('Object.keys(narrowcast).sort().join()').runInContext(world)).toBe(
    'TransceiverPool,TransceiverPoolError,releaseSender',
  );
});

it.each(['dist/webrtc/index.js', 'dist/webrtc/index.cjs'])('is one file, %s', (name) => {
  expect(readFileSync(file(name), 'utf8')).not.toMatch(/\bfrom\s*["']|\brequire\(/);
});

it('is what both import and require of narrowcast/webrtc give', async () => {
  const required = createRequire(import.meta.url)('narrowcast/webrtc') as object;
  // As a user's program would: not from the source.
  const imported = (await import(
    /* @vite-ignore */ new URL('../../dist/webrtc/index.js', import.meta.url).href
  )) as object;
  for (const each of [required, imported]) {
    expect(Object.keys(each).toSorted()).toEqual(['TransceiverPool', 'TransceiverPoolError', 'releaseSender']);
  }
});
