//! `PcmTrack`: what a listener hears of what was written, and what the numbers say of it.
#![cfg(not(loom))]

use narrowcast_audio::{Format, Interruption, PcmTrack, TrackStats};
use narrowcast_core::{Doorbell, Token, Waiter, Wake};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TOKEN: Token = 7;

/// A doorbell, and how often it was rung.
fn doorbell() -> (Arc<Doorbell>, Arc<AtomicUsize>) {
    struct Count(Arc<AtomicUsize>);
    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let wakes = Arc::new(AtomicUsize::new(0));
    (Arc::new(Doorbell::new(Box::new(Count(wakes.clone())))), wakes)
}

/// A mono track of 100 Hz and frames of 4 samples, so that less than a frame waits for 20 samples, or 5 frames.
fn track(capacity: usize) -> PcmTrack {
    track_of(Format { sample_rate: 100, channels: 1, frame_samples: 4 }, capacity)
}

fn track_of(format: Format, capacity: usize) -> PcmTrack {
    PcmTrack::new(format, capacity, Waiter::new(doorbell().0, TOKEN))
}

const SILENCE: [i16; 4] = [0; 4];

/// The next frame; whatever was in its memory before.
fn frame(track: &PcmTrack) -> [i16; 4] {
    let mut frame = [-1; 4];
    track.take(&mut frame);
    frame
}

fn ramp(from: i16, to: i16) -> Vec<i16> {
    (from..to).collect()
}

#[test]
fn what_is_written_in_any_pieces_is_played_in_frames_and_then_silence() {
    let track = track(100);
    track.write(&[1, 2, 3]);
    track.write(&[4, 5]);
    track.write(&[6, 7, 8]);
    assert_eq!([frame(&track), frame(&track), frame(&track)], [[1, 2, 3, 4], [5, 6, 7, 8], SILENCE]);
    track.write(&[9, 10, 11, 12]);
    assert_eq!([frame(&track), frame(&track)], [[9, 10, 11, 12], SILENCE]);
    assert_eq!(track.stats(), TrackStats { frames_out: 5, silence_frames: 2, ..TrackStats::default() });
}

#[test]
fn less_than_a_frame_waits_for_its_rest_while_silence_is_played() {
    let track = track(100);
    track.write(&[1, 2, 3, 4, 5, 6]);
    assert_eq!([frame(&track), frame(&track), frame(&track)], [[1, 2, 3, 4], SILENCE, SILENCE]);
    track.write(&[7]);
    assert_eq!((frame(&track), track.buffered()), (SILENCE, 3));
    track.write(&[8, 9]);
    // In one piece, without silence in the middle of the frame.
    assert_eq!(frame(&track), [5, 6, 7, 8]);
    assert_eq!((frame(&track), track.buffered()), (SILENCE, 1));
}

#[test]
fn less_than_a_frame_is_not_kept_longer_than_its_rest_can_take() {
    let track = track(100);
    for round in 0..3 {
        track.write(&[1, 2]);
        for waited in 0..5 {
            assert_eq!(frame(&track), SILENCE, "frame {waited} of round {round}");
        }
        assert_eq!([frame(&track), frame(&track)], [[1, 2, 0, 0], SILENCE]);
    }
    // A whole frame in between: the timeout starts anew.
    track.write(&[1, 2]);
    for _ in 0..4 {
        assert_eq!(frame(&track), SILENCE);
    }
    track.write(&[3, 4, 5]);
    assert_eq!(frame(&track), [1, 2, 3, 4]);
    for _ in 0..5 {
        assert_eq!(frame(&track), SILENCE);
    }
    assert_eq!(frame(&track), [5, 0, 0, 0]);
}

#[test]
fn the_timeout_is_a_time_and_not_a_number_of_frames() {
    let played_after = |frame_samples: usize| {
        let track = track_of(Format { sample_rate: 100, channels: 2, frame_samples }, 100);
        track.write(&[1, 2]);
        let mut frame = vec![0; frame_samples];
        let mut silence = 0;
        while track.take(&mut frame) == 0 {
            silence += frame_samples;
        }
        silence
    };
    // 200 ms of two channels.
    assert_eq!((played_after(4), played_after(8), played_after(40), played_after(400)), (40, 40, 40, 400));
}

#[test]
fn the_end_of_an_utterance_is_padded_and_what_follows_starts_in_a_frame_of_its_own() {
    let track = track(100);
    track.write(&[1, 2, 3, 4, 5]);
    track.end_utterance();
    track.write(&[6, 7]);
    track.end_utterance();
    track.write(&[8, 9, 10, 11]);
    track.end_utterance();
    track.write(&[12]);
    assert_eq!(
        [frame(&track), frame(&track), frame(&track), frame(&track), frame(&track)],
        [[1, 2, 3, 4], [5, 0, 0, 0], [6, 7, 0, 0], [8, 9, 10, 11], SILENCE]
    );
    track.end_utterance();
    assert_eq!([frame(&track), frame(&track)], [[12, 0, 0, 0], SILENCE]);
}

#[test]
fn an_end_without_samples_is_none() {
    let track = track(100);
    track.end_utterance();
    track.end_utterance();
    track.write(&[1, 2, 3]);
    assert_eq!(frame(&track), SILENCE);
    track.write(&[4]);
    assert_eq!(frame(&track), [1, 2, 3, 4]);
    track.end_utterance();
    track.write(&[5, 6]);
    assert_eq!(frame(&track), SILENCE, "the end of 1 to 4 is not that of 5 and 6");
}

#[test]
fn an_end_that_is_said_again_and_again_takes_no_other_ends_place() {
    let track = track(100);
    for samples in [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]] {
        track.write(&samples);
        track.end_utterance();
    }
    (0..1000).for_each(|_| track.end_utterance());
    let frames = [frame(&track), frame(&track), frame(&track), frame(&track)];
    assert_eq!(frames, [[1, 2, 3, 4], [5, 0, 0, 0], [6, 7, 8, 9], [10, 0, 0, 0]]);
}

#[test]
fn an_overflow_leaves_exactly_the_newest_that_fit() {
    let track = track(10);
    track.write(&ramp(0, 7));
    track.write(&ramp(7, 13));
    assert_eq!((track.buffered(), track.capacity()), (10, 10));
    assert_eq!(track.stats().samples_dropped, 3);
    assert_eq!([frame(&track), frame(&track)], [[3, 4, 5, 6], [7, 8, 9, 10]]);
    track.write(&ramp(13, 100));
    assert_eq!((track.buffered(), track.stats().samples_dropped), (10, 3 + 79));
    assert_eq!([frame(&track), frame(&track)], [[90, 91, 92, 93], [94, 95, 96, 97]]);
}

#[test]
fn an_overflow_keeps_channels_apart() {
    let track = track_of(Format { sample_rate: 100, channels: 2, frame_samples: 4 }, 10);
    for i in 0..50 {
        track.write(&[i, -i]);
    }
    assert_eq!([frame(&track), frame(&track)], [[45, -45, 46, -46], [47, -47, 48, -48]]);
    // Half a group would swap the channels.
    track.write(&[50, -50, 51]);
    assert_eq!((frame(&track), track.buffered()), ([49, -49, 50, -50], 0));
}

#[test]
fn ends_of_utterances_that_were_dropped_end_nothing() {
    let track = track(6);
    track.write(&[1, 2]);
    track.end_utterance();
    track.write(&[3]);
    track.end_utterance();
    track.write(&ramp(4, 10));
    assert_eq!(frame(&track), [4, 5, 6, 7]);
    assert_eq!(frame(&track), SILENCE);
    track.write(&[10, 11]);
    assert_eq!(frame(&track), [8, 9, 10, 11]);
}

#[test]
fn of_too_many_short_utterances_the_first_run_together_and_the_last_are_kept_apart() {
    let track = track(1_000);
    for i in 1..=100 {
        track.write(&[i]);
        track.end_utterance();
    }
    // 64 ends are remembered: those of 37 to 100.
    for i in 0..9 {
        assert_eq!(frame(&track), [1, 2, 3, 4].map(|sample| sample + 4 * i));
    }
    for i in 37..=100 {
        assert_eq!(frame(&track), [i, 0, 0, 0]);
    }
    assert_eq!(frame(&track), SILENCE);
}

#[test]
fn discard_takes_back_what_was_not_played_and_its_end() {
    let track = track(100);
    track.write(&[1, 2, 3, 4, 5, 6]);
    track.end_utterance();
    assert_eq!(frame(&track), [1, 2, 3, 4]);
    assert_eq!((track.interrupt(0).discarded, track.buffered()), (2, 0));
    track.write(&[7, 8]);
    assert_eq!(frame(&track), SILENCE, "the end was that of 6");
    track.write(&[9, 10]);
    assert_eq!(frame(&track), [7, 8, 9, 10]);
    assert_eq!(track.stats().samples_dropped, 0);
}

#[test]
fn frames_count_by_their_length_whatever_the_player_takes_at_a_time() {
    let track = track(100);
    track.write(&ramp(0, 8));
    for expected in [1, 2, 3, 4] {
        track.take(&mut [0; 2]);
        assert_eq!(track.stats().frames_out, expected / 2);
    }
    track.take(&mut [0; 12]);
    assert_eq!(track.stats(), TrackStats { frames_out: 5, silence_frames: 3, ..TrackStats::default() });
}

#[test]
fn a_writer_that_waits_for_a_position_is_rung_once_when_it_was_played() {
    let (bell, wakes) = doorbell();
    let format = Format { sample_rate: 100, channels: 1, frame_samples: 4 };
    let track = PcmTrack::new(format, 100, Waiter::new(bell.clone(), TOKEN));
    let rang = || {
        let mut tokens = [0; 4];
        let count = bell.take_ready(&mut tokens);
        assert!(tokens[..count].iter().all(|token| *token == TOKEN));
        (wakes.swap(0, Ordering::Relaxed), count)
    };
    assert!(!track.wait_for(track.written()), "nothing was written");
    track.write(&ramp(0, 8));
    assert!(track.wait_for(track.written()));
    frame(&track);
    assert_eq!((rang(), track.has_played(8)), ((0, 0), false));
    track.write(&ramp(8, 10));
    frame(&track);
    assert_eq!((rang(), track.has_played(8)), ((1, 1), true));
    frame(&track);
    assert_eq!(rang(), (0, 0), "rung though nothing waited");

    // An utterance of less than a frame, one that is taken back, and one that is dropped.
    track.end_utterance();
    assert!(track.wait_for(track.written()));
    frame(&track);
    assert_eq!(rang(), (1, 1));
    track.write(&[1]);
    assert!(track.wait_for(track.written()));
    track.interrupt(0);
    assert_eq!(rang(), (1, 1));
    track.write(&[1]);
    assert!(track.wait_for(track.written()));
    track.write(&[2; 200]);
    frame(&track);
    assert_eq!(rang(), (1, 1));
    // Who asks twice waits for the later one.
    assert!(track.wait_for(track.written() - 50));
    assert!(track.wait_for(track.written()));
    for _ in 0..23 {
        frame(&track);
    }
    assert_eq!(rang(), (0, 0));
    frame(&track);
    assert_eq!(rang(), (1, 1));
}

#[test]
fn the_end_takes_back_all_there_is_rings_the_waiting_writer_and_nothing_is_written_any_more() {
    let (bell, wakes) = doorbell();
    let format = Format { sample_rate: 100, channels: 1, frame_samples: 4 };
    let track = PcmTrack::new(format, 100, Waiter::new(bell, TOKEN));
    track.write(&[1, 2, 3, 4]);
    assert!(track.wait_for(track.written()));
    track.end();
    assert_eq!((wakes.load(Ordering::Relaxed), track.has_ended(), track.buffered()), (1, true, 0));
    track.write(&[1, 2, 3, 4]);
    assert_eq!((frame(&track), track.buffered()), (SILENCE, 0));
    assert!(!track.wait_for(u64::MAX - 1));
}

#[test]
#[should_panic(expected = "as many samples for each channel")]
fn a_frame_has_as_many_samples_for_each_channel() {
    track_of(Format { sample_rate: 100, channels: 2, frame_samples: 3 }, 10);
}

/// The samples count up, and overflow is frequent.
#[test]
fn a_player_beside_a_writer_that_overflows_and_discards_hears_whole_frames_and_every_sample_is_somewhere() {
    let track = Arc::new(track(64));
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (track, done) = (track.clone(), done.clone());
        move || {
            let (mut next, mut discarded) = (1i64, 0);
            for round in 0..200_000u64 {
                let count = 1 + round * 7919 % 23;
                let piece: Vec<i16> = (next..next + count as i64).map(|sample| (sample % 30_000 + 1) as i16).collect();
                next += count as i64;
                track.write(&piece);
                if round % 5 == 0 {
                    track.end_utterance();
                }
                if round % 97 == 0 {
                    discarded += track.interrupt(0).discarded;
                }
            }
            done.store(true, Ordering::Release);
            (next as u64 - 1, discarded)
        }
    });
    let mut played = 0;
    let mut hear = |frame: &[i16]| {
        for pair in frame.windows(2) {
            assert_eq!(pair[1], pair[0] % 30_000 + 1, "{frame:?} is torn");
        }
        played += frame.len() as u64;
    };
    let mut frame = [0; 4];
    while !done.load(Ordering::Acquire) {
        let samples = track.take(&mut frame);
        hear(&frame[..samples]);
        assert!(frame[samples..].iter().all(|sample| *sample == 0));
    }
    let (written, discarded) = writer.join().unwrap();
    track.end_utterance();
    while track.buffered() > 0 {
        let samples = track.take(&mut frame);
        hear(&frame[..samples]);
    }
    assert_eq!(played + discarded + track.stats().samples_dropped, written);
}

#[derive(Clone, Debug)]
enum Op {
    Write(usize),
    End,
    Take,
    Discard,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..14usize).prop_map(Op::Write),
        2 => Just(Op::End),
        6 => Just(Op::Take),
        1 => Just(Op::Discard),
    ]
}

/// The same track, told by a list of utterances.
#[derive(Default)]
struct Model {
    /// The last one is being written, unless it is empty.
    utterances: Vec<Vec<i16>>,
    held: usize,
}

impl Model {
    fn all(&self) -> usize {
        self.utterances.iter().map(Vec::len).sum()
    }

    fn write(&mut self, pcm: &[i16], capacity: usize) {
        if self.utterances.is_empty() {
            self.utterances.push(vec![]);
        }
        self.utterances.last_mut().unwrap().extend(pcm);
        while self.all() > capacity {
            let first = self.utterances.iter_mut().find(|utterance| !utterance.is_empty()).unwrap();
            first.remove(0);
        }
    }

    fn take(&mut self) -> Vec<i16> {
        while self.utterances.len() > 1 && self.utterances[0].is_empty() {
            self.utterances.remove(0);
        }
        let ended = self.utterances.len() > 1;
        let Some(first) = self.utterances.first_mut() else {
            self.held = 0;
            return vec![];
        };
        let waits = !ended && !first.is_empty() && first.len() < 4 && self.held < 20;
        self.held = if waits { self.held + 4 } else { 0 };
        if waits { vec![] } else { first.drain(..first.len().min(4)).collect() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn behaves_like_a_list_of_utterances(ops in prop::collection::vec(op(), 0..100)) {
        let track = track(30);
        let mut model = Model::default();
        let mut next = 0;
        for op in ops {
            match op {
                Op::Write(count) => {
                    let pcm = ramp(next + 1, next + 1 + count as i16);
                    next += count as i16;
                    track.write(&pcm);
                    model.write(&pcm, 30);
                }
                Op::End => {
                    track.end_utterance();
                    model.utterances.push(vec![]);
                }
                Op::Take => {
                    let mut expected = model.take();
                    let samples = expected.len();
                    expected.resize(4, 0);
                    let mut frame = [-1; 4];
                    prop_assert_eq!(track.take(&mut frame), samples);
                    prop_assert_eq!(&frame[..], expected);
                }
                Op::Discard => {
                    prop_assert_eq!(track.interrupt(0).discarded, model.all() as u64);
                    model.utterances.clear();
                }
            }
            prop_assert_eq!(track.buffered(), model.all());
        }
    }
}

#[test]
fn what_waits_in_a_queue_is_played_when_its_time_has_come_and_it_was_accepted() {
    let track = track(100);
    track.write(&ramp(1, 13));
    let mut frame = [0; 4];
    let now = Instant::now();
    let hour = Duration::from_secs(3600);
    track.take_unsettled(&mut frame);
    track.schedule(now, now + hour);
    track.accepted();
    track.take_unsettled(&mut frame);
    track.schedule(now + hour, now + 2 * hour);
    track.advance(now);
    assert_eq!((track.has_played(4), track.heard(None), track.unheard()), (false, 0, 12));
    track.advance(now + hour);
    assert_eq!([4, 5, 8].map(|position| track.has_played(position)), [true, false, false]);
    track.advance(now + 2 * hour);
    assert!(!track.has_played(8), "it may be refused yet");
    track.accepted();
    track.advance(now + 2 * hour);
    assert_eq!((track.has_played(8), track.has_played(9), track.heard(None), track.unheard()), (true, false, 8, 4));
}

#[test]
fn an_interruption_tells_what_was_heard_of_its_utterance_and_what_is_lost() {
    let track = track(100);
    let cut = |heard, discarded| Interruption { heard, discarded };
    assert_eq!(track.interrupt(0), cut(0, 0), "nothing was said");
    track.write(&ramp(0, 3));
    track.end_utterance();
    track.write(&ramp(3, 20));
    frame(&track);
    frame(&track);
    let hour = Duration::from_secs(3600);
    let mut queued = [0; 4];
    track.take_unsettled(&mut queued);
    track.schedule(Instant::now() + hour, Instant::now() + 2 * hour);
    track.accepted();
    assert_eq!(track.interrupt(3), cut(4, 4 + 9 + 3), "the queue, the track, and the resampler");
    assert!(track.has_played(20) && track.unheard() == 0);
    assert_eq!(track.interrupt(0), cut(0, 0), "twice");
    track.write(&ramp(0, 4));
    frame(&track);
    assert_eq!(track.interrupt(0), cut(4, 0), "it could have gone on");
    track.write(&ramp(0, 4));
    track.end_utterance();
    frame(&track);
    assert_eq!(track.interrupt(0), cut(0, 0), "it was over");
}

#[test]
fn a_track_that_is_paused_plays_silence_and_goes_on_where_it_stopped() {
    let track = track(100);
    track.write(&ramp(1, 9));
    assert_eq!(frame(&track), [1, 2, 3, 4]);
    track.pause(true);
    assert!((0..100).all(|_| frame(&track) == SILENCE) && track.buffered() == 4);
    track.pause(false);
    assert_eq!(frame(&track), [5, 6, 7, 8]);
    track.pause(true);
    track.interrupt(0);
    assert!(!track.is_paused(), "what is said next is heard");
}

#[test]
fn less_than_a_frame_waits_as_long_as_it_is_told_to() {
    let track = track(100);
    track.set_rest_timeout(Duration::from_millis(80));
    track.write(&ramp(1, 3));
    assert_eq!([frame(&track), frame(&track), frame(&track)], [SILENCE, SILENCE, [1, 2, 0, 0]]);
}

#[test]
fn an_utterance_counts_what_was_heard_of_it_and_not_what_was_dropped() {
    let track = track(8);
    track.write(&ramp(0, 2));
    let first = track.begin_utterance();
    track.write(&ramp(2, 6));
    let second = track.begin_utterance();
    track.write(&ramp(6, 14));
    let heard = || [first, second].map(|utterance| track.heard(Some(utterance)));
    assert_eq!((track.stats().samples_dropped, heard()), (6, [0, 0]));
    frame(&track);
    assert_eq!((heard(), track.heard(None)), ([0, 4], 4));
    track.forget(second);
    assert_eq!(heard(), [0, 0]);
}
