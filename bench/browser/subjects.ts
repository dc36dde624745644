// What participants publish again and again in `npm run bench -- transceivers --long`.

import { flowsOn, look, until, type Subject } from './meeting.js';
import type { Shape } from './room-calls.js';
import { COLORS, networkGone } from './room.js';

export const camera = { source: 'camera', width: 960, height: 540, layers: 3, color: COLORS.red } as const;
const small = { ...camera, width: 480, height: 270 } as const;

export const SHAPES = {
  'camera/vp8': { ...camera, codec: 'vp8' },
  'camera/h264': { ...camera, codec: 'h264' },
  'camera/vp9-svc': { ...small, codec: 'vp9' },
  'camera/av1-svc': { ...small, codec: 'av1' },
  'screen/vp8': { source: 'screen_share', width: 480, height: 270, layers: 2, codec: 'vp8', color: COLORS.blue },
  'single/vp8': { source: 'screen_share', width: 480, height: 270, layers: 1, codec: 'vp8', color: COLORS.green },
  audio: { source: 'microphone' },
} as const satisfies Record<string, Shape>;

const CODECS = ['vp8', 'vp9', 'h264', 'av1'] as const;

const RECONNECTS = ['signal-reconnect', 'resume-reconnect', 'full-reconnect', 'network-gone'] as const;
/** Long enough for a connection to fail, in ms. */
const GONE_MS = 12_000;

/** Also {@link Subject.also}, in words. */
export interface Question extends Subject {
  readonly means?: string;
}

export const SUBJECTS: Record<string, Question> = {
  ...Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, { shapes: () => [shape] }])),

  // An encoder's transform can be attached to a sender once.
  e2ee: {
    sharing: { encrypted: true },
    watching: { encrypted: true },
    shapes: () => [SHAPES['screen/vp8'], SHAPES.audio],
    also: async ({ watcher }) => (await watcher.calls.seen()).every(({ encrypted }) => encrypted),
    means: 'not said to be encrypted',
  },

  // The backup's sender is made once a participant comes that needs it, and is taken away with the publication's own.
  'backup-codec': {
    sharing: { dynacast: true },
    watching: { lacks: 'video/VP9' },
    shapes: () => [{ ...small, codec: 'vp9', backup: true }],
    also: async ({ sharer }) => (await sharer.calls.sent()).codecs.includes('video/VP8'),
    means: 'without VP8',
  },

  // The server asks for no layer that no participant watches. Each second publication ends in that state.
  dynacast: {
    sharing: { dynacast: true },
    shapes: () => [SHAPES['screen/vp8']],
    also: async ({ sharer, watcher }, i) => {
      const active = async () => (await sharer.calls.sent()).active;
      await watcher.calls.enable(false);
      if (!(await until(async () => (await active()) === 0))) return false;
      if (i % 2 === 1) return true;
      await watcher.calls.enable(true);
      const again = await until(async () => (await active()) > 0);
      return (
        again &&
        (await flowsOn(watcher, SHAPES['screen/vp8'])) &&
        (await look(watcher, SHAPES['screen/vp8'])) === 'seen'
      );
    },
    means: 'whose layers were not switched off, or not on again',
  },

  'codec-change': {
    shapes: (i) => [{ ...small, codec: CODECS[i % CODECS.length]! }],
    also: ({ sharer }, i) =>
      until(
        async () => (await sharer.calls.sent()).codecs.join() === `video/${CODECS[i % CODECS.length]!.toUpperCase()}`,
      ),
    means: 'in another codec than was asked for',
  },

  ...Object.fromEntries(
    [true, false].map((singlePeerConnection) => {
      const back: Shape = { ...SHAPES['screen/vp8'], source: 'camera', color: COLORS.green };
      const subject: Question = {
        sharing: { singlePeerConnection },
        shapes: () => [SHAPES['screen/vp8']],
        also: async ({ sharer, watcher }) => {
          await watcher.calls.publish('back', back);
          const seen = (await look(sharer, back)) === 'seen' && (await flowsOn(watcher, SHAPES['screen/vp8']));
          await watcher.calls.unpublish('back');
          return seen;
        },
        means: "in which the publishing participant did not see the other's publication, too",
      };
      return [`two-way/${singlePeerConnection ? 'one-connection' : 'two-connections'}`, subject];
    }),
  ),

  // In the middle of a publication.
  ...Object.fromEntries(
    [true, false].map((singlePeerConnection) => {
      const subject: Question = {
        sharing: { singlePeerConnection },
        shapes: () => [SHAPES['screen/vp8']],
        also: async ({ sharer, watcher }, i) => {
          const how = RECONNECTS[i % RECONNECTS.length]!;
          if (how === 'network-gone') await networkGone(sharer, GONE_MS);
          else await sharer.calls.simulate(how);
          const back = await until(async () => (await sharer.calls.state()) === 'connected');
          if (!back) return `${how}: no connection`;
          const outcome = await look(watcher, SHAPES['screen/vp8']);
          if (outcome !== 'seen') return `${how}: ${outcome}`;
          return (await flowsOn(watcher, SHAPES['screen/vp8'])) || `${how}: no frames, but one picture`;
        },
        means: `that did not go on after a reconnect, of ${RECONNECTS.join(', ')} in turn`,
      };
      return [`reconnects/${singlePeerConnection ? 'one-connection' : 'two-connections'}`, subject];
    }),
  ),

  'screen-audio': { shapes: () => [SHAPES['screen/vp8'], { source: 'screen_share_audio' }] },
};
