import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { LIMITS, type Packed } from '../../scripts/pack.mjs';
import { installedApp, type App } from './apps.js';

const root = inject('packed').find(({ name }) => name === 'narrowcast')!;
const platforms = inject('packed').filter(({ name }) => name !== 'narrowcast');

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

const manifest = (name: string) =>
  JSON.parse(readFileSync(join(app.folder, 'node_modules', name, 'package.json'), 'utf8')) as Record<string, object>;
const paths = ({ files }: Packed) => files.map(({ path }) => path);

describe('the root package', () => {
  it('is no larger than a user likes to download', () => {
    expect(root.size).toBeLessThanOrEqual(LIMITS.rootPacked);
  });

  it('holds what is imported, its types, the command, and what must be said', () => {
    const others = paths(root).filter((path) => !/^dist\/[\w/-]+\.(js|cjs|d\.ts|d\.cts)$/.test(path));
    expect(others.toSorted()).toEqual([
      'LICENSE',
      'NOTICE',
      'README.md',
      'assets/agent.wav',
      'assets/caller.wav',
      'include/narrowcast.h',
      'index.cjs',
      'package.json',
    ]);
  });

  it('asks for the platform packages of its own version, and for nothing else', () => {
    const { optionalDependencies, version, dependencies } = manifest('narrowcast');
    expect(dependencies).toBeUndefined();
    expect(Object.keys(optionalDependencies!)).toHaveLength(8);
    expect(new Set(Object.values(optionalDependencies!))).toEqual(new Set([version]));
  });

  it.each(['narrowcast', ...platforms.map(({ name }) => name)])('nothing runs when %s is installed', (name) => {
    expect(manifest(name)).not.toHaveProperty('scripts');
    expect(manifest(name)).not.toHaveProperty('devDependencies');
  });
});

describe.each(platforms)('the platform package $name', (packed) => {
  it('is no larger than promised', () => {
    expect(packed.unpackedSize).toBeLessThanOrEqual(LIMITS.platformUnpacked);
  });

  it('holds the addon, and the licences of what is linked into it', () => {
    const addon = `${packed.name.replace('narrowcast-', 'narrowcast.')}.node`;
    expect(paths(packed).toSorted()).toEqual(
      [
        'LICENSE',
        'NOTICE',
        'README.md',
        addon,
        'licenses/EARSHOT.txt',
        'licenses/LGPL-2.1.txt',
        'licenses/PFFFT.txt',
        'licenses/RUST.txt',
        'package.json',
      ].toSorted(),
    );
  });

  it('says how to build it with another libsoxr', () => {
    const notice = readFileSync(join(app.folder, 'node_modules', packed.name, 'NOTICE'), 'utf8');
    expect(notice).toContain('NARROWCAST_LIBSOXR_SOURCE=FOLDER npm run build:native');
  });
});
