let screen: MediaStreamTrack | undefined;

/** From now on, pictures are of a screen that the browser's user chooses. */
export async function sharedScreen(): Promise<void> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { width: 1280, height: 720 } });
  screen = stream.getVideoTracks()[0];
}

/** Moving pictures without a camera: a canvas. */
export class Picture {
  readonly #canvas = document.createElement('canvas');
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    width: number,
    height: number,
    readonly framesPerSecond: number,
  ) {
    Object.assign(this.#canvas, { width, height });
    document.body.append(this.#canvas);
    const context = this.#canvas.getContext('2d')!;
    let count = 0;
    this.#timer = setInterval(() => {
      count++;
      context.fillStyle = `hsl(${(count * 3) % 360} 60% 40%)`;
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#fff';
      context.font = `${height / 4}px sans-serif`;
      context.fillText(String(count), ((count * 7) % width) - height / 4, height / 2);
    }, 1000 / framesPerSecond);
  }

  /** Another track of the same pictures. */
  track(): MediaStreamTrack {
    return screen?.clone() ?? this.#canvas.captureStream(this.framesPerSecond).getVideoTracks()[0]!;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#canvas.remove();
  }
}

let context: AudioContext | undefined;

/** A tone. */
export function tone(): MediaStreamTrack {
  context ??= new AudioContext();
  const destination = context.createMediaStreamDestination();
  const oscillator = context.createOscillator();
  oscillator.connect(destination);
  oscillator.start();
  const track = destination.stream.getAudioTracks()[0]!;
  const { stop } = track;
  track.stop = () => {
    oscillator.stop();
    oscillator.disconnect();
    stop.call(track);
  };
  return track;
}
