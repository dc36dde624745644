import fs from 'node:fs';

/** What of V8's CPU profile is looked at here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What the packages are called here whose names say little. */
const PACKAGES: Readonly<Record<string, string>> = {
  '@bufbuild/protobuf': 'protobuf and bindings',
  '@livekit/rtc-ffi-bindings': 'protobuf and bindings',
  '@livekit/rtc-node': 'rtc-node',
  '@livekit/local-inference': 'VAD',
  '@livekit/agents': 'agents',
};

/** Whose a function is, by its file. */
function ownerOfFile(url: string): string {
  if (url.includes('webstreams')) return "Node's web streams";
  if (url.startsWith('node:')) return url === 'node:inspector' ? PROFILER : 'Node';
  if (url.includes('inference/vad')) return 'VAD';
  const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (name !== undefined) return PACKAGES[name] ?? name;
  return url.includes('agent-bench') ? 'the job' : 'narrowcast';
}

/** What is no part of what is measured. */
const PROFILER = 'the profiler';

/** To whom the busy time of a profile belongs, in words, the most first. */
export function ownersOf(file: string): string {
  const { nodes, samples, timeDeltas } = JSON.parse(fs.readFileSync(file, 'utf8')) as Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const ownerOf = (id: number | undefined): string => {
    const node = id === undefined ? undefined : byId.get(id);
    if (!node) return 'V8';
    const { functionName, url } = node.callFrame;
    if (/^\((idle|program|garbage collector)\)$/.test(functionName)) return functionName;
    // A builtin is its caller's.
    return url === '' ? ownerOf(parents.get(node.id)) : ownerOfFile(url);
  };
  const spent = new Map<string, number>();
  for (const [at, id] of samples.entries()) {
    const owner = ownerOf(id);
    spent.set(owner, (spent.get(owner) ?? 0) + timeDeltas[at]!);
  }
  for (const none of ['(idle)', PROFILER]) spent.delete(none);
  const busy = [...spent.values()].reduce((sum, time) => sum + time, 0);
  const words = [...spent]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, time]) => [name, (100 * time) / busy] as const);
  return words.map(([name, percent]) => `${name} ${percent.toFixed(1)}`).join(', ');
}
