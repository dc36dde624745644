//! `PcmRing` under every interleaving that loom finds:
//! `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test -p narrowcast-audio --release --test loom`
//!
//! The sample at position p is p: a block that is not consecutive numbers is torn.
#![cfg(loom)]

use loom::thread;
use narrowcast_audio::{Format, Overflow, PcmRing, PcmTrack, Read};
use narrowcast_core::sync::Arc;
use narrowcast_core::sync::atomic::{AtomicUsize, Ordering};
use narrowcast_core::{Doorbell, Waiter, Wake};

/// Runs the two sides beside each other in every way, then checks the ring and what the consumer saw.
///
/// It does so twice, with either side in the thread that goes first. Of the accesses to an atomic, loom 0.7 compares a
/// store to the last one alone. A producer that goes second loads its own position before it stores it, and so hides
/// that the consumer had looked at it too: loom takes the two for independent, and never tries them the other way round.
fn explore(
    ring: fn() -> PcmRing,
    produce: fn(&PcmRing),
    consume: fn(&PcmRing) -> Seen,
    check: impl Fn(&PcmRing, Seen) + Copy + Send + Sync + 'static,
) {
    loom::model(move || {
        let ring = Arc::new(ring());
        let producer = thread::spawn({
            let ring = ring.clone();
            move || produce(&ring)
        });
        let seen = consume(&ring);
        producer.join().unwrap();
        check(&ring, seen);
    });
    loom::model(move || {
        let ring = Arc::new(ring());
        let consumer = thread::spawn({
            let ring = ring.clone();
            move || consume(&ring)
        });
        produce(&ring);
        let seen = consumer.join().unwrap();
        check(&ring, seen);
    });
}

/// A ring in which the positions from 0 on are already written.
fn full(capacity: usize, grain: usize) -> PcmRing {
    let ring = PcmRing::new(capacity, grain, Overflow::DropOldest).unwrap();
    let samples: Vec<i16> = (0..ring.capacity() as i16).collect();
    ring.write(&samples);
    ring
}

/// The consumer's account of the stream.
#[derive(Default)]
struct Seen {
    position: u64,
    read: u64,
    gaps: u64,
    discarded: u64,
}

impl Seen {
    fn block(&mut self, read: Read, out: &[i16]) {
        let start = self.position + read.skipped;
        for (i, sample) in out[..read.samples].iter().enumerate() {
            assert_eq!(*sample as u64, start + i as u64, "{read:?} from {start} on: {out:?}");
        }
        self.position = start + read.samples as u64;
        self.read += read.samples as u64;
        self.gaps += read.skipped;
    }

    fn read(&mut self, ring: &PcmRing, n: usize) -> Read {
        let mut out = vec![-1; n];
        let read = ring.read(&mut out);
        self.block(read, &out);
        read
    }

    fn discard(&mut self, n: usize) {
        self.position += n as u64;
        self.discarded += n as u64;
    }

    /// After both sides are done: takes the rest, and compares the counts.
    fn finish(mut self, ring: &PcmRing) {
        let capacity = ring.capacity();
        self.read(ring, capacity);
        assert!(ring.is_empty());
        // A gap is told with the sample behind it.
        ring.write(&[ring.written() as i16]);
        self.read(ring, capacity);
        assert_eq!(self.position, ring.written(), "the newest sample is never lost");
        assert_eq!(self.gaps, ring.dropped());
        assert_eq!(self.read + self.discarded + ring.dropped(), ring.written());
    }
}

#[test]
fn reject_neither_loses_nor_repeats() {
    explore(
        || PcmRing::new(2, 1, Overflow::Reject).unwrap(),
        |ring| {
            let mut next = 0i16;
            for n in [2, 1, 2] {
                let block: Vec<i16> = (next..next + n).collect();
                next += ring.write(&block) as i16;
            }
        },
        |ring| {
            let mut seen = Seen::default();
            seen.read(ring, 1);
            // More than fits is asked for: the read takes no more than a ring can hold.
            seen.read(ring, 3);
            seen
        },
        |ring, mut seen| {
            seen.read(ring, 2);
            assert!(ring.is_empty());
            assert_eq!(ring.written(), 5);
            assert_eq!((seen.read, seen.gaps), (5 - ring.dropped(), 0));
        },
    );
}

#[test]
fn drop_oldest_never_tears_a_read() {
    explore(
        || full(2, 1),
        |ring| {
            ring.write(&[2]);
            ring.write(&[3, 4]);
        },
        |ring| {
            let mut seen = Seen::default();
            seen.read(ring, 3);
            seen.read(ring, 1);
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn drop_oldest_with_grains_never_tears_an_exact_read() {
    explore(
        || full(4, 2),
        |ring| {
            ring.write(&[4]);
            ring.write(&[5]);
        },
        |ring| {
            let mut seen = Seen::default();
            let mut out = [-1; 3];
            // Only the grain of 0 and 1 makes room, so the other one is there at any time.
            let read = ring.read_exact(&mut out[..2]).unwrap();
            seen.block(read, &out[..2]);
            if let Some(read) = ring.read_exact(&mut out) {
                assert_eq!(read.samples, 3);
                seen.block(read, &out);
            }
            seen
        },
        |ring, seen| {
            assert_eq!(ring.dropped() % 2, 0);
            seen.finish(ring);
        },
    );
}

#[test]
fn input_longer_than_the_ring_never_tears_a_read() {
    explore(
        || full(2, 1),
        |ring| {
            ring.write(&[2, 3, 4]);
            ring.write(&[5]);
        },
        |ring| {
            let mut seen = Seen::default();
            assert!(ring.len() <= 2);
            seen.read(ring, 2);
            seen.read(ring, 2);
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn drop_oldest_never_tears_a_peek() {
    explore(
        || full(2, 1),
        |ring| {
            ring.write(&[2, 3]);
            ring.write(&[4]);
        },
        |ring| {
            let mut seen = Seen::default();
            let mut out = [-1; 2];
            if ring.peek(&mut out) == 2 {
                assert_eq!(out[1], out[0] + 1, "peek is torn");
            }
            seen.read(ring, 2);
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn skip_and_clear_beside_drop_oldest_keep_the_counts() {
    explore(
        || full(2, 1),
        |ring| {
            ring.write(&[2]);
            ring.write(&[3, 4]);
        },
        |ring| {
            let mut seen = Seen::default();
            seen.discard(ring.skip(1));
            seen.read(ring, 1);
            seen.discard(ring.clear());
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn clear_leaves_nothing_of_what_was_there() {
    explore(
        || full(2, 1),
        |ring| {
            ring.write(&[2]);
            ring.write(&[3]);
        },
        |ring| {
            let mut seen = Seen::default();
            seen.discard(ring.clear());
            let read = seen.read(ring, 2);
            assert!(read.samples == 0 || seen.position - read.samples as u64 >= 2, "0 or 1 was still there");
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn a_ring_that_is_never_empty_never_looks_empty() {
    explore(
        || full(4, 2),
        |ring| {
            // First 2 and 3 remain, and 4 comes; then, before 5 and 6 are there, 4.
            ring.write(&[4]);
            ring.write(&[5, 6]);
        },
        |ring| {
            assert!(!ring.is_empty());
            let mut seen = Seen::default();
            assert_eq!(seen.read(ring, 1).samples, 1);
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

#[test]
fn discard_never_tears_a_read_and_leaves_what_follows() {
    explore(
        || full(2, 1),
        |ring| {
            let discarded = ring.discard();
            assert!(discarded <= 2);
            ring.write(&[2]);
            ring.write(&[3, 4]);
        },
        |ring| {
            let mut seen = Seen::default();
            seen.read(ring, 2);
            seen.read(ring, 1);
            seen
        },
        |ring, mut seen| {
            seen.read(ring, 2);
            assert!(ring.is_empty());
            ring.write(&[ring.written() as i16]);
            seen.read(ring, 2);
            assert_eq!(seen.position, ring.written(), "what was written after the discard is there");
            assert_eq!(seen.read + seen.gaps, ring.written());
            assert!((ring.dropped()..=ring.dropped() + 2).contains(&seen.gaps));
        },
    );
}

#[test]
fn discard_is_never_undone_by_a_read_that_was_under_way() {
    explore(
        || full(2, 1),
        |ring| {
            ring.discard();
            assert!(ring.is_empty());
            ring.write(&[2]);
        },
        |ring| {
            let mut seen = Seen::default();
            seen.read(ring, 1);
            let read = seen.read(ring, 2);
            // After what was taken back, only what followed it.
            assert!(read.skipped == 0 || seen.position == 3);
            seen
        },
        |ring, mut seen| {
            seen.read(ring, 2);
            assert_eq!((seen.position, seen.read + seen.gaps), (3, 3));
        },
    );
}

#[test]
fn a_read_before_a_position_takes_nothing_behind_it() {
    explore(
        || full(4, 1),
        |ring| {
            ring.write(&[4]);
            ring.write(&[5, 6]);
        },
        |ring| {
            let mut seen = Seen::default();
            let mut out = [-1; 4];
            let read = ring.read_before(3, &mut out);
            seen.block(read, &out);
            assert!(seen.position <= 3);
            // All that was before it is read or dropped.
            assert!(ring.read_position() >= 3);
            seen
        },
        |ring, seen| seen.finish(ring),
    );
}

/// A track of frames of 2 samples, with room for 4, and how often its doorbell was rung.
fn track() -> (PcmTrack, Arc<AtomicUsize>) {
    struct Count(Arc<AtomicUsize>);
    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
    let wakes = Arc::new(AtomicUsize::new(0));
    let bell = Arc::new(Doorbell::new(Box::new(Count(wakes.clone()))));
    let format = Format { sample_rate: 5, channels: 1, frame_samples: 2 };
    (PcmTrack::new(format, 4, Waiter::new(bell, 0)), wakes)
}

#[test]
fn a_frame_never_reaches_over_the_end_of_an_utterance() {
    loom::model(|| {
        let (track, _) = track();
        track.write(&[1]);
        let track = Arc::new(track);
        let writer = thread::spawn({
            let track = track.clone();
            move || {
                track.end_utterance();
                track.write(&[2, 3]);
            }
        });
        let mut frame = [-1; 2];
        // The end may not be there yet: then silence is played, and 1 waits.
        match track.take(&mut frame) {
            0 => assert_eq!(frame, [0, 0]),
            1 => assert_eq!(frame, [1, 0]),
            _ => panic!("{frame:?}"),
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_track_that_is_written_faster_than_it_fits_plays_what_is_left_of_it() {
    loom::model(|| {
        let (track, _) = track();
        track.write(&[0, 1, 2, 3]);
        let track = Arc::new(track);
        let writer = thread::spawn({
            let track = track.clone();
            move || track.write(&[4, 5, 6])
        });
        let mut frame = [-1; 2];
        let samples = track.take(&mut frame);
        match samples {
            2 => assert_eq!(frame[1], frame[0] + 1),
            // 3 is left of what was there, and what follows it is not there yet.
            _ => assert_eq!(frame, [if samples == 1 { 3 } else { 0 }, 0]),
        }
        writer.join().unwrap();
        let stats = track.stats();
        assert_eq!(stats.samples_dropped + stats.buffered + samples as u64, 7);
    });
}

#[test]
fn a_writer_that_waits_until_all_is_played_has_seen_it_or_is_rung() {
    for discards in [false, true] {
        loom::model(move || {
            let (track, wakes) = track();
            track.write(&[1, 2]);
            let track = Arc::new(track);
            let player = thread::spawn({
                let track = track.clone();
                move || track.take(&mut [0; 2])
            });
            if discards {
                track.interrupt(0);
            }
            let waits = track.wait_for(2);
            player.join().unwrap();
            assert!(track.has_played(2));
            // Both may be true: the player rings while the other looks.
            assert!(!waits || wakes.load(Ordering::Acquire) == 1);
        });
    }
}
