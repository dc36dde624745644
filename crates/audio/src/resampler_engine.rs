//! libsoxr behind the `soxr` crate: interleaved samples of any number of channels, and one lock where it needs one.

use crate::resampler_settings::{Filter, Quality, ResamplerError, ResamplerSettings};
use crate::rounding::rounded;
use libsoxr_sys as sys;
use soxr::Soxr;
use soxr::format::{IoFormat, SampleFormat};
use soxr::params::{QualityRecipe, QualitySpec, RuntimeSpec};
use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use soxr::Processed;

impl From<soxr::Error> for ResamplerError {
    fn from(error: soxr::Error) -> Self {
        Self::Engine(error.as_str().to_owned())
    }
}

/// One of libsoxr's resamplers.
///
/// It is told floating point for 16-bit integers, too: its own conversions take a quarter as long as all the rest. Only
/// to dither, which is part of these, it is told integers.
pub enum Engine {
    Float { soxr: Soxr<Interleaved<f32>>, common: Common, buffers: Buffers },
    Integer { soxr: Soxr<Interleaved<i16>>, common: Common },
}

/// What both kinds have.
#[derive(Clone, Copy)]
pub struct Common {
    channels: usize,
    /// It has tables in common with others of its kind.
    shares_tables: bool,
}

/// Integers as floating point, on their way in and out.
#[derive(Default)]
pub struct Buffers {
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Engine {
    pub fn float(settings: ResamplerSettings, filter: Filter) -> Result<Self, ResamplerError> {
        let (soxr, common) = make(settings, filter)?;
        Ok(Self::Float { soxr, common, buffers: Buffers::default() })
    }

    /// Dithers if the settings say so.
    pub fn integer(settings: ResamplerSettings, filter: Filter) -> Result<Self, ResamplerError> {
        let (soxr, common) = make(settings, filter)?;
        Ok(Self::Integer { soxr, common })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Float { soxr, .. } => name(soxr),
            Self::Integer { soxr, .. } => name(soxr),
        }
    }

    /// Starts anew.
    pub fn clear(&mut self) -> Result<(), ResamplerError> {
        let _guard = self.lock();
        match self {
            Self::Float { soxr, .. } => soxr.clear()?,
            Self::Integer { soxr, .. } => soxr.clear()?,
        }
        Ok(())
    }

    /// With at least one frame of input: none would end the stream.
    pub fn process_f32(&mut self, input: &[f32], output: &mut [f32]) -> Result<Processed, ResamplerError> {
        let _guard = self.lock();
        match self {
            Self::Float { soxr, common, .. } => call(soxr, input, output, common.channels),
            Self::Integer { .. } => Err(ResamplerError::Engine("integers expected".to_owned())),
        }
    }

    /// With at least one frame of input: none would end the stream.
    pub fn process_i16(&mut self, input: &[i16], output: &mut [i16]) -> Result<Processed, ResamplerError> {
        let _guard = self.lock();
        let (soxr, Common { channels, .. }, buffers) = match self {
            Self::Float { soxr, common, buffers } => (soxr, *common, buffers),
            Self::Integer { soxr, common } => return call(soxr, input, output, common.channels),
        };
        buffers.input.clear();
        // Not scaled to ±1: it comes out as it goes in.
        buffers.input.extend(input.iter().map(|sample| f32::from(*sample)));
        if buffers.output.len() < output.len() {
            buffers.output.resize(output.len(), 0.0);
        }
        let done = call(soxr, &buffers.input, &mut buffers.output[..output.len()], channels)?;
        for (sample, float) in output.iter_mut().zip(&buffers.output[..done.output_frames * channels]) {
            *sample = rounded(*float);
        }
        Ok(done)
    }

    fn lock(&self) -> Option<MutexGuard<'static, ()>> {
        let (Self::Float { common, .. } | Self::Integer { common, .. }) = self;
        common.shares_tables.then(tables)
    }
}

fn make<S: soxr::format::Sample>(
    settings: ResamplerSettings,
    filter: Filter,
) -> Result<(Soxr<Interleaved<S>>, Common), ResamplerError> {
    let ResamplerSettings { input_rate, output_rate, channels, quality, dither, .. } = settings;
    let mut spec = QualitySpec::new(match quality {
        Quality::Quick => QualityRecipe::Quick,
        Quality::Low => QualityRecipe::Low,
        Quality::Medium => QualityRecipe::Medium,
        Quality::High => QualityRecipe::high(),
        Quality::VeryHigh => QualityRecipe::very_high(),
    });
    if let Some(end) = filter.passband_end {
        spec.set_passband_end(end);
    }
    let runtime = RuntimeSpec::new(1).with_log2_min_dft_size(8).with_log2_large_dft_size(8);
    let _guard = tables();
    LAYOUT.set(Layout { channels, dither });
    let soxr = Soxr::new_with_params(f64::from(input_rate), f64::from(output_rate), spec, runtime)?;
    let common = Common { channels, shares_tables: !name(&soxr).ends_with('s') };
    Ok((soxr, common))
}

fn name<S: soxr::format::Sample>(soxr: &Soxr<Interleaved<S>>) -> &'static str {
    // SAFETY: the resampler lives, and the name is a constant string.
    let name: &'static CStr = unsafe { CStr::from_ptr(sys::soxr_engine(soxr.as_ptr())) };
    name.to_str().unwrap_or_default()
}

fn call<S: soxr::format::Sample>(
    soxr: &mut Soxr<Interleaved<S>>,
    input: &[S],
    output: &mut [S],
    channels: usize,
) -> Result<Processed, ResamplerError> {
    debug_assert!(input.len() >= channels);
    let input = Block { samples: ptr::from_ref(input).cast_mut().cast(), frames: input.len() / channels };
    let mut output = Block { samples: ptr::from_mut(output).cast(), frames: output.len() / channels };
    // What the blocks point to outlives the call. libsoxr reads the first and writes the second.
    Ok(soxr.process(&input, &mut output)?)
}

/// The tables that libsoxr's engines without SIMD have in common grow when a resampler needs larger ones, and libsoxr
/// itself guards them only with OpenMP. Which engine a resampler has is known once it is made: each is made under the lock.
fn tables() -> MutexGuard<'static, ()> {
    static TABLES: Mutex<()> = Mutex::new(());
    // There is nothing in it that a panic could leave half done.
    TABLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What [`Interleaved`] can't have as constants.
#[derive(Clone, Copy)]
struct Layout {
    channels: usize,
    dither: bool,
}

thread_local! {
    /// Of the resampler that this thread is making: `IoFormat` has no `self` to keep it in.
    static LAYOUT: Cell<Layout> = const { Cell::new(Layout { channels: 1, dither: false }) };
}

/// Samples of a number of channels that is known at run time, dithered or not. The formats of the `soxr` crate have it at
/// compile time, and always dither.
pub struct Interleaved<S>(PhantomData<S>);

/// Interleaved samples, in frames of one for each channel. Only [`call`] makes any.
pub struct Block {
    samples: *mut c_void,
    frames: usize,
}

// SAFETY: the specification says interleaved samples of type `S`, for as many channels as `channels` says, since both are
// asked for in one call on one thread; and a block's pointer has that many for each of its frames.
unsafe impl<S: soxr::format::Sample> IoFormat for Interleaved<S> {
    type Sample = S;
    type Buffer = Block;

    fn channels() -> usize {
        LAYOUT.get().channels
    }

    fn io_spec(scale: f64) -> sys::soxr_io_spec {
        let flags = if LAYOUT.get().dither { 0 } else { sys::SOXR_NO_DITHER };
        let datatype = match S::FORMAT {
            SampleFormat::Int16 => sys::SOXR_INT16_I,
            SampleFormat::Int32 => sys::SOXR_INT32_I,
            SampleFormat::Float32 => sys::SOXR_FLOAT32_I,
            SampleFormat::Float64 => sys::SOXR_FLOAT64_I,
        };
        sys::soxr_io_spec { itype: datatype, otype: datatype, scale, e: ptr::null_mut(), flags }
    }

    fn frame_count(block: &Block) -> usize {
        block.frames
    }

    fn buffer_ptr(block: &Block) -> *const c_void {
        block.samples
    }

    fn buffer_mut_ptr(block: &mut Block) -> *mut c_void {
        block.samples
    }
}
