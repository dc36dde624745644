//! Sounds for tests of speech detection: a made-up voice, since no recording is in the repository, and noise.

use narrowcast_audio::SPEECH_RATE;
use std::f64::consts::TAU;

/// Samples at [`SPEECH_RATE`].
pub fn ms(ms: usize) -> usize {
    ms * SPEECH_RATE as usize / 1000
}

/// A source of the same numbers each time, from -1 to 1.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

/// A resonance of the mouth: a filter with two poles.
struct Formant {
    hz: f64,
    width: f64,
    last: [f64; 2],
}

impl Formant {
    fn pass(&mut self, input: f64) -> f64 {
        let radius = (-TAU / 2.0 * self.width / f64::from(SPEECH_RATE)).exp();
        let turn = 2.0 * radius * (TAU * self.hz / f64::from(SPEECH_RATE)).cos();
        let output = (1.0 - radius) * input + turn * self.last[0] - radius * radius * self.last[1];
        self.last = [output, self.last[0]];
        output
    }
}

/// A made-up voice at [`SPEECH_RATE`]: pulses of a varying pitch through the formants of changing vowels, 4 a second, with a
/// hiss before each. `seconds` long, the peak at about `peak`.
pub fn voice(seconds: f64, peak: f64) -> Vec<i16> {
    const VOWELS: [[f64; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [530.0, 1840.0, 2480.0],
        [570.0, 840.0, 2410.0],
        [300.0, 870.0, 2240.0],
    ];
    let rate = f64::from(SPEECH_RATE);
    let mut noise = Noise(7);
    let mut formants = VOWELS[0].map(|hz| Formant { hz, width: 80.0, last: [0.0; 2] });
    let mut phase = 0.0;
    let raw: Vec<f64> = (0..(seconds * rate) as usize)
        .map(|at| {
            let time = at as f64 / rate;
            let (syllable, within) = ((time * 4.0) as usize, (time * 4.0).fract());
            for (formant, hz) in formants.iter_mut().zip(VOWELS[syllable * 3 % VOWELS.len()]) {
                formant.hz += (hz - formant.hz) * 0.002;
            }
            phase += (125.0 + 20.0 * (time * TAU * 0.6).sin() + 2.0 * noise.next()) / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let (voiced, hiss) = if within < 0.2 { (0.0, 0.02) } else { ((within * TAU / 2.0).sin(), 0.002) };
            let source = voiced * pulse + hiss * noise.next();
            formants.iter_mut().map(|formant| formant.pass(source)).sum::<f64>()
        })
        .collect();
    let loudest = raw.iter().fold(1e-9_f64, |loudest, sample| loudest.max(sample.abs()));
    raw.iter().map(|sample| (sample / loudest * peak) as i16).collect()
}

pub fn hiss(samples: usize, peak: f64) -> Vec<i16> {
    let mut noise = Noise(3);
    (0..samples).map(|_| (noise.next() * peak) as i16).collect()
}
