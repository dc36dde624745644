import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { codeBlocks, root } from './code-blocks.js';

const files = new Map(
  codeBlocks('ts').map(({ guide, number, code }) => [
    path.join(root, '__test__', 'docs', `${guide}-${number}.mts`),
    // A module, even if it imports and exports nothing.
    `${code}\nexport {};\n`,
  ]),
);

test('the code in the documents has the types that users get', () => {
  const config = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile).config as {
    compilerOptions: object;
  };
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
      // An example names what it shows, and doesn't use all of it.
      noUnusedLocals: false,
    },
    root,
  );
  expect(errors).toEqual([]);

  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => files.has(path.normalize(name)) || fileExists(name);
  host.readFile = (name) => files.get(path.normalize(name)) ?? readFile(name);
  host.getSourceFile = (name, options, ...rest) => {
    const text = files.get(path.normalize(name));
    return text === undefined ? getSourceFile(name, options, ...rest) : ts.createSourceFile(name, text, options);
  };
  const given = path.join(root, '__test__', 'docs', 'given.d.ts');
  const program = ts.createProgram([...files.keys(), given], options, host);
  const complaints = ts.getPreEmitDiagnostics(program);
  expect(ts.formatDiagnostics(complaints, { ...host, getCurrentDirectory: () => root })).toBe('');
  // `narrowcast` is dist, as for users: without it everything would have any type.
  const sources = program.getSourceFiles().map(({ fileName }) => path.relative(root, fileName));
  expect(sources).toContain(path.join('dist', 'livekit', 'index.d.ts'));
}, 180_000);
