//! Which passband a resampler's filter has: narrow enough for its latency, and no narrower.
//!
//! libsoxr convolves in blocks. A filter's length is about proportional to `1 / (1 - passband_end)`. Its block is the
//! rest of a power of two about 1.7 to 3.4 times that length. Both together are what it holds back. So near each
//! border between two powers of two, a passband 1 % narrower or wider halves the latency. An example is 48 to 16 kHz at
//! medium quality: passband ends at 0.92, 0.93 and 0.86 of the Nyquist frequency hold back 16 ms, 15 ms and 8 ms. Only
//! with the first does a push of 10 ms return nothing now and then.
//!
//! How libsoxr divides the work into stages is its own affair, so nothing here calculates a latency: candidates are run
//! with silence, and what comes out is counted. The result depends on neither the samples nor the channels and their
//! type, so one run is enough for each pair of rates, quality and latency in a process.

use crate::resampler_engine::Engine;
use crate::resampler_settings::{Filter, Latency, Quality, ResamplerError, ResamplerSettings};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Pushes of 10 ms that a candidate is measured for. A block longer than 10 ms shows within so many, unless it is longer
/// by less than one part in 300.
const PUSHES: u64 = 300;

/// Pushes that may return nothing before the filter has filled, if it is no longer than that.
const WARM_UP: u64 = 10;

/// What the default latency aims at, in ms.
const DEFAULT_MS: f64 = 18.0;

/// What the low latency aims at, in ms.
const LOW_MS: f64 = 10.0;

/// The filter for these rates, which were checked.
pub(crate) fn filter_for(
    input_rate: u32,
    output_rate: u32,
    quality: Quality,
    latency: Latency,
) -> Result<Filter, ResamplerError> {
    type Filters = HashMap<(u32, u32, Quality, Latency), Filter>;
    static CHOSEN: Mutex<Option<Filters>> = Mutex::new(None);
    // Not held while one is chosen: that takes ms. Two threads that choose the same one choose alike.
    let chosen = || CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (input_rate, output_rate, quality, latency);
    if let Some(filter) = chosen().as_ref().and_then(|filters| filters.get(&key)) {
        return Ok(*filter);
    }
    let settings = ResamplerSettings { input_rate, output_rate, channels: 1, quality, latency, dither: false };
    let filter = choose(settings)?;
    chosen().get_or_insert_default().insert(key, filter);
    Ok(filter)
}

fn choose(settings: ResamplerSettings) -> Result<Filter, ResamplerError> {
    let (mut best, mut gaps) = measure(settings, None, |_, _| false)?;
    // Where libsoxr's recipes have it (`soxr_quality_spec`), to 3 digits: candidates are counted from here.
    let own = match settings.quality {
        // Cubic interpolation has no passband, and the low quality is defined by its own.
        Quality::Quick | Quality::Low => return Ok(best),
        Quality::Medium => 0.916,
        Quality::High => 0.914,
        Quality::VeryHigh => 0.911,
    };
    let low = settings.latency == Latency::Low;
    let aim = if low { LOW_MS } else { DEFAULT_MS };
    for step in if low { LOW_STEPS } else { DEFAULT_STEPS } {
        if !gaps && best.latency_ms <= aim {
            break;
        }
        // Without gaps is better than with them; else it has to be worth it, since it is farther away.
        let worth = if low { best.latency_ms } else { best.latency_ms * 0.8 };
        let is_better = |latency_ms: f64, has_gaps: bool| latency_ms < worth || gaps && !has_gaps && !low;
        let candidate = Some(own + f64::from(*step) / 200.0);
        let (filter, has_gaps) = measure(settings, candidate, |latency_ms, gaps| !is_better(latency_ms, gaps))?;
        if is_better(filter.latency_ms, has_gaps) && (gaps || !has_gaps) {
            (best, gaps) = (filter, has_gaps);
        }
    }
    // Of the filters with blocks of one size, the nearest is the longest, and leaves least of the block to its output. One
    // step narrower takes a tenth less time.
    if let (false, false, Some(end)) = (low, gaps, best.passband_end.filter(|end| *end < own)) {
        let (shorter, has_gaps) = measure(settings, Some(end - 0.005), |_, gaps| gaps)?;
        if !has_gaps && shorter.latency_ms <= best.latency_ms.max(aim) {
            best = shorter;
        }
    }
    Ok(best)
}

/// Passbands to try for the default, in steps of 0.5 % from libsoxr's own: the nearest first, and of two the wider.
const DEFAULT_STEPS: &[i32] = &[1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, -8, -9, -10, -11, -12, -13];

/// As above, for the low latency: the widest first.
const LOW_STEPS: &[i32] = &[-2, -4, -6, -8, -10, -12, -14, -16, -18, -20, -22, -24, -26, -28, -30, -32];

/// Runs a filter with silence. Also says whether pushes of 10 ms returned nothing. Stops early if `give_up` says so of the
/// latency in ms and the gaps that were seen so far: neither becomes less.
fn measure(
    settings: ResamplerSettings,
    passband_end: Option<f64>,
    give_up: impl Fn(f64, bool) -> bool,
) -> Result<(Filter, bool), ResamplerError> {
    let (input_rate, output_rate) = (u64::from(settings.input_rate), u64::from(settings.output_rate));
    // Nothing returns more samples than come in, at the output's rate.
    let unmeasured = Filter { passband_end, latency_ms: 0.0, held_back: 0 };
    let mut engine = Engine::float(settings, unmeasured)?;
    // Of 10 ms, or, where that is less, of one sample.
    let taken_after = |push: u64| (push * input_rate / 100).max(push);
    let step = taken_after(1) + 1;
    let silence = vec![0.0; step as usize];
    let seconds = |frames: u64, rate: u64| frames as f64 / rate as f64;

    let (mut given, mut worst, mut gaps) = (0, 0.0_f64, false);
    for push in 1..=PUSHES {
        let (before, after) = (taken_after(push - 1), taken_after(push));
        // The rest of all that came in is room enough, since nothing comes out early; and a frame for rounding.
        let room = (after * output_rate).div_ceil(input_rate) + 1 - given;
        let mut output = vec![0.0; room as usize];
        let done = engine.process_f32(&silence[..(after - before) as usize], &mut output)?;
        let returned = done.output_frames as u64;
        given += returned;
        worst = worst.max(seconds(after, input_rate) - seconds(given, output_rate));
        gaps |= returned == 0 && push > WARM_UP && output_rate >= 100;
        if give_up(worst * 1000.0, gaps) {
            break;
        }
    }
    // Between two pushes, one step more may be held back.
    let held_back = worst * output_rate as f64 + (step * output_rate).div_ceil(input_rate) as f64 + 16.0;
    let filter = Filter { passband_end, latency_ms: worst * 1000.0, held_back: held_back.ceil() as usize };
    Ok((filter, gaps))
}
