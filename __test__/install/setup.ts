import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTriple } from '@napi-rs/cli';
import type { TestProject } from 'vitest/node';
import { startRegistry } from '../../scripts/local-registry.mjs';
import { pack, type Packed } from '../../scripts/pack.mjs';
import packageJson from '../../package.json' with { type: 'json' };
import { runNpm } from './npm.js';
import { publishStandIn } from './stand-ins.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** What was packed, and published to the registry. */
    packed: readonly Packed[];
    /** The local registry. */
    registry: string;
    /** A folder for the tests, removed after them. */
    folder: string;
    /** npm's cache, which knows only what came from the local registry. */
    cache: string;
  }
}

/** Packs this checkout and publishes it to a registry on loopback, which lasts as long as the tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-install-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const packed = pack({ out: join(folder, 'packed') });
    const registry = await startRegistry(join(folder, 'registry'));
    const cache = join(folder, 'npm-cache');
    project.provide('packed', packed);
    project.provide('registry', registry.url);
    project.provide('folder', folder);
    project.provide('cache', cache);
    for (const { file } of packed) {
      const { status, stderr } = await runNpm(folder, ['publish', file], { registry: registry.url, cache });
      if (status !== 0) throw new Error(`${file} could not be published: ${stderr}`);
    }
    const packages = new Set(packed.map(({ name }) => name));
    for (const triple of packageJson.napi.targets) {
      const { platformArchABI } = parseTriple(triple);
      if (packages.has(`narrowcast-${platformArchABI}`)) continue;
      await publishStandIn(registry.url, platformArchABI, packageJson.version, join(folder, 'stand-ins'));
    }
    return async () => {
      await registry.stop();
      remove();
    };
  } catch (error) {
    remove();
    throw error;
  }
}
