// Silero's detector, run by onnxruntime: the model of an npm package, and the runtime, which are installed into the user's cache
// folder the first time. Undefined where that does not work.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cacheFolder } from '../../scripts/cache-folder.mjs';

const PACKAGES = ['onnxruntime-node@1.24.3', '@ricky0123/vad-web@0.0.31'];

/** Samples of a window, and how many of the last one it sees again. */
export const WINDOW = 512;
const CONTEXT = 64;

export interface Silero {
  /** The probability of speech for the next 32 ms at 16 kHz. */
  predict(window: Int16Array): Promise<number>;
  reset(): void;
}

interface Tensor {
  readonly data: Float32Array;
}

/** What of onnxruntime-node is used here. */
interface Runtime {
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(
      file: string,
      options: object,
    ): Promise<{ run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> }>;
  };
}

export async function silero(): Promise<Silero | undefined> {
  const folder = installed();
  if (folder === undefined) return undefined;
  const load = createRequire(path.join(folder, 'package.json'));
  const { InferenceSession, Tensor } = load('onnxruntime-node') as Runtime;
  const model = path.join(folder, 'node_modules', '@ricky0123', 'vad-web', 'dist', 'silero_vad_v5.onnx');
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const rate = new Tensor('int64', new BigInt64Array([16_000n]), []);
  const input = new Float32Array(CONTEXT + WINDOW);
  const start = () => new Tensor('float32', new Float32Array(2 * 128), [2, 1, 128]);
  let state = start();
  return {
    async predict(window) {
      input.copyWithin(0, WINDOW);
      for (let i = 0; i < WINDOW; i++) input[CONTEXT + i] = window[i]! / 32_768;
      const result = await session.run({ input: new Tensor('float32', input, [1, input.length]), state, sr: rate });
      state = result['stateN']!;
      return result['output']!.data[0]!;
    },
    reset() {
      state = start();
      input.fill(0);
    },
  };
}

function installed(): string | undefined {
  const cache = cacheFolder();
  if (cache === undefined) return undefined;
  const folder = path.join(cache, 'silero');
  if (PACKAGES.every((each) => fs.existsSync(path.join(folder, 'node_modules', each.replace(/@[^@/]+$/, '')))))
    return folder;
  process.stderr.write(`bench: installing ${PACKAGES.join(', ')} in ${folder} …\n`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  // Without their scripts: one of them would download more than is used here.
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES];
  const { status, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return folder;
  process.stderr.write(`bench: no Silero to compare with: ${stderr.trim().split('\n')[0] ?? ''}\n`);
  return undefined;
}
