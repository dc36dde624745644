import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { noLinks } from './platform.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const modules = path.join(root, 'node_modules');

/** A tree of installed packages, as npm would make it. */
export interface Tree {
  readonly folder: string;
  /** Writes a file of the tree; returns its path. */
  write(name: string, text: string): string;
  /** Writes a package: its manifest and its files, into `node_modules/PATH`. */
  addPackage(at: string, manifest: object, files: Readonly<Record<string, string>>): void;
  /** Installs narrowcast, a copy of what the checkout has built; `version` in all that says one. */
  addNarrowcast(at: string, version?: string): void;
  /**
   * Installs a rtc-node that the checkout has, of package.json's version or of another one, with the name that it must have
   * to be found. `engine`: also rtc-ffi-bindings beside it, with an engine of its own.
   */
  addRtcNode(at: string, options?: { version?: string; engine?: boolean }): void;
  /** Links what rtc-node and its bindings depend on, in a tree that lies elsewhere than in the checkout. */
  linkDependencies(): void;
  remove(): void;
}

/** What rtc-node depends on, but for its bindings. */
const DEPENDENCIES = [
  '@bufbuild',
  '@datastructures-js',
  '@livekit/mutex',
  '@livekit/typed-emitter',
  'pino',
  'pino-pretty',
];

/** An empty application in `folder`. What it does not have itself is found above it, if it lies in the checkout. */
export function makeTree(folder: string): Tree {
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };
  const copy = (from: string, at: string) =>
    fs.cpSync(from, path.join(folder, 'node_modules', at), {
      recursive: true,
      dereference: true,
      filter: (source) => !/\.(map|ts|cts)$/.test(source) && !source.startsWith(path.join(from, 'node_modules')),
    });
  // A package of its own, or `narrowcast` would be the checkout that it lies in.
  write('package.json', JSON.stringify({ name: 'app', private: true }));
  return {
    folder,
    write,
    addPackage(at, manifest, files) {
      write(path.join('node_modules', at, 'package.json'), JSON.stringify({ version: '1.0.0', ...manifest }));
      for (const [name, text] of Object.entries(files)) write(path.join('node_modules', at, name), text);
    },
    addNarrowcast(at, version) {
      const addons = fs.readdirSync(root).filter((name) => name.endsWith('.node'));
      for (const name of ['package.json', 'index.cjs', 'dist', ...addons]) {
        copy(path.join(root, name), path.join(at, name));
      }
      if (version !== undefined) stampVersion(path.join(folder, 'node_modules', at), version);
    },
    addRtcNode(at, { version, engine = false } = {}) {
      const from = path.join(modules, version === undefined ? '@livekit/rtc-node' : `rtc-node-${version}`);
      copy(from, path.join(at, '@livekit', 'rtc-node'));
      if (!engine) return;
      const fromRtc = createRequire(path.join(from, 'package.json'));
      const bindings = fromRtc.resolve('@livekit/rtc-ffi-bindings');
      copy(path.dirname(bindings), path.join(at, '@livekit', 'rtc-ffi-bindings'));
      const { optionalDependencies } = fromRtc('@livekit/rtc-ffi-bindings/package.json') as {
        optionalDependencies: object;
      };
      for (const name of Object.keys(optionalDependencies)) {
        const platform = path.join(path.dirname(bindings), '..', '..', name);
        if (fs.existsSync(platform)) copy(platform, path.join(at, name));
      }
    },
    linkDependencies() {
      for (const name of DEPENDENCIES) {
        const link = path.join(folder, 'node_modules', name);
        fs.mkdirSync(path.dirname(link), { recursive: true });
        if (!noLinks) fs.symlinkSync(path.join(modules, name), link, 'junction');
        else if (fs.existsSync(path.join(modules, name, 'package.json'))) copyWithDependencies(name, modules, folder);
        else
          for (const each of fs.readdirSync(path.join(modules, name)))
            copyWithDependencies(`${name}/${each}`, modules, folder);
      }
    },
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

/** Copies a package, and what it depends on, from one `node_modules` to that of an application. */
function copyWithDependencies(name: string, from: string, app: string): void {
  const to = path.join(app, 'node_modules', name);
  const source = path.join(from, name);
  if (fs.existsSync(to) || !fs.existsSync(source)) return;
  fs.cpSync(source, to, { recursive: true });
  const { dependencies = {} } = JSON.parse(fs.readFileSync(path.join(to, 'package.json'), 'utf8')) as {
    dependencies?: object;
  };
  for (const each of Object.keys(dependencies)) copyWithDependencies(each, from, app);
}

/** Makes a copy of narrowcast another version: dist's text has it, and the addon, where it is as long. */
function stampVersion(folder: string, version: string): void {
  const { version: own } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  if (version.length !== own.length) throw new Error(`a version as long as ${own}, for the addon has it too`);
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(cjs|node|json)$/.test(name)) continue;
    const file = path.join(folder, name);
    // Not in place: a file that is replaced while it is loaded would end the process.
    const stamped = Buffer.from(fs.readFileSync(file, 'latin1').replaceAll(own, version), 'latin1');
    fs.rmSync(file);
    fs.writeFileSync(file, stamped);
  }
}
