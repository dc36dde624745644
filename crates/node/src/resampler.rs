//! `NativeResampler`: what an `AudioResampler` calls unless its rates are equal.

use crate::error::{Code, Result, error, from_napi, refused};
use crate::raw_fn::{Argument, Call, TypedArray, function_of};
use napi::bindgen_prelude::{Env, Float32ArraySlice, Int16ArraySlice, ObjectFinalize, Unknown};
use napi::sys;
use napi_derive::napi;
use narrowcast_audio::{Latency, Quality, Resampler, ResamplerError, ResamplerSettings, Sample};
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

/// What a resampler's function returns instead of a number of samples.
#[napi]
pub enum NativePushRefusal {
    /// The resampler is closed.
    Closed = -1,
    /// The arrays are no two of Int16Array or Float32Array.
    Types = -2,
    /// The output has no room for what the input completes.
    TooSmall = -3,
    /// The input has not as many samples for each channel.
    Uneven = -4,
    /// The arrays share memory.
    Overlap = -5,
    /// Samples of the other type were pushed before.
    OtherTypeBefore = -6,
}

/// About what libsoxr allocates, in bytes: for each channel, and for all of them. Measured with pairs of common rates.
const BYTES_PER_CHANNEL: i64 = 40 << 10;
const BYTES_IN_COMMON: i64 = 48 << 10;

/// Behind `AudioResampler`.
#[napi(custom_finalize)]
pub struct NativeResampler {
    state: Rc<State>,
    latency_ms: f64,
    held_back: u32,
    /// What the garbage collector was told of libsoxr's memory, in bytes.
    accounted: i64,
}

/// Shared with the function that pushes. Of one JavaScript thread.
struct State {
    settings: ResamplerSettings,
    /// None once it is closed.
    engine: RefCell<Option<Engine>>,
}

/// libsoxr is told once which type the samples have.
enum Engine {
    I16(Resampler<i16>),
    F32(Resampler<f32>),
}

impl Engine {
    fn remaining(&self) -> usize {
        match self {
            Self::I16(resampler) => resampler.remaining(),
            Self::F32(resampler) => resampler.remaining(),
        }
    }

    fn is_at_start(&self) -> bool {
        match self {
            Self::I16(resampler) => resampler.is_at_start(),
            Self::F32(resampler) => resampler.is_at_start(),
        }
    }
}

#[napi]
impl NativeResampler {
    /// A resampler between two different rates. `quality` counts from 0, libsoxr's QQ, to 4, VHQ.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        input_rate: u32,
        output_rate: u32,
        channels: u32,
        quality: u32,
        low_latency: bool,
        dither: bool,
    ) -> Result<Self> {
        let quality = match quality {
            0 => Quality::Quick,
            1 => Quality::Low,
            2 => Quality::Medium,
            3 => Quality::High,
            4 => Quality::VeryHigh,
            _ => return Err(error(Code::InvalidArgument, format!("{quality} is no quality"))),
        };
        // A count that is no mistake, and that memory can be had for.
        if channels > 1024 {
            return Err(error(Code::InvalidArgument, format!("{channels} channels are too many")));
        }
        let latency = if low_latency { Latency::Low } else { Latency::Default };
        let settings =
            ResamplerSettings { input_rate, output_rate, channels: channels as usize, quality, latency, dither };
        let resampler = Resampler::new(settings).map_err(refused)?;
        let (latency_ms, held_back) = (resampler.latency_ms(), resampler.held_back());
        let state = Rc::new(State { settings, engine: RefCell::new(Some(Engine::I16(resampler))) });
        // Otherwise a forgotten resampler looks like a few bytes to the collector, and stays.
        let accounted = BYTES_PER_CHANNEL * i64::from(channels) + BYTES_IN_COMMON;
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        Ok(Self { state, latency_ms, held_back: u32::try_from(held_back).unwrap_or(u32::MAX), accounted })
    }

    /// How much is held back after a push of 10 ms, at worst, in ms.
    #[napi(getter, catch_unwind)]
    pub fn latency_ms(&self) -> f64 {
        self.latency_ms
    }

    /// Samples of a channel, at the output's rate, that a push can return beyond its own share.
    #[napi(getter, catch_unwind)]
    pub fn held_back(&self) -> u32 {
        self.held_back
    }

    /// Samples of all channels that a flush would return now.
    #[napi(getter, catch_unwind)]
    pub fn remaining(&self) -> f64 {
        self.state.engine.borrow().as_ref().map_or(0.0, |engine| engine.remaining() as f64)
    }

    /// Whether what was pushed are 32-bit floating point samples.
    #[napi(getter, catch_unwind)]
    pub fn is_float(&self) -> bool {
        matches!(*self.state.engine.borrow(), Some(Engine::F32(_)))
    }

    /// The function that takes samples and writes what they complete to `output`. Returns how many samples that are, or
    /// a `NativePushRefusal`; then nothing was consumed.
    #[napi(catch_unwind, ts_return_type = "(input: unknown, output: unknown) => number")]
    pub fn pusher(&self, env: &Env) -> Result<Unknown<'static>> {
        function_of(env, self.state.clone()).map_err(from_napi)
    }

    /// Ends the stream: writes the rest to `output`, which has room for `remaining`. Floating point is rounded.
    #[napi(catch_unwind)]
    pub fn flush(&self, mut output: Int16ArraySlice) -> Result<f64> {
        // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
        let output = unsafe { output.as_mut() };
        let written = match self.state.engine.borrow_mut().as_mut() {
            None => return Err(error(Code::Closed, "the resampler is closed")),
            Some(Engine::I16(resampler)) => resampler.flush(output).map_err(refused)?,
            Some(Engine::F32(resampler)) => {
                let mut floats = vec![0.0; output.len()];
                let written = resampler.flush(&mut floats).map_err(refused)?;
                for (sample, float) in output.iter_mut().zip(&floats[..written]) {
                    // `as` saturates.
                    *sample = (float * 32768.0).round() as i16;
                }
                written
            }
        };
        Ok(written as f64)
    }

    /// As `flush`, for floating point.
    #[napi(catch_unwind)]
    pub fn flush_float(&self, mut output: Float32ArraySlice) -> Result<f64> {
        // SAFETY: as in `flush`.
        let output = unsafe { output.as_mut() };
        match self.state.engine.borrow_mut().as_mut() {
            None => Err(error(Code::Closed, "the resampler is closed")),
            Some(Engine::F32(resampler)) => Ok(resampler.flush(output).map_err(refused)? as f64),
            Some(Engine::I16(_)) => Err(error(Code::InvalidArgument, "the samples that were pushed are integers")),
        }
    }

    /// Frees what libsoxr holds.
    #[napi(catch_unwind)]
    pub fn close(&mut self, env: Env) -> Result<()> {
        drop(self.state.engine.take());
        let accounted = std::mem::take(&mut self.accounted);
        env.adjust_external_memory(-accounted).map_err(from_napi)?;
        Ok(())
    }
}

/// Test builds: how long libsoxr itself takes with `input`, in ns, called in a loop so many times; between these rates, one channel,
/// at medium quality.
#[cfg(feature = "load")]
#[napi(catch_unwind)]
pub fn time_libsoxr(
    input_rate: u32,
    output_rate: u32,
    input: Int16ArraySlice,
    mut output: Int16ArraySlice,
    rounds: u32,
) -> Result<f64> {
    let (quality, latency) = (Quality::Medium, Latency::Default);
    let settings = ResamplerSettings { input_rate, output_rate, channels: 1, quality, latency, dither: false };
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let output = unsafe { output.as_mut() };
    narrowcast_audio::time_libsoxr(settings, &input, output, rounds).map_err(refused)
}

impl ObjectFinalize for NativeResampler {
    fn finalize(mut self, env: Env) -> napi::Result<()> {
        // The function may live on, and then finds it closed.
        self.close(env).map_err(|error| napi::Error::from_reason(error.reason.clone()))
    }
}

impl Call for State {
    const NAME: &CStr = c"push";

    fn call(&self, [input, output]: [Argument; 2]) -> std::result::Result<i64, String> {
        let pushed = push_to(self, input.typed_array(), output.typed_array());
        match pushed.map_err(|refused| refused.to_string())? {
            Ok(samples) => Ok(samples as i64),
            Err(refusal) => Ok(refusal as i64),
        }
    }
}

/// How many samples were written, or why none.
type Pushed = std::result::Result<usize, NativePushRefusal>;

fn push_to(
    state: &State,
    input: Option<TypedArray>,
    output: Option<TypedArray>,
) -> std::result::Result<Pushed, ResamplerError> {
    let mut engine = state.engine.borrow_mut();
    let Some(engine) = engine.as_mut() else { return Ok(Err(NativePushRefusal::Closed)) };
    let (Some(input), Some(output)) = (input, output) else { return Ok(Err(NativePushRefusal::Types)) };
    const I16: i32 = sys::TypedarrayType::int16_array;
    const F32: i32 = sys::TypedarrayType::float32_array;
    let size = match (input.kind, output.kind) {
        (I16, I16) => 2,
        (F32, F32) => 4,
        _ => return Ok(Err(NativePushRefusal::Types)),
    };
    if input.overlaps(&output, size) {
        return Ok(Err(NativePushRefusal::Overlap));
    }
    // The first samples decide which type libsoxr is told. An integer engine is made at once, for nearly all are.
    let other_type = matches!((&*engine, input.kind), (Engine::I16(_), F32) | (Engine::F32(_), I16));
    if other_type {
        if !engine.is_at_start() {
            return Ok(Err(NativePushRefusal::OtherTypeBefore));
        }
        *engine = match input.kind {
            F32 => Engine::F32(Resampler::new(state.settings)?),
            _ => Engine::I16(Resampler::new(state.settings)?),
        };
    }
    match engine {
        // SAFETY: both arrays have the engine's type of sample, their memory does not overlap, and JavaScript, which alone
        // could change it, waits for this call. (Memory shared with other threads never gets here: TypeScript copies it.)
        Engine::I16(resampler) => unsafe { push_samples(resampler, input.samples(), output.samples_mut()) },
        // SAFETY: see above.
        Engine::F32(resampler) => unsafe { push_samples(resampler, input.samples(), output.samples_mut()) },
    }
}

fn push_samples<S: Sample>(
    resampler: &mut Resampler<S>,
    input: &[S],
    output: &mut [S],
) -> std::result::Result<Pushed, ResamplerError> {
    match resampler.push(input, output) {
        Ok(samples) => Ok(Ok(samples)),
        Err(ResamplerError::OutputTooSmall { .. }) => Ok(Err(NativePushRefusal::TooSmall)),
        Err(ResamplerError::Uneven { .. }) => Ok(Err(NativePushRefusal::Uneven)),
        Err(other) => Err(other),
    }
}
