//! Any order of a ring's operations, of any length: what is read, what is counted, and what is left are those of a queue.
//!
//! `npm run fuzz -- ring`

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use narrowcast_audio::{Overflow, PcmRing};
use std::collections::VecDeque;

#[derive(Arbitrary, Debug)]
struct Case {
    capacity: u8,
    grain: u8,
    reject: bool,
    operations: Vec<Operation>,
}

#[derive(Arbitrary, Debug)]
enum Operation {
    Write(u8),
    Discard,
    Read(u8),
    ReadBefore(u8, u8),
    ReadExact(u8),
    ReadWhole(u8, u8),
    Peek(u8),
    Skip(u8),
    Clear,
}

/// What a ring is to behave like: samples by position, and the position of the first.
struct Model {
    samples: VecDeque<i16>,
    first: u64,
    dropped: u64,
    /// Taken away by the producer since the last read.
    skipped: u64,
}

impl Model {
    fn end(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    fn take(&mut self, count: usize) -> Vec<i16> {
        self.first += count as u64;
        self.samples.drain(..count).collect()
    }

    /// Checks a read of `count` samples into `out`.
    fn check_read(&mut self, count: usize, out: &[i16], skipped: u64) {
        assert_eq!(out[..count], self.take(count));
        // A read of no samples leaves the loss to the next one.
        assert_eq!(skipped, if count > 0 { std::mem::take(&mut self.skipped) } else { 0 });
    }
}

fuzz_target!(|case: Case| {
    let grain = usize::from(case.grain % 9) + 1;
    let overflow = if case.reject { Overflow::Reject } else { Overflow::DropOldest };
    let ring = PcmRing::new(usize::from(case.capacity) + 1, grain, overflow).expect("a small ring");
    let capacity = ring.capacity();
    let mut model = Model { samples: VecDeque::new(), first: 0, dropped: 0, skipped: 0 };
    let (mut offered, mut out) = (0_u64, vec![0; 300]);
    for operation in case.operations {
        match operation {
            Operation::Write(count) => {
                let input: Vec<i16> = (0..u64::from(count)).map(|at| (offered + at) as i16).collect();
                offered += u64::from(count);
                let stored = ring.write(&input);
                if case.reject {
                    let fits = input.len().min(capacity - model.samples.len());
                    assert_eq!(stored, fits);
                    model.samples.extend(&input[..fits]);
                    model.dropped += (input.len() - fits) as u64;
                } else {
                    model.samples.extend(&input);
                    let excess = model.samples.len().saturating_sub(capacity).next_multiple_of(grain);
                    assert_eq!(stored, input.len().min(model.samples.len() - excess));
                    model.take(excess);
                    model.dropped += excess as u64;
                    model.skipped += excess as u64;
                }
            }
            Operation::Discard => {
                let count = model.samples.len();
                assert_eq!(ring.discard(), count);
                model.take(count);
                model.skipped += count as u64;
            }
            Operation::Read(most) => {
                let read = ring.read(&mut out[..most.into()]);
                assert_eq!(read.samples, model.samples.len().min(most.into()));
                model.check_read(read.samples, &out, read.skipped);
            }
            Operation::ReadBefore(most, before_end) => {
                let end = model.end().saturating_sub(before_end.into());
                let read = ring.read_before(end, &mut out[..most.into()]);
                assert_eq!(read.samples, (end.saturating_sub(model.first) as usize).min(most.into()));
                model.check_read(read.samples, &out, read.skipped);
            }
            Operation::ReadExact(count) => {
                let read = ring.read_exact(&mut out[..count.into()]);
                assert_eq!(read.is_some(), model.samples.len() >= count.into());
                if let Some(read) = read {
                    assert_eq!(read.samples, usize::from(count));
                    model.check_read(read.samples, &out, read.skipped);
                }
            }
            Operation::ReadWhole(unit, most) => {
                let unit = usize::from(unit) + 1;
                let whole = model.samples.len().min(most.into()) / unit * unit;
                let read = ring.read_whole(unit, &mut out[..most.into()]);
                assert_eq!(read.map(|read| read.samples), (whole > 0).then_some(whole));
                if let Some(read) = read {
                    model.check_read(whole, &out, read.skipped);
                }
            }
            Operation::Peek(most) => {
                let count = ring.peek(&mut out[..most.into()]);
                assert_eq!(count, model.samples.len().min(most.into()));
                assert!(out.iter().zip(&model.samples).take(count).all(|(got, wanted)| got == wanted));
            }
            Operation::Skip(most) => {
                let count = model.samples.len().min(most.into());
                assert_eq!(ring.skip(most.into()), count);
                model.take(count);
            }
            Operation::Clear => {
                let count = model.samples.len();
                assert_eq!(ring.clear(), count);
                model.take(count);
            }
        }
        assert_eq!((ring.len(), ring.dropped(), ring.written()), (model.samples.len(), model.dropped, offered));
        assert_eq!(ring.read_position(), model.first);
    }
});
