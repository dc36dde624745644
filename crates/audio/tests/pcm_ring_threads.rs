//! A `PcmRing` between two real threads. The sample at position p is p, cut to 16 bits: whatever comes out says where it
//! came from, and a torn block has a jump in it (capacities here are no multiple of 65,536).
#![cfg(not(loom))]

use narrowcast_audio::{Overflow, PcmRing, Read};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const SAMPLES: u64 = 1_000_000;

/// Block sizes that differ from call to call, the same in every run.
struct Sizes(u64);

impl Sizes {
    fn next(&mut self, max: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max + 1
    }
}

fn fill(block: &mut [i16], position: u64) {
    for (i, sample) in block.iter_mut().enumerate() {
        *sample = (position + i as u64) as i16;
    }
}

fn is_one_piece_from(position: u64, block: &[i16]) -> bool {
    block.iter().enumerate().all(|(i, sample)| *sample == (position + i as u64) as i16)
}

/// The consumer's account of the stream.
#[derive(Default)]
struct Seen {
    position: u64,
    read: u64,
    gaps: u64,
    skipped: u64,
}

impl Seen {
    fn block(&mut self, read: Read, out: &[i16]) {
        let start = self.position + read.skipped;
        let block = &out[..read.samples];
        assert!(is_one_piece_from(start, block), "expected {read:?} from {start} on, got {block:?}");
        self.position = start + read.samples as u64;
        self.read += read.samples as u64;
        self.gaps += read.skipped;
    }

    /// One call of the consumer's, a different one each time.
    fn step(&mut self, ring: &PcmRing, out: &mut [i16], sizes: &mut Sizes) {
        let n = sizes.next(out.len());
        match sizes.next(8) {
            1 => {
                let n = ring.peek(&mut out[..n]);
                // Only the block itself tells where it starts.
                let block = &out[..n];
                assert!(
                    block.is_empty() || is_one_piece_from(block[0] as u16 as u64, block),
                    "peek is torn: {block:?}"
                );
            }
            2 => {
                let n = ring.skip(n) as u64;
                self.position += n;
                self.skipped += n;
            }
            3 if sizes.next(16) == 1 => {
                let n = ring.clear() as u64;
                self.position += n;
                self.skipped += n;
            }
            4 | 5 => {
                if let Some(read) = ring.read_exact(&mut out[..n]) {
                    assert_eq!(read.samples, n);
                    self.block(read, out);
                }
            }
            _ => {
                let read = ring.read(&mut out[..n]);
                self.block(read, out);
            }
        }
    }

    fn rest(&mut self, ring: &PcmRing, out: &mut [i16]) {
        while !ring.is_empty() {
            let read = ring.read(out);
            self.block(read, out);
        }
    }
}

/// Set when the consumer is through or has failed, so that a producer that waits for it ends and the failure is seen.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn drop_oldest_never_tears_a_block_and_accounts_for_every_sample() {
    for (capacity, grain, longest_write, longest_read) in
        [(7, 1, 3, 7), (64, 1, 16, 64), (96, 8, 200, 96), (4_800, 480, 480, 4_800)]
    {
        let ring = PcmRing::new(capacity, grain, Overflow::DropOldest).unwrap();
        let barrier = Barrier::new(2);
        let mut seen = Seen::default();
        thread::scope(|scope| {
            let producer = scope.spawn(|| {
                let (mut sizes, mut block) = (Sizes(1), vec![0; longest_write]);
                barrier.wait();
                let mut position = 0;
                while position < SAMPLES {
                    let block = &mut block[..sizes.next(longest_write)];
                    fill(block, position);
                    ring.write(block);
                    position += block.len() as u64;
                }
                position
            });
            let (mut sizes, mut out) = (Sizes(2), vec![0; longest_read]);
            barrier.wait();
            while !producer.is_finished() {
                seen.step(&ring, &mut out, &mut sizes);
            }
            let mut position = producer.join().unwrap();
            // The consumer may have skipped all there was, and a read is what tells of the loss before that.
            ring.write(&[position as i16]);
            position += 1;
            seen.rest(&ring, &mut out);

            assert_eq!(ring.written(), position);
            assert_eq!(ring.dropped(), seen.gaps);
            assert_eq!(ring.dropped() % grain as u64, 0);
            assert_eq!(seen.read + seen.skipped + ring.dropped(), position);
            assert!(seen.read > 0 && seen.gaps > 0, "nothing was tried: {} read, {} lost", seen.read, seen.gaps);
        });
    }
}

#[test]
fn reject_hands_over_every_stored_sample_once_and_in_order() {
    for (capacity, longest, samples) in [(1, 2, SAMPLES / 200), (7, 5, SAMPLES / 50), (480, 960, SAMPLES)] {
        let ring = PcmRing::new(capacity, 1, Overflow::Reject).unwrap();
        let mut seen = Seen::default();
        let consumer_gone = AtomicBool::new(false);
        thread::scope(|scope| {
            let _gone = SetOnDrop(&consumer_gone);
            let producer = scope.spawn(|| {
                let (mut sizes, mut block) = (Sizes(3), vec![0; longest]);
                let (mut stored, mut offered) = (0, 0);
                while stored < samples && !consumer_gone.load(Ordering::Relaxed) {
                    let block = &mut block[..sizes.next(longest)];
                    fill(block, stored);
                    let n = ring.write(block);
                    stored += n as u64;
                    offered += block.len() as u64;
                    if n == 0 {
                        thread::yield_now();
                    }
                }
                (stored, offered)
            });
            let (mut sizes, mut out) = (Sizes(4), vec![0; longest]);
            while !producer.is_finished() {
                seen.step(&ring, &mut out, &mut sizes);
                if ring.is_empty() {
                    thread::yield_now();
                }
            }
            let (stored, offered) = producer.join().unwrap();
            seen.rest(&ring, &mut out);

            assert_eq!((seen.gaps, seen.read + seen.skipped), (0, stored));
            assert_eq!((ring.written(), ring.dropped()), (offered, offered - stored));
        });
    }
}

/// Against the rules, so the samples may be anything: but no panic, no hang, and still a ring afterwards.
#[test]
fn two_producers_and_two_consumers_are_garbled_but_safe() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let ring = PcmRing::new(10, 2, overflow).unwrap();
        thread::scope(|scope| {
            for seed in 0..2 {
                let ring = &ring;
                scope.spawn(move || {
                    let mut sizes = Sizes(seed);
                    for _ in 0..100_000 {
                        ring.write(&[1; 25][..sizes.next(25)]);
                    }
                });
                scope.spawn(move || {
                    let (mut sizes, mut out) = (Sizes(seed + 2), [0; 12]);
                    for _ in 0..100_000 {
                        let n = sizes.next(12);
                        match sizes.next(5) {
                            1 => drop(ring.peek(&mut out[..n])),
                            2 => drop(ring.skip(n)),
                            3 => drop(ring.clear()),
                            4 => drop(ring.read_exact(&mut out[..n])),
                            _ => drop(ring.read(&mut out[..n])),
                        }
                        assert!(ring.len() <= ring.capacity());
                    }
                });
            }
        });
        // A producer that slept may have set the position back, by no more than was written since: go there again.
        let caught_up = (0..1_000_000).any(|_| {
            ring.write(&[5; 10]);
            ring.clear() == 10
        });
        assert!(caught_up, "{ring:?}");
        ring.write(&[6, 7]);
        let mut out = [0; 2];
        assert_eq!((ring.read(&mut out).samples, out), (2, [6, 7]), "{ring:?}");
    }
}
