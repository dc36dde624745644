// A browser sends simulcast but does not receive it. So the receiving side is told of a section for each layer, found by
// the layer's name where a section's own is looked for, and the sending side of one section with them all; it is how
// the browsers' own tests do it.

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const RID = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
const REPAIRED_RID = 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id';
/** Enough for three layers at 1280×720. */
const START_KBPS = 4000;

/** Translates between a sender of simulcast and a receiver that knows nothing of it. */
export class Translator {
  /** Names of the layers of a section, by the section's. A section that is inactive does not say them. */
  readonly #layers = new Map<string, string[]>();

  /** What the receiver gets as the sender's offer. */
  offer(sdp: string): string {
    const [session, ...sections] = split(sdp);
    const translated = sections.flatMap((section) => {
      const mid = valueOf(section, 'mid')!;
      const named = valueOf(section, 'simulcast')
        ?.replace(/send |~/g, '')
        .split(';');
      if (named) this.#layers.set(mid, named);
      const lines = section.filter(
        (line) => !/^a=(rid|simulcast|msid):/.test(line) && !line.endsWith(MID) && !line.endsWith(REPAIRED_RID),
      );
      const layers = this.#layers.get(mid);
      if (!layers) return [lines.filter((line) => !line.endsWith(RID))];
      const plain = lines.filter((line) => !line.startsWith('a=ssrc')).map((line) => line.replace(RID, MID));
      return layers.map((layer) => plain.map((line) => (line.startsWith('a=mid:') ? `a=mid:${layer}` : line)));
    });
    return join([bundle(session!, translated), ...translated]);
  }

  /** What the sender gets as the receiver's answer to its offer. */
  answer(sdp: string, offered: string): string {
    const [session, ...sections] = split(sdp);
    const translated = split(offered)
      .slice(1)
      .map((section) => {
        const mid = valueOf(section, 'mid')!;
        const layers = this.#layers.get(mid);
        const wanted = layers?.[0] ?? mid;
        const answer = sections.find((each) => valueOf(each, 'mid') === wanted)!;
        if (!layers) return [...answer];
        const lines = answer.map((line) =>
          line.startsWith('a=mid:') ? `a=mid:${mid}` : line.endsWith(MID) ? line.replace(MID, RID) : line,
        );
        lines.push(...section.filter((line) => line.startsWith('a=extmap:') && line.endsWith(MID)));
        if (valueOf(section, 'simulcast')) {
          lines.push(...layers.map((layer) => `a=rid:${layer} recv`), `a=simulcast:recv ${layers.join(';')}`);
        }
        return lines;
      });
    return join([bundle(session!, translated), ...translated.map(fastStart)]);
  }
}

/** Otherwise an encoder begins with its smallest layer, and waits for an estimate of the bandwidth with the others. */
function fastStart(section: string[]): string[] {
  const types = section.flatMap((line) => /^a=rtpmap:(\d+) (?:VP8|VP9|AV1|H264)\b/.exec(line)?.[1] ?? []);
  const limit = `x-google-start-bitrate=${START_KBPS}`;
  for (const type of types) {
    const at = section.findIndex((line) => line.startsWith(`a=fmtp:${type} `));
    if (at === -1) section.push(`a=fmtp:${type} ${limit}`);
    else section[at] += `;${limit}`;
  }
  return section;
}

/** Once a connection knows all its addresses, so that its description has them. */
export async function gathered(pc: RTCPeerConnection): Promise<void> {
  // Without a live m-line there is no transport, and none gathers.
  if (!/^m=\w+ [1-9]/m.test(pc.localDescription!.sdp)) return;
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
}

/**
 * Leaves out candidates of other interfaces: nothing is sent but to this machine itself. Of a name instead of an address
 * only this machine's browsers know whose it is.
 */
export function onlyThisMachine(sdp: string): string {
  const allowed = (line: string) => !line.startsWith('a=candidate:') || / (127\.0\.0\.1|\S+\.local) /.test(line);
  return join(split(sdp).map((lines) => lines.filter(allowed)));
}

const split = (sdp: string): string[][] =>
  sdp.split(/(?=^m=)/m).map((part) => part.split('\r\n').filter((line) => line !== ''));

const join = (parts: string[][]): string => parts.map((lines) => lines.map((line) => `${line}\r\n`).join('')).join('');

const valueOf = (lines: string[], name: string): string | undefined =>
  lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);

const bundle = (session: string[], sections: string[][]): string[] => {
  const live = sections.filter((lines) => !/^m=\w+ 0 /.test(lines[0]!));
  const group = `a=group:BUNDLE ${live.map((lines) => valueOf(lines, 'mid')).join(' ')}`;
  return session.map((line) => (line.startsWith('a=group:BUNDLE') ? group : line));
};
