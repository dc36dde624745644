//! `PcmRing` under every interleaving that loom finds:
//! `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test -p narrowcast-audio --release --test loom`
//!
//! The sample at position p is p: a block that is not consecutive numbers is torn.
#![cfg(loom)]

use loom::thread;
use narrowcast_audio::{Overflow, PcmRing, Read};
use narrowcast_core::sync::Arc;

fn ring(capacity: usize, grain: usize, overflow: Overflow) -> Arc<PcmRing> {
    Arc::new(PcmRing::new(capacity, grain, overflow).unwrap())
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

    fn read(&mut self, ring: &PcmRing, n: usize) {
        let mut out = vec![-1; n];
        let read = ring.read(&mut out);
        self.block(read, &out);
    }

    fn discard(&mut self, n: usize) {
        self.position += n as u64;
        self.discarded += n as u64;
    }

    /// After the producer is done: takes the rest, and compares the counts.
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
    loom::model(|| {
        let ring = ring(2, 1, Overflow::Reject);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                let mut next = 0i16;
                for n in [2, 1, 2] {
                    let block: Vec<i16> = (next..next + n).collect();
                    next += ring.write(&block) as i16;
                }
                next as u64
            }
        });
        let mut seen = Seen::default();
        seen.read(&ring, 1);
        seen.read(&ring, 2);
        let stored = producer.join().unwrap();
        seen.read(&ring, 2);
        assert_eq!((seen.read, seen.gaps), (stored, 0));
        assert_eq!((ring.written(), ring.dropped()), (5, 5 - stored));
        assert!(ring.is_empty());
    });
}

#[test]
fn drop_oldest_never_tears_a_read() {
    loom::model(|| {
        let ring = ring(2, 1, Overflow::DropOldest);
        ring.write(&[0, 1]);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                ring.write(&[2]);
                ring.write(&[3, 4]);
            }
        });
        let mut seen = Seen::default();
        seen.read(&ring, 2);
        seen.read(&ring, 1);
        producer.join().unwrap();
        seen.finish(&ring);
    });
}

#[test]
fn drop_oldest_with_grains_never_tears_an_exact_read() {
    loom::model(|| {
        let ring = ring(4, 2, Overflow::DropOldest);
        ring.write(&[0, 1, 2, 3]);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                ring.write(&[4]);
                ring.write(&[5]);
            }
        });
        let mut seen = Seen::default();
        let mut out = [-1; 3];
        // Whatever was dropped, at least 2 samples are there, and never 2 whole grains less than the ring had.
        let read = ring.read_exact(&mut out[..2]).unwrap();
        seen.block(read, &out[..2]);
        if let Some(read) = ring.read_exact(&mut out) {
            assert_eq!(read.samples, 3);
            seen.block(read, &out);
        }
        producer.join().unwrap();
        assert_eq!(ring.dropped() % 2, 0);
        seen.finish(&ring);
    });
}

#[test]
fn input_longer_than_the_ring_never_tears_a_read() {
    loom::model(|| {
        let ring = ring(2, 1, Overflow::DropOldest);
        ring.write(&[0]);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                ring.write(&[1, 2, 3, 4]);
                ring.write(&[5]);
            }
        });
        let mut seen = Seen::default();
        assert!(ring.len() <= 2);
        seen.read(&ring, 2);
        seen.read(&ring, 2);
        producer.join().unwrap();
        seen.finish(&ring);
    });
}

#[test]
fn drop_oldest_never_tears_a_peek() {
    loom::model(|| {
        let ring = ring(2, 1, Overflow::DropOldest);
        ring.write(&[0, 1]);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                ring.write(&[2, 3]);
                ring.write(&[4]);
            }
        });
        let mut seen = Seen::default();
        let mut out = [-1; 2];
        if ring.peek(&mut out) == 2 {
            assert_eq!(out[1], out[0] + 1, "peek is torn");
        }
        seen.read(&ring, 2);
        producer.join().unwrap();
        seen.finish(&ring);
    });
}

#[test]
fn skip_and_clear_beside_drop_oldest_keep_the_counts() {
    loom::model(|| {
        let ring = ring(2, 1, Overflow::DropOldest);
        ring.write(&[0, 1]);
        let producer = thread::spawn({
            let ring = ring.clone();
            move || {
                ring.write(&[2]);
                ring.write(&[3, 4]);
            }
        });
        let mut seen = Seen::default();
        seen.discard(ring.skip(1));
        seen.read(&ring, 1);
        seen.discard(ring.clear());
        producer.join().unwrap();
        seen.finish(&ring);
    });
}
