import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeBlocks, guides, root, tokens } from './code-blocks.js';

const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

describe.each([...guides.keys(), 'CONTRIBUTING', 'SECURITY'])('%s', (guide) => {
  const file = path.join(root, guides.has(guide) && guide !== 'README' ? 'docs' : '', `${guide}.md`);
  const text = fs.readFileSync(file, 'utf8');

  test('every command is there', () => {
    const named = [...text.matchAll(/npm run ([\w:.-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  test('every link within the repository leads somewhere', () => {
    const links = tokens(text).flatMap((token) =>
      token.type === 'link' || token.type === 'image' ? [token.href as string] : [],
    );
    const inside = links.filter((href) => !/^[a-z]+:/.test(href) && !href.startsWith('#'));
    expect(inside.filter((href) => !fs.existsSync(path.resolve(path.dirname(file), href.replace(/#.*/, ''))))).toEqual(
      [],
    );
  });
});

test('no code is in a language that nothing checks', () => {
  const languages = [...guides.values()].flatMap((text) =>
    tokens(text).flatMap((token) => (token.type === 'code' ? [(token as { lang?: string }).lang ?? ''] : [])),
  );
  expect(languages.filter((language) => language !== 'ts' && language !== 'sh' && language !== 'c')).toEqual([]);
  expect(codeBlocks('c').map(({ guide }) => guide)).toEqual(['events']); // which run.test.ts builds
  expect(codeBlocks('ts').length).toBeGreaterThan(10);
});
