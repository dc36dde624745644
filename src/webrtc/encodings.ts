import type { CodecLike, EncodingLike, ParametersLike } from './standard.js';

/**
 * What of an encoding `setParameters` may change. All of it outlives an unpublish, so a reused sender gets each
 * set, or unset, anew.
 */
const CHANGEABLE = [
  'active',
  'priority',
  'networkPriority',
  'maxBitrate',
  'maxFramerate',
  'scaleResolutionDownBy',
  'scaleResolutionDownTo',
  'scalabilityMode',
  'adaptivePtime',
  'codec',
] as const;

type Changeable = Partial<Record<(typeof CHANGEABLE)[number], unknown>>;

/**
 * Names of the simulcast layers, in their order; '' without simulcast, for a single encoding has no name. They are
 * agreed on once, and an answer can narrow them, but nothing can ever widen or reorder them.
 */
export function ridsOf(encodings: readonly EncodingLike[] = []): string {
  return encodings.length > 1 ? encodings.map(({ rid }) => rid).join() : '';
}

/** What cannot change in a transceiver, as a text; `|` and ridsOf's layers are added to it. */
export function keyOf(kind: string, codecs: readonly CodecLike[] | undefined, profile: string | undefined): string {
  const names = codecs?.map(({ mimeType, clockRate, channels, sdpFmtpLine }) => [
    mimeType.toLowerCase(),
    clockRate,
    channels,
    sdpFmtpLine,
  ]);
  return JSON.stringify([kind, names, profile]);
}

/** What it means if one of them is missing. */
const DEFAULTS: Changeable = {
  active: true,
  priority: 'low',
  networkPriority: 'low',
  scaleResolutionDownBy: 1,
  adaptivePtime: false,
};

/**
 * Changes a sender's parameters to what `addTransceiver` would have made of `wanted`.
 *
 * @returns whether anything was different
 */
export function renew(
  parameters: ParametersLike,
  kind: string,
  wanted: readonly EncodingLike[] = [],
  degradationPreference?: string,
): boolean {
  const { encodings = [] } = parameters;
  let different = parameters.degradationPreference !== degradationPreference;
  parameters.degradationPreference = degradationPreference;
  // The standard's way: each layer is half the size of the next, unless one of them says something.
  const halved = kind === 'video' && !wanted.some((encoding) => encoding.scaleResolutionDownBy !== undefined);
  for (const [i, encoding] of encodings.entries()) {
    const current = encoding as Changeable;
    const asked = { ...(halved && { scaleResolutionDownBy: 2 ** (encodings.length - 1 - i) }), ...wanted[i] };
    for (const key of CHANGEABLE) {
      const value = (asked as Changeable)[key] ?? DEFAULTS[key];
      // By value: each getParameters makes a codec anew.
      if (JSON.stringify(value) === JSON.stringify(current[key] ?? DEFAULTS[key])) continue;
      different = true;
      current[key] = value; // undefined is as good as missing
    }
  }
  return different;
}
