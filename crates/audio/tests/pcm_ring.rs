//! What a `PcmRing` does on one thread: behaviour by behaviour, then against a model.
#![cfg(not(loom))]

use narrowcast_audio::{Overflow, PcmRing, PcmRingError, Read};
use proptest::prelude::*;
use std::collections::VecDeque;

fn ring(capacity: usize, grain: usize, overflow: Overflow) -> PcmRing {
    PcmRing::new(capacity, grain, overflow).unwrap()
}

fn drained(ring: &PcmRing) -> Vec<i16> {
    let mut out = vec![0; ring.len()];
    assert_eq!(ring.read(&mut out).samples, out.len());
    out
}

#[test]
fn is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<PcmRing>();
}

#[test]
fn capacity_is_whole_grains() {
    assert_eq!(ring(1, 1, Overflow::Reject).capacity(), 1);
    assert_eq!(ring(9, 4, Overflow::Reject).capacity(), 12);
    assert_eq!(ring(12, 4, Overflow::DropOldest).capacity(), 12);
}

#[test]
fn impossible_rings_are_errors_that_say_why() {
    let error = |capacity, grain| PcmRing::new(capacity, grain, Overflow::Reject).unwrap_err();
    assert_eq!(error(0, 1), PcmRingError::ZeroCapacity);
    assert_eq!(error(1, 0), PcmRingError::ZeroGrain);
    // The rounding overflows, the size in bytes does, and the address space does.
    for (capacity, grain) in [(usize::MAX, 2), (usize::MAX - 1, 1), (usize::MAX / 4, 1)] {
        assert_eq!(error(capacity, grain), PcmRingError::TooLarge { capacity });
        assert!(error(capacity, grain).to_string().contains(&capacity.to_string()));
    }
}

#[test]
fn reject_keeps_the_front_of_what_does_not_fit() {
    let ring = ring(3, 1, Overflow::Reject);
    assert_eq!(ring.write(&[1, 2, 3, 4, 5]), 3);
    assert_eq!(ring.write(&[6]), 0);
    assert_eq!((ring.dropped(), ring.written()), (3, 6));
    let mut out = [0; 2];
    assert_eq!(ring.read(&mut out), Read { samples: 2, skipped: 0 });
    assert_eq!(ring.write(&[7, 8, 9]), 2);
    assert_eq!(drained(&ring), [3, 7, 8]);
}

#[test]
fn reject_has_no_gap_for_the_reader() {
    let ring = ring(2, 2, Overflow::Reject);
    ring.write(&[1, 2, 3]);
    let mut out = [0; 2];
    ring.read(&mut out);
    ring.write(&[4]);
    assert_eq!(ring.read(&mut out), Read { samples: 1, skipped: 0 });
}

#[test]
fn drop_oldest_drops_whole_grains() {
    let ring = ring(6, 3, Overflow::DropOldest);
    ring.write(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(ring.write(&[7]), 1);
    assert_eq!(ring.dropped(), 3);
    assert_eq!(drained(&ring), [4, 5, 6, 7]);
}

#[test]
fn drop_oldest_counts_grains_from_where_the_reader_is() {
    let ring = ring(4, 2, Overflow::DropOldest);
    ring.write(&[1, 2, 3, 4]);
    assert_eq!(ring.skip(1), 1);
    ring.write(&[5, 6]);
    assert_eq!(drained(&ring), [4, 5, 6]);
}

#[test]
fn input_longer_than_the_ring_keeps_its_newest_whole_grains() {
    let ring = ring(4, 2, Overflow::DropOldest);
    ring.write(&[1, 2]);
    assert_eq!(ring.write(&[3, 4, 5, 6, 7, 8, 9]), 3);
    assert_eq!((ring.dropped(), ring.written()), (6, 9));
    let mut out = [0; 4];
    assert_eq!(ring.read(&mut out), Read { samples: 3, skipped: 6 });
    assert_eq!(out[..3], [7, 8, 9]);
}

#[test]
fn a_gap_is_reported_once_by_the_read_after_it() {
    let ring = ring(2, 1, Overflow::DropOldest);
    let mut out = [0; 1];
    ring.write(&[1, 2, 3]);
    ring.write(&[4]);
    assert_eq!(ring.read(&mut []), Read { samples: 0, skipped: 0 });
    assert_eq!((ring.read(&mut out), out), (Read { samples: 1, skipped: 2 }, [3]));
    assert_eq!((ring.read(&mut out), out), (Read { samples: 1, skipped: 0 }, [4]));
}

#[test]
fn a_gap_before_skip_and_clear_is_not_forgotten_and_what_they_discard_is_none() {
    let ring = ring(2, 1, Overflow::DropOldest);
    ring.write(&[1, 2, 3]);
    assert_eq!(ring.skip(1), 1);
    assert_eq!(ring.clear(), 1);
    ring.write(&[4]);
    assert_eq!(ring.read(&mut [0; 2]), Read { samples: 1, skipped: 1 });
    assert_eq!(ring.dropped(), 1);
}

#[test]
fn what_the_producer_takes_back_is_a_gap_and_no_loss_and_what_follows_stays() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let ring = ring(4, 2, overflow);
        assert_eq!(ring.discard(), 0);
        ring.write(&[1, 2, 3]);
        assert_eq!((ring.discard(), ring.discard(), ring.dropped()), (3, 0, 0));
        assert_eq!((ring.len(), ring.written()), (0, 3));
        ring.write(&[4, 5]);
        let mut out = [0; 4];
        assert_eq!(ring.read(&mut out), Read { samples: 2, skipped: 3 });
        assert_eq!(out[..2], [4, 5]);
    }
}

#[test]
fn a_read_stops_before_the_position_it_was_told() {
    let ring = ring(4, 1, Overflow::DropOldest);
    ring.write(&[1, 2, 3]);
    assert_eq!((ring.write_position(), ring.read_position()), (3, 0));
    let mut out = [0; 4];
    assert_eq!(ring.read_before(0, &mut out), Read::default());
    assert_eq!((ring.read_before(2, &mut out), out[..2].to_vec()), (Read { samples: 2, skipped: 0 }, vec![1, 2]));
    assert_eq!((ring.read_before(2, &mut out).samples, ring.read_before(1, &mut out).samples), (0, 0));
    assert_eq!((ring.read_before(u64::MAX, &mut out).samples, out[0]), (1, 3));
    assert_eq!(ring.read_position(), 3);
    // Dropped past the position: nothing before it is left.
    ring.write(&[4, 5, 6, 7, 8, 9]);
    assert_eq!((ring.read_before(5, &mut out), ring.read_position()), (Read::default(), 5));
    assert_eq!((ring.read_before(6, &mut out), out[0]), (Read { samples: 1, skipped: 2 }, 6));
}

#[test]
fn read_exact_takes_all_or_nothing() {
    let ring = ring(4, 1, Overflow::Reject);
    ring.write(&[1, 2]);
    assert_eq!(ring.read_exact(&mut [0; 3]), None);
    assert_eq!(ring.read_exact(&mut [0; 5]), None);
    assert_eq!(ring.read_exact(&mut []), Some(Read::default()));
    assert_eq!(ring.read_exact(&mut [0; 2]), Some(Read { samples: 2, skipped: 0 }));
    assert!(ring.is_empty());
}

#[test]
fn a_short_read_leaves_the_rest_of_the_target_alone() {
    let ring = ring(4, 1, Overflow::Reject);
    ring.write(&[1, 2]);
    let mut out = [9; 4];
    assert_eq!(ring.peek(&mut out), 2);
    assert_eq!(out, [1, 2, 9, 9]);
    ring.read(&mut out);
    assert_eq!(out, [1, 2, 9, 9]);
}

#[derive(Clone, Debug)]
enum Op {
    Write(usize),
    Read(usize),
    ReadExact(usize),
    ReadBefore(usize, usize),
    Peek(usize),
    Skip(usize),
    Clear,
    Discard,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..40usize).prop_map(Op::Write),
        4 => (0..20usize).prop_map(Op::Read),
        2 => (0..20usize).prop_map(Op::ReadExact),
        2 => (0..20usize, 0..20usize).prop_map(|(end, n)| Op::ReadBefore(end, n)),
        1 => (0..20usize).prop_map(Op::Peek),
        1 => (0..20usize).prop_map(Op::Skip),
        1 => Just(Op::Clear),
        1 => Just(Op::Discard),
    ]
}

/// The same ring, told by a queue: overflow is a loop that pushes and pops.
struct Model {
    queue: VecDeque<i16>,
    capacity: usize,
    grain: usize,
    overflow: Overflow,
    dropped: u64,
    lost_since_read: u64,
}

impl Model {
    fn new(capacity: usize, grain: usize, overflow: Overflow) -> Self {
        let mut rounded = 0;
        while rounded < capacity {
            rounded += grain;
        }
        Self { queue: VecDeque::new(), capacity: rounded, grain, overflow, dropped: 0, lost_since_read: 0 }
    }

    fn write(&mut self, input: &[i16]) -> usize {
        match self.overflow {
            Overflow::Reject => {
                let mut stored = 0;
                for sample in input {
                    if self.queue.len() < self.capacity {
                        self.queue.push_back(*sample);
                        stored += 1;
                    } else {
                        self.dropped += 1;
                    }
                }
                stored
            }
            Overflow::DropOldest => {
                self.queue.extend(input);
                while self.queue.len() > self.capacity {
                    self.queue.drain(..self.grain);
                    self.dropped += self.grain as u64;
                    self.lost_since_read += self.grain as u64;
                }
                input.len().min(self.queue.len())
            }
        }
    }

    fn peek(&self, n: usize) -> Vec<i16> {
        self.queue.iter().take(n).copied().collect()
    }

    fn skip(&mut self, n: usize) -> usize {
        self.queue.drain(..n.min(self.queue.len())).count()
    }

    fn read(&mut self, n: usize) -> (Vec<i16>, Read) {
        let samples = self.peek(n);
        self.skip(n);
        let skipped = if samples.is_empty() { 0 } else { std::mem::take(&mut self.lost_since_read) };
        let read = Read { samples: samples.len(), skipped };
        (samples, read)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn behaves_like_a_queue(
        capacity in 1..24usize,
        grain in 1..7usize,
        drop_oldest: bool,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let overflow = if drop_oldest { Overflow::DropOldest } else { Overflow::Reject };
        let ring = ring(capacity, grain, overflow);
        let mut model = Model::new(capacity, grain, overflow);
        prop_assert_eq!(ring.capacity(), model.capacity);

        let (mut offered, mut read, mut skipped, mut gaps, mut discarded) = (0u64, 0u64, 0u64, 0u64, 0u64);
        for op in ops {
            match op {
                Op::Write(n) => {
                    let input: Vec<i16> = (0..n as u64).map(|i| (offered + i) as i16).collect();
                    offered += n as u64;
                    prop_assert_eq!(ring.write(&input), model.write(&input));
                }
                Op::Read(n) => {
                    let mut out = vec![0; n];
                    let (samples, expected) = model.read(n);
                    prop_assert_eq!(ring.read(&mut out), expected);
                    prop_assert_eq!(&out[..expected.samples], samples);
                    read += expected.samples as u64;
                    gaps += expected.skipped;
                }
                Op::ReadExact(n) => {
                    let mut out = vec![0; n];
                    if n > model.queue.len() {
                        prop_assert_eq!(ring.read_exact(&mut out), None);
                    } else {
                        let (samples, expected) = model.read(n);
                        prop_assert_eq!(ring.read_exact(&mut out), Some(expected));
                        prop_assert_eq!(out, samples);
                        read += expected.samples as u64;
                        gaps += expected.skipped;
                    }
                }
                Op::ReadBefore(end, n) => {
                    let mut out = vec![0; n];
                    let (samples, expected) = model.read(n.min(end));
                    // Under `Reject` positions count what was stored.
                    prop_assert_eq!(ring.read_before(ring.read_position() + end as u64, &mut out), expected);
                    prop_assert_eq!(&out[..expected.samples], samples);
                    read += expected.samples as u64;
                    gaps += expected.skipped;
                }
                Op::Discard => {
                    let n = ring.discard();
                    prop_assert_eq!(n, model.skip(usize::MAX));
                    model.lost_since_read += n as u64;
                    discarded += n as u64;
                }
                Op::Peek(n) => {
                    let mut out = vec![0; n];
                    let samples = model.peek(n);
                    prop_assert_eq!(ring.peek(&mut out), samples.len());
                    prop_assert_eq!(&out[..samples.len()], samples);
                }
                Op::Skip(n) => {
                    let n_skipped = ring.skip(n);
                    prop_assert_eq!(n_skipped, model.skip(n));
                    skipped += n_skipped as u64;
                }
                Op::Clear => {
                    let n_skipped = ring.clear();
                    prop_assert_eq!(n_skipped, model.skip(usize::MAX));
                    skipped += n_skipped as u64;
                }
            }
            prop_assert_eq!(ring.len(), model.queue.len());
            prop_assert_eq!(ring.is_empty(), model.queue.is_empty());
            prop_assert_eq!(ring.dropped(), model.dropped);
            prop_assert_eq!(ring.written(), offered);
            prop_assert_eq!(offered, read + skipped + discarded + ring.dropped() + ring.len() as u64);
            prop_assert_eq!(ring.write_position() - ring.read_position(), ring.len() as u64);
            if drop_oldest {
                prop_assert_eq!(ring.dropped() + discarded, gaps + model.lost_since_read);
            }
        }
    }
}
