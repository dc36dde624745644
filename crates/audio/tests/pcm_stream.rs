//! `PcmStream`: frames in, frames out, and what the numbers say of them.
#![cfg(not(loom))]

use narrowcast_audio::{Chunk, Format, PcmStats, PcmStream};
use narrowcast_core::{Doorbell, Token, Waiter, Wake};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const TOKEN: Token = 7;

/// A consumer thread's doorbell: its wakes come out of the receiver.
fn doorbell() -> (Arc<Doorbell>, Receiver<()>) {
    struct Ring(Sender<()>);
    impl Wake for Ring {
        fn wake(&self) {
            let _ = self.0.send(());
        }
    }
    let (sender, receiver) = channel();
    (Arc::new(Doorbell::new(Box::new(Ring(sender)))), receiver)
}

/// A stream with room for so many frames.
fn stream(channels: u32, frame_samples: usize, frames: usize) -> PcmStream {
    let format = Format { sample_rate: 16_000, channels, frame_samples };
    PcmStream::new(format, frames * frame_samples, Waiter::new(doorbell().0, TOKEN))
}

/// A mono stream of frames of 4 samples.
fn mono(frames: usize) -> PcmStream {
    stream(1, 4, frames)
}

fn frame(stream: &PcmStream) -> (Vec<i16>, u64) {
    frames(stream, 1)
}

/// As many frames as are there, and not more than `most`.
fn frames(stream: &PcmStream, most: usize) -> (Vec<i16>, u64) {
    let mut samples = vec![-1; most * stream.format().frame_samples];
    let Chunk { samples: count, dropped_frames, .. } = stream.read_frames(&mut samples);
    samples.truncate(count);
    (samples, dropped_frames)
}

fn read(stream: &PcmStream, count: usize) -> (Vec<i16>, u64) {
    let mut samples = vec![-1; count];
    let Chunk { samples: count, dropped_frames, .. } = stream.read(&mut samples);
    samples.truncate(count);
    (samples, dropped_frames)
}

#[track_caller]
fn adds_up(stats: PcmStats) {
    let PcmStats { frames_out, frames_dropped, frames_cleared, frames_buffered, .. } = stats;
    assert_eq!(stats.frames_in, frames_out + frames_dropped + frames_cleared + frames_buffered, "{stats:?}");
}

#[test]
fn samples_written_in_any_pieces_come_out_in_frames() {
    let stream = mono(4);
    stream.write(&[1, 2, 3]);
    assert_eq!(frame(&stream), (vec![], 0));
    stream.write(&[4, 5]);
    assert_eq!(frame(&stream), (vec![1, 2, 3, 4], 0));
    stream.write(&[6, 7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(frame(&stream), (vec![5, 6, 7, 8], 0));
    assert_eq!(frame(&stream), (vec![9, 10, 11, 12], 0));
    assert_eq!((frame(&stream), stream.buffered()), ((vec![], 0), 1));
}

#[test]
fn only_the_last_frame_of_an_ended_stream_is_shorter() {
    let stream = mono(4);
    stream.write(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(frame(&stream), (vec![1, 2, 3, 4], 0));
    assert_eq!(frame(&stream), (vec![], 0), "the rest of the frame can still come");
    stream.end();
    assert_eq!(frame(&stream), (vec![5, 6], 0));
    assert_eq!(frame(&stream), (vec![], 0));
}

#[test]
fn a_longer_target_gets_as_many_whole_frames_as_are_there_and_fit() {
    let stream = mono(4);
    stream.write(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    for expected in [&[1, 2, 3, 4, 5, 6, 7, 8][..], &[9, 10, 11, 12], &[]] {
        // Room for two frames, and half of a third.
        let mut target = [-1; 10];
        let read = stream.read_frames(&mut target);
        assert_eq!(&target[..read.samples], expected);
        assert!(target[8..].iter().all(|sample| *sample == -1), "wrote behind the frames: {target:?}");
    }
    let read = catch_unwind(AssertUnwindSafe(|| stream.read_frames(&mut [0; 3])));
    assert!(read.is_err(), "a target without room for a frame");
}

#[test]
fn the_short_rest_of_an_ended_stream_comes_with_the_frames_before_it() {
    let stream = mono(4);
    stream.write(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    stream.end();
    let mut target = [-1; 8];
    assert_eq!((stream.read_frames(&mut target).samples, target), (8, [1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!((stream.read_frames(&mut target).samples, &target[..2]), (2, &[9, 10][..]));
    assert_eq!(stream.read_frames(&mut target).samples, 0);
    adds_up(stream.stats());
}

#[test]
fn several_frames_in_one_read_have_no_gap_between_them() {
    let stream = mono(2);
    let samples: Vec<i16> = (0..100).collect();
    stream.write(&samples[..20]);
    let mut target = [-1; 100];
    let read = stream.read_frames(&mut target);
    assert_eq!(read, Chunk { samples: 8, dropped_frames: 3, ..Chunk::default() });
    assert_eq!(target[..8], samples[12..20]);
    adds_up(stream.stats());
    assert_eq!((stream.stats().frames_out, stream.stats().frames_dropped), (2, 3));
}

#[test]
fn what_is_cleared_is_counted_and_the_next_frame_begins_with_what_is_written_afterwards() {
    let stream = mono(4);
    stream.write(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(frame(&stream), (vec![1, 2, 3, 4], 0));
    assert_eq!((stream.clear(), stream.clear(), stream.buffered()), (6, 0, 0));
    adds_up(stream.stats());
    stream.write(&[11, 12, 13]);
    assert_eq!(frame(&stream), (vec![], 0), "no part of what was cleared makes a frame whole");
    stream.write(&[14, 15]);
    assert_eq!(frame(&stream), (vec![11, 12, 13, 14], 0));
    let stats = stream.stats();
    adds_up(stats);
    assert_eq!((stats.frames_out, stats.frames_cleared, stats.frames_dropped, stats.buffered_samples), (2, 1, 0, 1));
}

#[test]
fn a_loss_before_a_clear_is_reported_by_the_next_read() {
    let stream = mono(2);
    let samples: Vec<i16> = (0..100).collect();
    stream.write(&samples[..16]);
    assert_eq!(stream.clear(), 8);
    stream.write(&samples[16..20]);
    assert_eq!(frame(&stream), (vec![16, 17, 18, 19], 2));
    adds_up(stream.stats());
}

#[test]
fn what_is_written_after_the_end_is_ignored() {
    let stream = mono(4);
    stream.write(&[1, 2, 3, 4, 5]);
    stream.end();
    let before = stream.stats();
    stream.write(&[6, 7, 8]);
    stream.end();
    assert_eq!((stream.stats(), stream.has_ended()), (before, true));
    assert_eq!((frame(&stream).0, frame(&stream).0, frame(&stream).0), (vec![1, 2, 3, 4], vec![5], vec![]));
}

#[test]
fn reads_of_any_length_stay_in_step_with_frames() {
    let stream = stream(2, 4, 4);
    stream.write(&[1, -1, 2, -2, 3, -3, 4, -4, 5, -5]);
    assert_eq!(read(&stream, 3).0, [1, -1], "half a group would swap the channels");
    assert_eq!(read(&stream, 1).0, []);
    assert_eq!(frame(&stream).0, [2, -2, 3, -3]);
    assert_eq!(read(&stream, 100).0, [4, -4, 5, -5]);
    assert_eq!(read(&stream, 100).0, []);
    adds_up(stream.stats());
}

#[test]
fn an_incomplete_group_is_left_out_so_that_the_channels_stay_apart() {
    let stream = stream(2, 4, 4);
    stream.write(&[1, -1, 2]);
    stream.write(&[3]);
    stream.write(&[4, -4]);
    assert_eq!(frame(&stream).0, [1, -1, 4, -4]);
}

#[test]
fn the_first_read_after_a_loss_says_how_many_frames_it_was_in_whatever_way_it_reads() {
    let stream = mono(2);
    let samples: Vec<i16> = (0..100).collect();
    stream.write(&samples[..8]);
    assert_eq!(read(&stream, 1), (vec![0], 0));
    // The reader stands at 1: room is made from there, in whole frames.
    stream.write(&samples[8..12]);
    assert_eq!(read(&stream, 0), (vec![], 0), "a read of nothing leaves it to the next one");
    assert_eq!(read(&stream, 2), (vec![5, 6], 1));
    assert_eq!(frame(&stream), (vec![7, 8, 9, 10], 0));
    stream.write(&samples[12..30]);
    assert_eq!(frame(&stream), (vec![23, 24, 25, 26], 3));
    adds_up(stream.stats());
    assert_eq!((stream.stats().frames_in, stream.stats().frames_dropped), (7, 4));
}

#[test]
fn a_frame_counts_as_read_with_its_last_sample_and_as_buffered_until_then() {
    let stream = mono(4);
    let counts = || {
        let stats = stream.stats();
        adds_up(stats);
        (stats.frames_in, stats.frames_out, stats.frames_buffered, stats.buffered_samples)
    };
    stream.write(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(counts(), (1, 0, 1, 6));
    read(&stream, 3);
    assert_eq!(counts(), (1, 0, 1, 3));
    read(&stream, 2);
    assert_eq!(counts(), (1, 1, 0, 1));
    stream.end();
    assert_eq!(counts(), (2, 1, 1, 1));
    read(&stream, 1);
    assert_eq!(counts(), (2, 2, 0, 0));
}

#[test]
fn a_format_without_whole_groups_is_refused() {
    for (channels, frame_samples) in [(0, 4), (1, 0), (2, 3), (4, 2)] {
        assert!(catch_unwind(|| stream(channels, frame_samples, 4)).is_err(), "{channels} channels, {frame_samples}");
    }
    assert_eq!(stream(2, 4, 0).buffered(), 0);
}

#[test]
fn a_stream_has_room_for_one_frame_at_least() {
    let stream = mono(0);
    stream.write(&[1, 2, 3, 4]);
    assert_eq!(frame(&stream).0, [1, 2, 3, 4]);
}

// ── against a model ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    /// A target of so many frames, and half of one.
    ReadFrames(usize),
    Read(usize),
    Clear,
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..30usize).prop_map(Step::Write),
        4 => (1..4usize).prop_map(Step::ReadFrames),
        6 => (0..20usize).prop_map(Step::Read),
        1 => Just(Step::Clear),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 0..60)
}

/// The samples by their position in what was written, as a list.
struct Model {
    frame: usize,
    capacity: usize,
    next: i16,
    buffered: Vec<i16>,
    read: usize,
    dropped: usize,
    unreported: usize,
    cleared: usize,
    ended: bool,
}

impl Model {
    fn write(&mut self, count: usize) {
        if self.ended {
            return;
        }
        self.buffered.extend(self.next..self.next + count as i16);
        self.next += count as i16;
        while self.buffered.len() > self.capacity {
            self.buffered.drain(..self.frame);
            self.dropped += 1;
            self.unreported += 1;
        }
    }

    fn read(&mut self, count: usize) -> (Vec<i16>, u64) {
        let samples: Vec<_> = self.buffered.drain(..count.min(self.buffered.len())).collect();
        self.read += samples.len();
        if samples.is_empty() {
            return (samples, 0);
        }
        (samples, std::mem::take(&mut self.unreported) as u64)
    }

    fn clear(&mut self) -> usize {
        self.cleared += self.buffered.len();
        std::mem::take(&mut self.buffered).len()
    }

    /// Frames are counted among the samples that were not dropped.
    fn check(&self, stats: PcmStats) {
        let last_is_read = self.ended && self.buffered.is_empty();
        let read = self.read / self.frame + usize::from(last_is_read && !self.read.is_multiple_of(self.frame));
        let kept = self.read + self.buffered.len();
        let kept = kept / self.frame + usize::from(self.ended && !kept.is_multiple_of(self.frame));
        let expected = PcmStats {
            frames_in: (self.dropped + self.cleared / self.frame + kept) as u64,
            frames_out: read as u64,
            frames_dropped: self.dropped as u64,
            frames_cleared: (self.cleared / self.frame) as u64,
            frames_buffered: (kept - read) as u64,
            buffered_samples: self.buffered.len() as u64,
            wakes: 0,
            frames_withheld: 0,
        };
        assert_eq!(stats, expected);
        adds_up(stats);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_list_and_its_counts_add_up(
        channels in 1..4usize, groups in 1..5usize, frames in 0..4usize, steps in steps()
    ) {
        let frame_samples = channels * groups;
        let stream = stream(channels as u32, frame_samples, frames);
        let capacity = frames.max(1) * frame_samples;
        let mut model = Model {
            frame: frame_samples, capacity, next: 0, buffered: vec![], read: 0, dropped: 0, unreported: 0, cleared: 0, ended: false,
        };
        for step in steps {
            match step {
                Step::Write(count) => {
                    stream.write(&Vec::from_iter(model.next..model.next + count as i16));
                    model.write(count - count % channels);
                }
                Step::ReadFrames(frames) => {
                    let whole = model.buffered.len() / frame_samples * frame_samples;
                    let count = if model.ended { model.buffered.len() } else { whole }.min(frames * frame_samples);
                    let mut target = vec![-1; frames * frame_samples + frame_samples / 2];
                    let Chunk { samples, dropped_frames, .. } = stream.read_frames(&mut target);
                    target.truncate(samples);
                    prop_assert_eq!((target, dropped_frames), model.read(count));
                }
                Step::Clear => prop_assert_eq!(stream.clear(), model.clear()),
                Step::Read(count) => prop_assert_eq!(read(&stream, count), model.read(count - count % channels)),
                Step::End => {
                    stream.end();
                    model.ended = true;
                }
            }
            model.check(stream.stats());
        }
    }
}

// ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A mono stream of frames of 4 samples, whose wakes are seen.
fn heard() -> (PcmStream, Arc<Doorbell>, Receiver<()>) {
    let (bell, wakes) = doorbell();
    let format = Format { sample_rate: 16_000, channels: 1, frame_samples: 4 };
    (PcmStream::new(format, 16, Waiter::new(bell.clone(), TOKEN)), bell, wakes)
}

fn answer(bell: &Doorbell) -> Vec<Token> {
    let mut tokens = [0; 4];
    let count = bell.take_ready(&mut tokens);
    tokens[..count].to_vec()
}

#[test]
fn a_consumer_that_waits_is_woken_once_when_a_whole_frame_is_there() {
    let (stream, bell, wakes) = heard();
    assert!(stream.wait());
    stream.write(&[1]);
    stream.write(&[2, 3]);
    assert_eq!(wakes.try_iter().count(), 0, "woken for a part of a frame");
    stream.write(&[4]);
    stream.write(&[5, 6, 7, 8]);
    assert_eq!((wakes.try_iter().count(), answer(&bell), stream.stats().wakes), (1, vec![TOKEN], 1));
    assert!(!stream.wait(), "there is something to read");
    stream.write(&[9]);
    assert_eq!((wakes.try_iter().count(), answer(&bell)), (0, vec![]));

    assert_eq!((frame(&stream).0, frame(&stream).0), (vec![1, 2, 3, 4], vec![5, 6, 7, 8]));
    assert!(stream.wait());
    stream.write(&[10, 11, 12]);
    assert_eq!((wakes.try_iter().count(), answer(&bell), stream.stats().wakes), (1, vec![TOKEN], 2));
}

#[test]
fn a_consumer_that_does_not_wait_is_not_woken() {
    let (stream, bell, wakes) = heard();
    stream.write(&[1, 2, 3, 4]);
    assert!(!stream.wait());
    stream.write(&[5, 6, 7, 8]);
    stream.end();
    assert_eq!((wakes.try_iter().count(), answer(&bell), stream.stats().wakes), (0, vec![], 0));
}

#[test]
fn the_end_wakes_the_waiting_reader_and_is_not_waited_for_again() {
    let (stream, bell, wakes) = heard();
    stream.write(&[1]);
    assert!(stream.wait());
    stream.end();
    stream.end();
    assert_eq!((wakes.try_iter().count(), answer(&bell), stream.stats().wakes), (1, vec![TOKEN], 1));
    assert!(!stream.wait());
    assert_eq!((frame(&stream).0, stream.wait()), (vec![1], false));
}

// ── two threads ──────────────────────────────────────────────────────────────────────────────────────────────────────

const SAMPLES: usize = 300_000;

/// Pieces whose lengths differ, the same in every run. The sample at position p is p, cut to 16 bits.
fn pieces() -> impl Iterator<Item = Vec<i16>> {
    let mut position = 0;
    (1_usize..).map_while(move |number| {
        let len = (number * 7919 % 23).min(SAMPLES - position);
        let piece = (position..position + len).map(|sample| sample as i16).collect();
        position += len;
        (position < SAMPLES || len > 0).then_some(piece)
    })
}

/// Reads to the end as a JavaScript thread does, sleeping while nothing is there; checks that what was read is what was
/// written but for the losses that were reported. Returns what was read and lost, in samples.
fn consume(stream: &PcmStream, bell: &Doorbell, wakes: &Receiver<()>) -> (usize, usize) {
    let (mut position, mut lost, mut turn) = (0, 0, 0);
    loop {
        turn += 1;
        let (samples, dropped) = match turn % 5 {
            0 => read(stream, turn % 13),
            1 | 2 => frames(stream, turn % 3 + 1),
            _ => frame(stream),
        };
        position += dropped as usize * 4;
        lost += dropped as usize * 4;
        for sample in &samples {
            assert_eq!(*sample, position as i16, "at {position}");
            position += 1;
        }
        if !samples.is_empty() {
            continue;
        }
        if stream.has_ended() && stream.buffered() == 0 {
            return (position - lost, lost);
        }
        if stream.wait() {
            wakes.recv_timeout(Duration::from_secs(20)).expect("a wake was lost");
            answer(bell);
        }
    }
}

fn two_threads(frames: usize) -> (PcmStats, (usize, usize)) {
    let (bell, wakes) = doorbell();
    let format = Format { sample_rate: 16_000, channels: 1, frame_samples: 4 };
    let stream = PcmStream::new(format, frames * 4, Waiter::new(bell.clone(), TOKEN));
    let start = Barrier::new(2);
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for (number, piece) in pieces().enumerate() {
                stream.write(&piece);
                if number % 64 == 0 {
                    thread::yield_now();
                }
            }
            stream.end();
        });
        start.wait();
        consume(&stream, &bell, &wakes)
    });
    adds_up(stream.stats());
    (stream.stats(), seen)
}

#[test]
fn two_threads_lose_nothing_while_there_is_room() {
    let (stats, seen) = two_threads(SAMPLES / 4);
    assert_eq!(seen, (SAMPLES, 0));
    let frames = SAMPLES as u64 / 4;
    assert_eq!((stats.frames_in, stats.frames_out, stats.frames_dropped), (frames, frames, 0));
}

#[test]
fn two_threads_agree_on_what_was_lost() {
    let (stats, (read, lost)) = two_threads(8);
    assert_eq!(read + lost, SAMPLES);
    assert_eq!((stats.frames_dropped, stats.frames_buffered), (lost as u64 / 4, 0));
}

#[test]
fn a_consumer_that_ends_the_stream_reads_what_is_left_beside_a_producer_that_goes_on() {
    for _ in 0..50 {
        let stream = mono(SAMPLES / 4);
        thread::scope(|scope| {
            let producer = scope.spawn(|| pieces().take(2000).for_each(|piece| stream.write(&piece)));
            let mut position = 0;
            let mut take = || {
                let (samples, dropped) = frame(&stream);
                assert_eq!(dropped, 0);
                assert!(samples.iter().zip(position..).all(|(sample, position)| *sample == position as i16));
                position += samples.len();
                samples.len()
            };
            while take() == 0 {}
            stream.end();
            producer.join().unwrap();
            while take() > 0 {}
        });
        let stats = stream.stats();
        adds_up(stats);
        assert_eq!((stats.frames_in, stats.buffered_samples), (stats.frames_out, 0));
    }
}
