//! The speech detector: what it says of made-up voices, noise, tones and silence, at any rate and in any portions.

#![cfg(not(loom))]

use narrowcast_audio::{
    Latency, Quality, Resampler, ResamplerSettings, SPEECH_RATE, SPEECH_STEP, SpeechChange, SpeechDetector,
    SpeechError, SpeechSettings, SpeechStep,
};
use std::f64::consts::TAU;

#[path = "support/allocated.rs"]
mod allocated;
#[path = "support/voice.rs"]
mod voice;

use allocated::ALLOCATED;
use voice::{Noise, hiss, ms, voice};

const SETTINGS: SpeechSettings = SpeechSettings {
    sample_rate: SPEECH_RATE,
    channels: 1,
    threshold: 0.5,
    min_speech_ms: Some(64),
    min_silence_ms: 320,
};

/// Silence with a little noise, speech, silence.
fn scene() -> Vec<i16> {
    [hiss(ms(1000), 20.0), voice(2.0, 12_000.0), hiss(ms(1500), 20.0)].concat()
}

fn steps_of(settings: SpeechSettings, pcm: &[i16]) -> Vec<SpeechStep> {
    let mut detector = SpeechDetector::new(settings).unwrap();
    let mut steps = Vec::new();
    detector.push(pcm, |step| steps.push(step));
    steps
}

fn changes(steps: &[SpeechStep]) -> Vec<SpeechChange> {
    steps.iter().filter_map(|step| step.change).collect()
}

fn resampled(pcm: &[i16], output_rate: u32) -> Vec<i16> {
    let mut resampler = Resampler::<i16>::new(ResamplerSettings {
        input_rate: SPEECH_RATE,
        output_rate,
        channels: 1,
        quality: Quality::High,
        latency: Latency::Default,
        dither: false,
    })
    .unwrap();
    let mut output = vec![0; resampler.max_output(pcm.len())];
    let written = resampler.push(pcm, &mut output).unwrap();
    output.truncate(written);
    let mut tail = vec![0; resampler.remaining()];
    resampler.flush(&mut tail).unwrap();
    output.extend(tail);
    output
}

#[test]
fn detector_a_voice_starts_and_ends_where_it_was() {
    let steps = steps_of(SETTINGS, &scene());
    let [start, end] = changes(&steps)[..] else { panic!("{:?}", changes(&steps)) };
    assert!(start.speaking && !end.speaking);
    // Within 100 ms of what was made.
    assert!(start.position.abs_diff(ms(1000) as u64) < ms(100) as u64, "{start:?}");
    assert!(end.position.abs_diff(ms(3000) as u64) < ms(300) as u64, "{end:?}");
    assert!((-40.0..-5.0).contains(&start.level) && (-40.0..-5.0).contains(&end.level), "{start:?} {end:?}");
    let decided: Vec<u64> = steps.iter().filter(|step| step.change.is_some()).map(|step| step.end).collect();
    // After min_speech_ms; and min_silence_ms behind the last step that was not below the threshold.
    let last =
        steps.iter().filter(|step| step.speaking && step.probability >= 0.5).map(|step| step.end).next_back().unwrap();
    assert_eq!(decided, [start.position + ms(64) as u64, last + ms(320) as u64]);
    assert_eq!(end.position, last);
    assert!(steps.iter().all(|step| (0.0..=1.0).contains(&step.probability)));
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(step.end, ((at + 1) * SPEECH_STEP) as u64);
        assert_eq!(step.speaking, (decided[0]..decided[1]).contains(&step.end));
    }
}

#[test]
fn detector_any_rate_finds_the_same_speech() {
    let scene = scene();
    let [start, end] = changes(&steps_of(SETTINGS, &scene))[..] else { panic!() };
    for sample_rate in [22_050, 24_000, 44_100, 48_000, 96_000] {
        let steps = steps_of(SpeechSettings { sample_rate, ..SETTINGS }, &resampled(&scene, sample_rate));
        let [start_here, end_here] = changes(&steps)[..] else { panic!("{sample_rate} Hz: {:?}", changes(&steps)) };
        for (here, there) in [(start_here, start), (end_here, end)] {
            let position = here.position * u64::from(SPEECH_RATE) / u64::from(sample_rate);
            assert!(position.abs_diff(there.position) <= ms(64) as u64, "{sample_rate} Hz: {here:?}, {there:?}");
        }
    }
}

#[test]
fn detector_channels_are_mixed() {
    let scene = scene();
    let expected = changes(&steps_of(SETTINGS, &scene));
    let same: Vec<i16> = scene.iter().flat_map(|&sample| [sample; 3]).collect();
    assert_eq!(changes(&steps_of(SpeechSettings { channels: 3, ..SETTINGS }, &same)), expected);
    // One channel speaks, the other cancels half of it: what the two have in common is left.
    let opposite: Vec<i16> = scene.iter().flat_map(|&sample| [sample, -sample]).collect();
    assert_eq!(changes(&steps_of(SpeechSettings { channels: 2, ..SETTINGS }, &opposite)), []);
}

#[test]
fn detector_portions_of_any_size_give_the_same_steps() {
    for sample_rate in [16_000, 44_100] {
        let settings = SpeechSettings { sample_rate, channels: 2, ..SETTINGS };
        let scene: Vec<i16> = voice(1.0, 12_000.0).iter().flat_map(|&sample| [sample; 2]).collect();
        let whole = steps_of(settings, &scene);
        assert!(changes(&whole).len() == 1 || sample_rate != 16_000);
        for portion in [1, 3, 160, 882, 10_007] {
            let mut detector = SpeechDetector::new(settings).unwrap();
            let mut steps = Vec::new();
            for part in scene.chunks(portion * 2) {
                let most = detector.max_steps(part.len());
                let before = steps.len();
                detector.push(part, |step| steps.push(step));
                assert!(steps.len() - before <= most, "{} steps of at most {most}", steps.len() - before);
            }
            assert_eq!(steps, whole, "{portion} at a time");
        }
    }
}

#[test]
fn detector_an_incomplete_group_is_left_out_and_nothing_is_nothing() {
    let mut detector = SpeechDetector::new(SpeechSettings { channels: 2, ..SETTINGS }).unwrap();
    detector.push(&[], |_| panic!("a step of nothing"));
    detector.push(&[1, 2, 3], |_| panic!("a step of one sample"));
    assert_eq!(detector.position(), 1);
    let mut steps = 0;
    detector.push(&[0; 2 * (SPEECH_STEP - 1)], |_| steps += 1);
    assert_eq!((detector.position(), steps), (SPEECH_STEP as u64, 1));
}

#[test]
fn detector_silence_noise_tones_and_full_scale_are_no_speech_and_no_panic() {
    let tone = |hz: f64| -> Vec<i16> {
        (0..ms(3000)).map(|at| ((at as f64 * TAU * hz / f64::from(SPEECH_RATE)).sin() * 9000.0) as i16).collect()
    };
    for (name, pcm) in [
        ("zeros", vec![0; ms(5000)]),
        ("a loud hiss after zeros", [vec![0; ms(2000)], hiss(ms(3000), 10_000.0)].concat()),
        ("hiss", hiss(ms(5000), 3000.0)),
        ("a direct current", vec![12_345; ms(3000)]),
        ("6 kHz", tone(6000.0)),
    ] {
        for min_speech_ms in [SETTINGS.min_speech_ms, None] {
            assert_eq!(changes(&steps_of(SpeechSettings { min_speech_ms, ..SETTINGS }, &pcm)), [], "{name}");
        }
    }
    // Zeros are heard as quiet noise, after which that of a hiss is no news.
    let sensitive = SpeechSettings { threshold: 0.4, ..SETTINGS };
    assert_eq!(changes(&steps_of(sensitive, &[vec![0; ms(2000)], hiss(ms(3000), 3000.0)].concat())), []);
    // Whatever these are (a steady tone passes for a voice), their probabilities are probabilities, also where the crate's arithmetic is checked for overflow.
    let mut noise = Noise(11);
    let squares: Vec<i16> = (0..ms(2000)).map(|at| if at / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let clipped: Vec<i16> = (0..ms(4000)).map(|_| (noise.next() * 1e6) as i16).collect();
    let clicks: Vec<i16> = (0..ms(2000)).map(|at| if at % 1000 == 0 { i16::MIN } else { 0 }).collect();
    for pcm in [squares, clipped, clicks, tone(440.0)] {
        for step in steps_of(SETTINGS, &pcm) {
            assert!((0.0..=1.0).contains(&step.probability), "{step:?}");
        }
    }
}

#[test]
fn detector_the_end_in_mid_speech_ends_it_and_the_next_stream_begins_at_0() {
    let speech = [hiss(ms(1000), 20.0), voice(1.0025, 12_000.0)].concat();
    let mut detector = SpeechDetector::new(SETTINGS).unwrap();
    let mut first = Vec::new();
    detector.push(&speech, |step| first.push(step));
    assert!(detector.is_speaking());
    let end = detector.end().unwrap();
    // With what was heard, and not with the last whole step.
    assert!(!end.speaking && !speech.len().is_multiple_of(SPEECH_STEP));
    assert_eq!(end.position, speech.len() as u64);
    assert_eq!((detector.is_speaking(), detector.position(), detector.end()), (false, 0, None));
    let mut second = Vec::new();
    detector.push(&speech, |step| second.push(step));
    assert_eq!(second, first);
}

#[test]
fn detector_threshold_and_times_decide() {
    let pcm = scene();
    // Every step is at least 0, and none is above 1.
    let always = SpeechSettings { threshold: 0.0, min_speech_ms: Some(0), ..SETTINGS };
    assert_eq!(changes(&steps_of(always, &pcm)).len(), 1);
    assert_eq!(changes(&steps_of(always, &pcm))[0].position, 0);
    let patient = SpeechSettings { min_speech_ms: Some(3000), ..SETTINGS };
    assert_eq!(changes(&steps_of(patient, &pcm)), []);
    // Where no silence is long enough, speech does not end.
    let holding = SpeechSettings { min_silence_ms: 2000, ..SETTINGS };
    assert_eq!(changes(&steps_of(holding, &pcm)).len(), 1);
    for threshold in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        let refused = SpeechDetector::new(SpeechSettings { threshold, ..SETTINGS }).unwrap_err();
        assert!(matches!(refused, SpeechError::Threshold(_)), "{refused}");
    }
    for sample_rate in [0, 1, 62] {
        let refused = SpeechDetector::new(SpeechSettings { sample_rate, ..SETTINGS }).unwrap_err();
        assert!(matches!(refused, SpeechError::Resampler(_)), "{refused}");
    }
    let refused = SpeechDetector::new(SpeechSettings { channels: 0, ..SETTINGS }).unwrap_err();
    assert_eq!(refused, SpeechError::NoChannels);
}

/// Where it was decided that speech had started, and where the speech began, both in steps.
fn starts(settings: SpeechSettings, pcm: &[i16]) -> Vec<(u64, u64)> {
    let in_steps = |samples: u64| samples / SPEECH_STEP as u64;
    steps_of(settings, pcm)
        .iter()
        .filter_map(|step| step.change.filter(|change| change.speaking).map(|change| (step.end, change.position)))
        .map(|(end, position)| (in_steps(end), in_steps(position)))
        .collect()
}

#[test]
fn detector_without_a_least_length_a_clear_onset_starts_speech_sooner() {
    let scene = scene();
    let usual = SpeechSettings { threshold: 0.65, min_speech_ms: Some(48), ..SETTINGS };
    let onset = SpeechSettings { min_speech_ms: None, ..usual };
    let (later, sooner) = (starts(usual, &scene), starts(onset, &scene));
    let [(usual_at, usual_from)] = later[..] else { panic!("{later:?}") };
    let [(at, from)] = sooner[..] else { panic!("{sooner:?}") };
    assert!(at < usual_at, "decided in step {at}, and in {usual_at} by its length alone");
    assert!(from < at && at - from <= 8 && from <= usual_from, "from {from} to {at}");
    // What was said is the same, but for what the two took for noise before it.
    let end = |settings| changes(&steps_of(settings, &scene))[1].position;
    assert!(end(onset).abs_diff(end(usual)) <= 2 * SPEECH_STEP as u64, "{} {}", end(onset), end(usual));
}

#[test]
fn detector_a_voice_is_not_taken_for_noise_however_long_it_lasts() {
    let scene = [hiss(ms(1000), 20.0), voice(20.0, 12_000.0)].concat();
    let found = |min_speech_ms| {
        let settings = SpeechSettings { min_speech_ms, ..SETTINGS };
        let steps = steps_of(settings, &scene);
        let speech = |from: usize| {
            let seconds = steps.iter().filter(|step| (ms(from)..ms(from + 5000)).contains(&(step.end as usize)));
            seconds.filter(|step| step.probability >= settings.threshold).count() as i64
        };
        (speech(5000), speech(16_000), changes(&steps).len())
    };
    for min_speech_ms in [None, Some(64), Some(3000)] {
        let (early, late, changes) = found(min_speech_ms);
        assert!(changes == 1 && late >= early - 3, "{min_speech_ms:?}: {early} steps, {late} later, {changes} changes");
    }
}

#[test]
fn detector_before_a_third_of_a_second_of_noise_is_known_no_onset_is_found() {
    let early = [hiss(ms(200), 20.0), voice(2.0, 12_000.0)].concat();
    let usual = SpeechSettings { threshold: 0.65, min_speech_ms: Some(48), ..SETTINGS };
    let onset = SpeechSettings { min_speech_ms: None, ..usual };
    let decided = |settings| starts(settings, &early).iter().map(|start| start.0).collect::<Vec<_>>();
    assert_eq!(decided(onset), decided(usual));
    // A detector that starts anew knows nothing, either.
    let mut detector = SpeechDetector::new(onset).unwrap();
    detector.push(&hiss(ms(2000), 20.0), |_| {});
    detector.end();
    let mut again = Vec::new();
    detector.push(&early, |step| again.extend(step.change.map(|_| step.end / SPEECH_STEP as u64)));
    assert_eq!(again.first(), decided(usual).first());
}

#[test]
fn detector_after_speech_an_onset_rises_from_the_noise_behind_it() {
    // The noise behind the first voice is louder than that before it, and no voice.
    let scene = [hiss(ms(1000), 20.0), voice(1.0, 12_000.0), hiss(ms(4000), 300.0), voice(1.0, 12_000.0)].concat();
    let settings = SpeechSettings { threshold: 0.65, min_speech_ms: None, ..SETTINGS };
    let found = starts(settings, &scene);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].0 * SPEECH_STEP as u64 > ms(6000) as u64, "{found:?}");
}

#[test]
fn detector_a_threshold_of_1_finds_no_onset() {
    let never = SpeechSettings { threshold: 1.0, min_speech_ms: None, ..SETTINGS };
    assert_eq!(changes(&steps_of(never, &scene())), []);
    let always = SpeechSettings { threshold: 0.0, min_speech_ms: None, ..SETTINGS };
    assert_eq!(starts(always, &scene()), [(3, 0)]);
}

#[test]
fn detector_a_push_allocates_nothing() {
    for (sample_rate, channels) in [(16_000, 1), (48_000, 2), (8_000, 1)] {
        let mut detector = SpeechDetector::new(SpeechSettings { sample_rate, channels, ..SETTINGS }).unwrap();
        let frame = hiss((sample_rate / 100 * channels) as usize, 3000.0);
        // libsoxr grows its own buffers with the first pushes.
        for _ in 0..50 {
            detector.push(&frame, |_| {});
        }
        let mut steps = 0;
        let before = ALLOCATED.get();
        for _ in 0..100 {
            detector.push(&frame, |_| steps += 1);
        }
        assert_eq!(ALLOCATED.get() - before, 0, "{sample_rate} Hz");
        assert!(steps > 50);
    }
}
