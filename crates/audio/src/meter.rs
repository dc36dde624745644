//! How loud PCM is, 10 ms at a time: written by its producer, read by any thread, without a lock or a wake.

// std's under loom, too: a level orders nothing, so there is nothing to explore.
use std::sync::atomic::{AtomicU64, Ordering};

/// What one block of 10 ms had, as parts of full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// The loudest sample of any channel, 0 to 1.
    pub peak: f32,
    /// Root of the mean square over all channels, 0 to 1.
    pub rms: f32,
}

impl Level {
    /// An amplitude in dBFS: 0 is full scale, negative infinity is 0.
    pub fn decibels(amplitude: f32) -> f64 {
        20.0 * f64::from(amplitude).log10()
    }
}

/// Measures blocks of 10 ms.
pub(crate) struct Meter {
    /// Samples of all channels in a block.
    block: u64,
    /// Of the block that is coming in. The producer's alone, as the next two are.
    squares: AtomicU64,
    peak: AtomicU64,
    samples: AtomicU64,
    /// The last whole block: the bits of its peak, and of its RMS.
    latest: AtomicU64,
}

const FULL_SCALE: f64 = 32768.0;

impl Meter {
    pub fn new(sample_rate: u32, channels: u32) -> Self {
        Self {
            block: u64::from((sample_rate / 100).max(1)) * u64::from(channels),
            squares: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            samples: AtomicU64::new(0),
            latest: AtomicU64::new(0),
        }
    }

    /// Producer: takes samples.
    pub fn take(&self, mut pcm: &[i16]) {
        while !pcm.is_empty() {
            let samples = self.samples.load(Ordering::Relaxed);
            let (now, rest) = pcm.split_at(pcm.len().min((self.block - samples) as usize));
            pcm = rest;
            // A loop that the compiler makes vectors of: sums of 32 bits hold two squares, of 64 bits all of them.
            let squares: u64 = now.iter().map(|&sample| u64::from(i32::from(sample).pow(2).unsigned_abs())).sum();
            let peak = now.iter().fold(0, |peak, &sample| peak.max(sample.unsigned_abs()));
            let squares = self.squares.load(Ordering::Relaxed) + squares;
            let peak = self.peak.load(Ordering::Relaxed).max(peak.into());
            let samples = samples + now.len() as u64;
            let whole = samples == self.block;
            if whole {
                let peak = (peak as f64 / FULL_SCALE) as f32;
                let rms = ((squares as f64 / samples as f64).sqrt() / FULL_SCALE) as f32;
                self.latest.store(u64::from(peak.to_bits()) << 32 | u64::from(rms.to_bits()), Ordering::Relaxed);
            }
            let kept = |value| if whole { 0 } else { value };
            self.squares.store(kept(squares), Ordering::Relaxed);
            self.peak.store(kept(peak), Ordering::Relaxed);
            self.samples.store(kept(samples), Ordering::Relaxed);
        }
    }

    /// The last whole block; silence before there is one.
    pub fn level(&self) -> Level {
        let latest = self.latest.load(Ordering::Relaxed);
        Level { peak: f32::from_bits((latest >> 32) as u32), rms: f32::from_bits(latest as u32) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn meter_a_block_has_the_peak_and_the_rms_of_all_its_channels() {
        let meter = Meter::new(1000, 2);
        assert_eq!(meter.level(), Level::default());
        meter.take(&[i16::MIN; 19]);
        assert_eq!(meter.level(), Level::default(), "a block that is not whole");
        meter.take(&[0, 16_384]);
        let level = meter.level();
        assert_eq!(level.peak, 1.0);
        assert!((level.rms - 0.95_f32.sqrt()).abs() < 1e-6, "{level:?}");
        // The next block has nothing of the last one; one sample is in it already.
        meter.take(&[16_384; 19]);
        assert_eq!(meter.level(), Level { peak: 0.5, rms: 0.5 });
        assert!((Level::decibels(0.5) + 6.0206).abs() < 1e-4);
        assert_eq!(Level::decibels(0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn meter_portions_of_any_size_give_the_last_whole_block() {
        let pcm: Vec<i16> = (0..1000).map(|at| (at * 31 % 20_000) as i16 - 10_000).collect();
        let whole = Meter::new(8000, 1);
        whole.take(&pcm);
        for portion in [1, 7, 80, 333] {
            let meter = Meter::new(8000, 1);
            pcm.chunks(portion).for_each(|part| meter.take(part));
            assert_eq!(meter.level(), whole.level());
        }
    }
}
