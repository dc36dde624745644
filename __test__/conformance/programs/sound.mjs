// Tones, and how they are played and recognized.
import { AudioFrame, AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import { until } from './trace.mjs';

/** A track of this process. With a queue of 0 ms the engine plays a frame as soon as it is captured. */
export function openTrack({ rate = 48_000, channels = 1, queueMs = 0, name = 'track' } = {}) {
  const source = new AudioSource(rate, channels, queueMs);
  return { source, track: LocalAudioTrack.createAudioTrack(name, source) };
}

/** `ms` of a tone, from the moment `atMs` of it. */
export function tone(hz, { rate = 48_000, channels = 1, ms = 10, atMs = 0, amplitude = 12_000 } = {}) {
  const samples = Math.round((rate * ms) / 1000);
  const from = Math.round((rate * atMs) / 1000);
  const data = new Int16Array(samples * channels);
  for (let i = 0; i < samples; i++) {
    data.fill(
      Math.round(amplitude * Math.sin((2 * Math.PI * hz * (from + i)) / rate)),
      i * channels,
      (i + 1) * channels,
    );
  }
  return new AudioFrame(data, rate, channels, samples);
}

/** A frame whose samples all are `value`. */
export function level(value, { rate = 48_000, channels = 1, ms = 10 } = {}) {
  const samples = Math.round((rate * ms) / 1000);
  return new AudioFrame(new Int16Array(samples * channels).fill(value), rate, channels, samples);
}

/** How much of the energy of `samples` is in the tone of `hz`: from 0 to 1. */
export function toneShare(samples, hz, rate) {
  let [re, im, energy] = [0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    const angle = (2 * Math.PI * hz * i) / rate;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
    energy += sample * sample;
  }
  return energy === 0 ? 0 : ((re * re + im * im) * 2) / samples.length / energy;
}

/** Reads frames until the last 200 ms of them satisfy `heard`; false if they end before. Leaves the rest unread. */
export async function listen(frames, rate, heard) {
  const window = new Int16Array(rate / 5);
  for (;;) {
    const { done, value: frame } = await frames.next();
    if (done) return false;
    const data = frame.data.subarray(-window.length);
    window.copyWithin(0, data.length);
    window.set(data, window.length - data.length);
    if (heard(window)) return true;
  }
}

/** All frames of a stream as they come, and when it has ended. */
export function record(stream) {
  const frames = [];
  const ended = (async () => {
    for await (const frame of stream) frames.push(frame);
  })();
  return { frames, ended };
}

/**
 * Plays `count` frames of 10 ms, `make(i)`, no faster than the engine carries them to a stream: its own queue is short.
 * `heard()` is how many of them arrived at a stream of 48,000 Hz.
 */
export async function playPaced(source, count, make, heard) {
  const before = heard();
  for (let i = 0; i < count; i++) {
    await source.captureFrame(make(i));
    await until(() => heard() - before >= i - 4);
  }
  await until(() => heard() - before >= count);
}

/** Waits until `value()` stays as it is for 150 ms. */
export async function settled(value) {
  let [last, since] = [value(), performance.now()];
  await until(() => {
    if (value() !== last) [last, since] = [value(), performance.now()];
    return performance.now() - since > 150;
  });
}
