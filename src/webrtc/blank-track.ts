import type { TrackLike } from './standard.js';

/** A video track of frames so small that an encoder keeps next to nothing of them. */
export interface BlankTrack extends TrackLike {
  /** Gives it one more frame; a track that makes frames by itself needs none. */
  paint?(): void;
  /** Ends it: it is not needed any more. */
  stop?(): void;
}

// As much of the DOM as is used: there are none of its types where this is compiled.
interface Canvas {
  width: number;
  height: number;
  getContext(type: '2d'): { fillRect(x: number, y: number, width: number, height: number): void };
  captureStream(framesPerSecond: number): Partial<Frames> & { getVideoTracks(): (BlankTrack & Partial<Frames>)[] };
}
interface Frames {
  requestFrame(): void;
}

/** Pixels each way: the least that the encoders for VP8, VP9, AV1 and H264 all take. */
const SIZE = 16;

/** A track of a canvas of this page. Throws where there is no page, as in a worker or in Node. */
export function canvasTrack(): BlankTrack {
  const { document } = globalThis as unknown as { document: { createElement(name: 'canvas'): Canvas } };
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext('2d');
  const stream = canvas.captureStream(0);
  const track = stream.getVideoTracks()[0]!;
  track.paint = () => {
    // Only what was drawn on anew is captured.
    context.fillRect(0, 0, SIZE, SIZE);
    (track.requestFrame ? track : stream).requestFrame!(); // in Firefox the stream has it
  };
  return track;
}
