// What a user's compiler sees of SpeechDetector. Never run: `tsc` is the test.
import { AudioFrame as RtcAudioFrame, type Track } from '@livekit/rtc-node';
import {
  AudioFrame,
  AudioStream,
  SpeechDetector,
  SpeechEmitter,
  type AudioLevel,
  type SpeechChange,
  type SpeechDetectorOptions,
  type SpeechEvents,
  type SpeechOptions,
  type SpeechStreamOptions,
} from 'narrowcast';
import { AudioStream as EngineStream } from 'narrowcast/livekit';
import { a, same, takes } from './support.js';

const detector = new SpeechDetector();
new SpeechDetector({});
new SpeechDetector({ sampleRate: 16_000, numChannels: 2, threshold: 0.5, minSpeechMs: 50, minSilenceMs: 550 });
takes<SpeechOptions>(a<SpeechDetectorOptions>());
// @ts-expect-error no such option
new SpeechDetector({ activationThreshold: 0.5 });

same<ReturnType<typeof detector.push>, Float32Array>();
detector.push(new Int16Array(160));
detector.push(AudioFrame.create(48_000, 1, 480));
detector.push(RtcAudioFrame.create(48_000, 1, 480));
// @ts-expect-error samples are 16-bit integers
detector.push(new Float32Array(160));

// It emits two events, and no others.
takes<SpeechEmitter>(detector);
detector.on('speechstart', (change) => same<typeof change, SpeechChange>());
detector.once('speechend', ({ position, ms, level }) => takes<number[]>([position, ms, level]));
// @ts-expect-error no such event
detector.on('speechstarted', () => {});
takes<SpeechEvents['speechend']>([{ position: 0, ms: 0, level: -20 }]);
same<typeof detector.speaking, boolean>();
// @ts-expect-error it is for the detector to say
detector.speaking = true;
detector.flush();
detector.close();

// Streams listen by an option, and have the same emitter.
const stream = new AudioStream({ speech: { threshold: 0.5, deliver: 'speech', preRollMs: 300 } });
new AudioStream({ speech: {} });
takes<SpeechStreamOptions>(a<SpeechOptions>());
new EngineStream(a<Track>(), { speech: { deliver: 'all', minSpeechMs: 100, minSilenceMs: 700 } });
// @ts-expect-error delivered is all, or speech
new AudioStream({ speech: { deliver: 'none' } });
same<typeof stream.speech, SpeechEmitter>();
same<typeof stream.level, AudioLevel>();
takes<{ peak: number; rms: number }>(stream.level);
a<EngineStream>().speech.on('speechend', ({ position }) => takes<number>(position));
takes<number | undefined>(stream.stats().framesWithheld);
