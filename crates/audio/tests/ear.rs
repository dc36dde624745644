//! A stream with an ear: what becomes readable of what was written, where that was, and what is told of speech.
#![cfg(not(loom))]

use narrowcast_audio::{
    Chunk, Deliver, EarSettings, Format, PcmStream, SPEECH_RATE, SpeechChange, SpeechDetector, SpeechError,
    SpeechSettings,
};
use narrowcast_core::{Doorbell, Waiter, Wake};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[path = "support/allocated.rs"]
mod allocated;
#[path = "support/voice.rs"]
mod voice;

use allocated::ALLOCATED;
use voice::{hiss, ms, voice};

const SPEECH: SpeechSettings = SpeechSettings {
    sample_rate: SPEECH_RATE,
    channels: 1,
    threshold: 0.5,
    min_speech_ms: Some(64),
    min_silence_ms: 320,
};
const PRE_ROLL_MS: u32 = 300;
const ONLY_SPEECH: Deliver = Deliver::Speech { pre_roll_ms: PRE_ROLL_MS };
/// 10 ms.
const FRAME: usize = 160;

/// Counts rings.
struct Rings(Arc<AtomicUsize>);

impl Wake for Rings {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn waiter(rings: &Arc<AtomicUsize>) -> (Waiter, Arc<Doorbell>) {
    let bell = Arc::new(Doorbell::new(Box::new(Rings(rings.clone()))));
    (Waiter::new(bell.clone(), 1), bell)
}

/// A stream that listens, and how often it rang for frames and for events.
struct Listening {
    stream: PcmStream,
    frames: (Arc<AtomicUsize>, Arc<Doorbell>),
    events: (Arc<AtomicUsize>, Arc<Doorbell>),
    /// Where the next sample is, were none dropped or withheld.
    position: u64,
}

/// What one read returned.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    position: u64,
    samples: Vec<i16>,
    speech: bool,
}

impl Listening {
    fn new(deliver: Deliver, frame_samples: usize, frames: usize) -> Self {
        Self::with(SPEECH, deliver, frame_samples, frames)
    }

    fn with(speech: SpeechSettings, deliver: Deliver, frame_samples: usize, frames: usize) -> Self {
        let (frame_rings, event_rings) = (Arc::default(), Arc::default());
        let ((frame_waiter, frame_bell), (waiter, event_bell)) = (waiter(&frame_rings), waiter(&event_rings));
        let format = Format { sample_rate: speech.sample_rate, channels: speech.channels, frame_samples };
        let ear = EarSettings { speech, deliver, waiter };
        let stream = PcmStream::with_ear(format, frames * frame_samples, frame_waiter, ear).unwrap();
        Self { stream, frames: (frame_rings, frame_bell), events: (event_rings, event_bell), position: 0 }
    }

    fn took(&mut self, samples: Vec<i16>, chunk: Chunk) -> Option<Piece> {
        if chunk.samples == 0 {
            return None;
        }
        let lost = chunk.dropped_frames * self.stream.format().frame_samples as u64 + chunk.withheld;
        let position = self.position + lost;
        self.position = position + chunk.samples as u64;
        Some(Piece { position, samples: samples[..chunk.samples].to_vec(), speech: chunk.speech })
    }

    /// As many frames as fit, and are there.
    fn frames(&mut self, most: usize) -> Option<Piece> {
        let mut samples = vec![0; most * self.stream.format().frame_samples];
        let chunk = self.stream.read_frames(&mut samples);
        self.took(samples, chunk)
    }

    fn samples(&mut self, most: usize) -> Option<Piece> {
        let mut samples = vec![0; most];
        let chunk = self.stream.read(&mut samples);
        self.took(samples, chunk)
    }

    fn drain(&mut self, most: usize) -> Vec<Piece> {
        std::iter::from_fn(|| self.frames(most)).collect()
    }

    fn told(&self) -> Vec<SpeechChange> {
        std::iter::from_fn(|| self.stream.ear().unwrap().next_event()).collect()
    }
}

/// Silence, 2 s of a voice, silence, 1 s of it, silence: 6.2 s.
fn scene() -> Vec<i16> {
    [hiss(ms(1000), 20.0), voice(2.0, 12_000.0), hiss(ms(1200), 20.0), voice(1.0, 12_000.0), hiss(ms(1005), 20.0)]
        .concat()
}

/// What a detector says of it, and where that was decided, to the step.
fn changes(pcm: &[i16]) -> Vec<(SpeechChange, u64)> {
    let mut detector = SpeechDetector::new(SPEECH).unwrap();
    let mut found = Vec::new();
    detector.push(pcm, |step| found.extend(step.change.map(|change| (change, step.end))));
    found
}

/// Which samples are to be delivered, in whole frames.
fn expected(pcm: &[i16], frame: u64) -> Vec<(u64, u64)> {
    let changes = changes(pcm);
    assert_eq!(changes.len(), 4, "{changes:?}");
    let pre_roll = ms(PRE_ROLL_MS as usize) as u64;
    changes
        .chunks(2)
        .map(|pair| {
            let from = (pair[0].0.position - pre_roll) / frame * frame;
            // The frame that comes in when the end is decided is delivered to its end.
            let decided = pair[1].1.next_multiple_of(FRAME as u64);
            (from, decided.next_multiple_of(frame))
        })
        .collect()
}

/// Pieces put together where they touch; each has the samples that were written there.
fn ranges(pcm: &[i16], pieces: &[Piece]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for Piece { position, samples, .. } in pieces {
        let end = position + samples.len() as u64;
        assert_eq!(samples[..], pcm[*position as usize..end as usize], "{position}");
        match ranges.last_mut() {
            Some(last) if last.1 == *position => last.1 = end,
            _ => ranges.push((*position, end)),
        }
    }
    ranges
}

#[test]
fn ear_delivers_each_utterance_from_the_pre_roll_on_and_nothing_else() {
    let pcm = scene();
    for frame in [FRAME, 3 * FRAME, 512] {
        let mut listening = Listening::new(ONLY_SPEECH, frame, 1000);
        let mut pieces = Vec::new();
        for part in pcm.chunks(FRAME) {
            listening.stream.write(part);
            pieces.extend(listening.frames(1));
            pieces.extend(listening.drain(1));
        }
        assert_eq!(ranges(&pcm, &pieces), expected(&pcm, frame as u64), "frames of {frame}");
        for Piece { position, samples, .. } in &pieces {
            assert_eq!((position % frame as u64, samples.len()), (0, frame));
        }
        let stats = listening.stream.stats();
        assert_eq!(stats.frames_in, pieces.len() as u64);
        assert_eq!(stats.frames_withheld, (pcm.len() as u64 - stats.frames_in * frame as u64) / frame as u64);
    }
}

#[test]
fn ear_where_a_clear_onset_starts_speech_the_pre_roll_is_whole() {
    let pcm = scene();
    for threshold in [0.5, 0.65, 0.8] {
        let speech = SpeechSettings { threshold, min_speech_ms: None, ..SPEECH };
        let mut detector = SpeechDetector::new(speech).unwrap();
        let mut found = Vec::new();
        detector.push(&pcm, |step| found.extend(step.change));
        let mut listening = Listening::with(speech, ONLY_SPEECH, FRAME, 1000);
        pcm.chunks(FRAME).for_each(|part| listening.stream.write(part));
        let delivered = ranges(&pcm, &listening.drain(1));
        let starts: Vec<u64> = found.iter().filter(|change| change.speaking).map(|change| change.position).collect();
        assert_eq!((starts.len(), delivered.len()), (2, 2), "{threshold}: {starts:?} {delivered:?}");
        for (start, (from, end)) in starts.iter().zip(delivered) {
            assert_eq!(from, (start - ms(PRE_ROLL_MS as usize) as u64) / FRAME as u64 * FRAME as u64);
            assert!(end > *start);
        }
    }
}

#[test]
fn ear_delivers_the_same_however_it_is_written_and_read() {
    let pcm = scene();
    let expected = expected(&pcm, FRAME as u64);
    for portion in [FRAME, 1000, 160_000] {
        // All of it is read afterwards, in frames that are joined where nothing lies between them.
        let mut listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        pcm.chunks(portion).for_each(|part| listening.stream.write(part));
        let pieces = listening.drain(7);
        assert!(pieces.iter().any(|piece| piece.samples.len() == 7 * FRAME));
        let found = ranges(&pcm, &pieces);
        assert_eq!(found.len(), 2);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.0, expected.0);
            assert!(found.1.abs_diff(expected.1) <= FRAME as u64, "{found:?}, {expected:?}");
        }
        // In pieces without regard to frames: no piece spans what was withheld.
        let mut listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        pcm.chunks(portion).for_each(|part| listening.stream.write(part));
        let pieces: Vec<Piece> = std::iter::from_fn(|| listening.samples(1001)).collect();
        assert_eq!(ranges(&pcm, &pieces), found);
        // Both ways: what is left of a frame before a gap is a shorter one.
        let mut listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        pcm.chunks(portion).for_each(|part| listening.stream.write(part));
        let first = listening.samples(77);
        let pieces: Vec<Piece> = first.into_iter().chain(listening.drain(3)).collect();
        assert_eq!(ranges(&pcm, &pieces), found);
        assert_eq!(pieces.iter().filter(|piece| !piece.samples.len().is_multiple_of(FRAME)).count(), 2);
    }
}

#[test]
fn ear_positions_hold_where_frames_were_dropped_and_cleared() {
    let pcm = scene();
    for (frames, every) in [(3, 11), (20, 37), (100, 400)] {
        let mut listening = Listening::new(ONLY_SPEECH, FRAME, frames);
        let mut pieces = Vec::new();
        for (at, part) in pcm.chunks(FRAME).enumerate() {
            listening.stream.write(part);
            if at % every == 0 {
                pieces.extend(listening.drain(2));
            }
            if at % (5 * every) == 4 {
                listening.position += listening.stream.clear() as u64;
            }
        }
        pieces.extend(listening.drain(2));
        let found = ranges(&pcm, &pieces);
        assert!(listening.stream.stats().frames_dropped > 0 && !found.is_empty());
        for (from, to) in found {
            assert!(
                expected(&pcm, FRAME as u64).iter().any(|range| from >= range.0 && to <= range.1),
                "{from} to {to}"
            );
        }
    }
}

#[test]
fn ear_wakes_no_thread_while_there_is_no_speech() {
    let mut listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
    listening.stream.ear().unwrap().want_events(true);
    assert!(listening.stream.wait() && listening.stream.ear().unwrap().wait());
    for part in hiss(ms(3000), 20.0).chunks(FRAME) {
        listening.stream.write(part);
    }
    let rings = |of: &(Arc<AtomicUsize>, Arc<Doorbell>)| of.0.load(Ordering::Relaxed);
    assert_eq!((rings(&listening.frames), rings(&listening.events), listening.frames(1)), (0, 0, None));
    for part in voice(1.0, 12_000.0).chunks(FRAME) {
        listening.stream.write(part);
    }
    assert_eq!((rings(&listening.frames), rings(&listening.events)), (1, 1));
    assert!(listening.stream.ear().unwrap().is_speaking());
}

#[test]
fn ear_all_delivers_everything_at_once_and_says_which_frames_have_speech() {
    let pcm = scene();
    let changes = changes(&pcm);
    let mut listening = Listening::new(Deliver::All, FRAME, 1000);
    let mut pieces = Vec::new();
    for part in pcm.chunks_exact(FRAME) {
        listening.stream.write(part);
        // Not later than without an ear.
        pieces.push(listening.frames(1).unwrap());
    }
    assert_eq!(ranges(&pcm, &pieces), [(0, (pcm.len() / FRAME * FRAME) as u64)]);
    // From the frame on that follows the one in which it was decided.
    let speaks = |position: u64| {
        let decided = |at: u64| at.next_multiple_of(FRAME as u64) <= position;
        changes.iter().rfind(|(_, at)| decided(*at)).is_some_and(|(change, _)| change.speaking)
    };
    for piece in &pieces {
        assert_eq!(piece.speech, speaks(piece.position), "{}", piece.position);
    }
    // Joined frames are of one sort.
    let mut listening = Listening::new(Deliver::All, FRAME, 1000);
    pcm.chunks(FRAME).for_each(|part| listening.stream.write(part));
    listening.stream.end();
    let joined = listening.drain(10);
    assert_eq!(ranges(&pcm, &joined), [(0, pcm.len() as u64)]);
    assert!(joined.len() < pieces.len() / 5);
    for Piece { position, samples, speech } in joined {
        for at in (position..position + samples.len() as u64).step_by(FRAME) {
            assert_eq!(speech, speaks(at), "{at}");
        }
    }
    assert_eq!(listening.stream.stats().frames_withheld, 0);
}

#[test]
fn ear_tells_what_a_detector_tells_and_only_to_who_wants_it() {
    let pcm = scene();
    for deliver in [Deliver::All, ONLY_SPEECH] {
        let listening = Listening::new(deliver, FRAME, 1000);
        pcm.chunks(FRAME).for_each(|part| listening.stream.write(part));
        assert_eq!(listening.told(), []);
        let listening = Listening::new(deliver, FRAME, 1000);
        listening.stream.ear().unwrap().want_events(true);
        pcm.chunks(FRAME).for_each(|part| listening.stream.write(part));
        let told: Vec<SpeechChange> = changes(&pcm).into_iter().map(|(change, _)| change).collect();
        assert_eq!(listening.told(), told);
    }
}

#[test]
fn ear_the_end_in_mid_speech_ends_speech_and_what_came_stays_readable() {
    let pcm = [hiss(ms(1000), 20.0), voice(1.0, 12_000.0)].concat();
    for outside in [false, true] {
        let mut listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        let ear = listening.stream.ear().unwrap().clone();
        ear.want_events(true);
        pcm.chunks(FRAME).for_each(|part| listening.stream.write(part));
        assert!(ear.is_speaking() && !ear.has_ended());
        if outside {
            listening.stream.end_from_outside()
        } else {
            listening.stream.end()
        }
        listening.stream.end();
        listening.stream.write(&pcm);
        let told = listening.told();
        assert_eq!(told.iter().map(|change| change.speaking).collect::<Vec<_>>(), [true, false]);
        assert!(!ear.is_speaking() && ear.has_ended() && !ear.wait());
        let found = ranges(&pcm, &listening.drain(4));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, pcm.len() as u64);
        // What is withheld at the end is gone.
        let mut silent = Listening::new(ONLY_SPEECH, FRAME, 1000);
        silent.stream.write(&hiss(ms(1000), 20.0));
        silent.stream.end();
        assert_eq!((silent.frames(1), silent.stream.stats().frames_withheld), (None, 100));
    }
}

#[test]
fn ear_a_stream_can_be_ended_while_it_is_written_to() {
    let pcm = scene();
    for _ in 0..20 {
        let listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        let stream = &listening.stream;
        thread::scope(|scope| {
            scope.spawn(|| pcm.chunks(FRAME).for_each(|part| stream.write(part)));
            scope.spawn(|| stream.end_from_outside());
        });
        assert!(stream.has_ended() && stream.ear().unwrap().has_ended());
    }
}

#[test]
fn ear_a_reader_beside_the_writer_never_takes_a_gap_for_none() {
    let pcm = scene();
    let expected = expected(&pcm, FRAME as u64);
    for round in 0..6 {
        let listening = Listening::new(ONLY_SPEECH, FRAME, 1000);
        let stream = &listening.stream;
        let mut chunks = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                pcm.chunks(FRAME).for_each(|part| stream.write(part));
                stream.end();
            });
            let mut target = vec![0; 50 * FRAME + 1];
            loop {
                let ended = stream.has_ended();
                let chunk = if round % 2 == 0 { stream.read_frames(&mut target) } else { stream.read(&mut target) };
                if chunk.samples > 0 {
                    chunks.push((target[..chunk.samples].to_vec(), chunk));
                } else if ended {
                    break;
                }
            }
        });
        let mut listening = listening;
        let pieces: Vec<Piece> =
            chunks.into_iter().filter_map(|(samples, chunk)| listening.took(samples, chunk)).collect();
        assert_eq!(ranges(&pcm, &pieces), expected);
    }
}

#[test]
fn ear_events_that_no_consumer_takes_are_bounded_and_counted() {
    let speech = SpeechSettings { min_speech_ms: Some(0), min_silence_ms: 0, ..SPEECH };
    let listening = Listening::with(speech, ONLY_SPEECH, FRAME, 10);
    let ear = listening.stream.ear().unwrap();
    ear.want_events(true);
    let word = [voice(0.25, 12_000.0), hiss(ms(400), 20.0)].concat();
    for _ in 0..150 {
        listening.stream.write(&word);
    }
    let told = listening.told();
    assert_eq!(told.len(), 256);
    assert!(ear.events_dropped() > 0);
    // The newest are left, in turns.
    assert!(told.windows(2).all(|pair| pair[0].speaking != pair[1].speaking));
    assert!(!told.last().unwrap().speaking);
}

#[test]
fn ear_any_rate_and_channels_deliver_whole_frames_of_what_was_written() {
    for (sample_rate, channels) in [(48_000, 2), (22_050, 1)] {
        let speech = SpeechSettings { sample_rate, channels, ..SPEECH };
        let frame = (sample_rate / 100 * channels) as usize;
        let mut listening = Listening::with(speech, ONLY_SPEECH, frame, 2000);
        // By repeating samples: the voice of a bad loudspeaker.
        let heard = [hiss(ms(1000), 20.0), voice(1.0, 12_000.0), hiss(ms(1500), 20.0)].concat();
        let length = heard.len() * sample_rate as usize / SPEECH_RATE as usize;
        let pcm: Vec<i16> = (0..length * channels as usize)
            .map(|at| heard[at / channels as usize * SPEECH_RATE as usize / sample_rate as usize])
            .collect();
        pcm.chunks(frame).for_each(|part| listening.stream.write(part));
        let pieces = listening.drain(1);
        let found = ranges(&pcm, &pieces);
        assert_eq!(found.len(), 1, "{sample_rate} Hz: {found:?}");
        let begin = u64::from(sample_rate * channels);
        assert!(found[0].0 < begin && found[0].0 > begin / 2 && found[0].0.is_multiple_of(frame as u64), "{found:?}");
    }
}

#[test]
fn ear_a_write_allocates_nothing() {
    let mut listening = Listening::new(ONLY_SPEECH, FRAME, 100);
    let pcm = scene();
    listening.stream.ear().unwrap().want_events(true);
    let mut target = [0; FRAME];
    let before = ALLOCATED.get();
    for part in pcm.chunks(FRAME) {
        listening.stream.write(part);
        while listening.stream.read_frames(&mut target).samples > 0 {}
    }
    assert_eq!(ALLOCATED.get() - before, 0);
    assert_eq!(listening.told().len(), 4);
    listening.position = 0;
}

#[test]
fn ear_settings_that_no_detector_takes_are_refused() {
    let format = Format { sample_rate: SPEECH_RATE, channels: 1, frame_samples: FRAME };
    let speech = SpeechSettings { threshold: 2.0, ..SPEECH };
    let rings = Arc::default();
    let ear = EarSettings { speech, deliver: Deliver::All, waiter: waiter(&rings).0 };
    let refused = PcmStream::with_ear(format, 1000, waiter(&rings).0, ear).unwrap_err();
    assert_eq!(refused, SpeechError::Threshold(2.0));
}

#[test]
fn level_is_that_of_what_was_written_also_where_it_is_withheld() {
    let listening = Listening::new(ONLY_SPEECH, FRAME, 10);
    assert_eq!((listening.stream.level().peak, listening.stream.level().rms), (0.0, 0.0));
    listening.stream.write(&[16_384; FRAME]);
    assert_eq!((listening.stream.level().peak, listening.stream.level().rms), (0.5, 0.5));
    listening.stream.write(&[0; FRAME]);
    assert_eq!(listening.stream.level().peak, 0.0);
}
