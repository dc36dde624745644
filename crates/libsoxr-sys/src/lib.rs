//! libsoxr, linked statically: what the `soxr` crate calls of its C interface, declared from libsoxr's documentation.
//!
//! The names are C's. What the functions do, and which arguments are valid, is described in libsoxr's `soxr.h`.

#![no_std]
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_double, c_uint, c_ulong, c_void};

/// A resampler.
#[repr(C)]
pub struct soxr {
    _private: [u8; 0],
}

/// Owns a resampler, or is null.
pub type soxr_t = *mut soxr;

/// Null, or a constant string that says what went wrong.
pub type soxr_error_t = *const c_char;

/// How samples are laid out.
pub type soxr_datatype_t = c_uint;

/// Interleaved 32-bit floating point.
pub const SOXR_FLOAT32_I: soxr_datatype_t = 0;
/// Interleaved 64-bit floating point.
pub const SOXR_FLOAT64_I: soxr_datatype_t = 1;
/// Interleaved 32-bit integers.
pub const SOXR_INT32_I: soxr_datatype_t = 2;
/// Interleaved 16-bit integers.
pub const SOXR_INT16_I: soxr_datatype_t = 3;

/// In [`soxr_io_spec::flags`]: 16-bit output is rounded without dither.
pub const SOXR_NO_DITHER: c_ulong = 8;

/// Layouts of input and output.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct soxr_io_spec {
    /// Of the input.
    pub itype: soxr_datatype_t,
    /// Of the output.
    pub otype: soxr_datatype_t,
    /// Linear gain.
    pub scale: c_double,
    /// Reserved.
    pub e: *mut c_void,
    /// 0, or [`SOXR_NO_DITHER`].
    pub flags: c_ulong,
}

/// What the filters are like; made by the function of this name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct soxr_quality_spec {
    /// In bits.
    pub precision: c_double,
    /// 0 minimum phase, 50 linear, 100 maximum.
    pub phase_response: c_double,
    /// Where the passband ends, as a part of the lower Nyquist frequency.
    pub passband_end: c_double,
    /// Where the stopband begins, as a part of the lower Nyquist frequency.
    pub stopband_begin: c_double,
    /// Why the specification is invalid, or null.
    pub e: *mut c_void,
    /// Roll-off and others.
    pub flags: c_ulong,
}

/// How much memory and time the filters take; made by the function of this name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct soxr_runtime_spec {
    /// Base-2 logarithm of the smallest block, 8 to 15.
    pub log2_min_dft_size: c_uint,
    /// Base-2 logarithm of the largest block for filters that a smaller one could hold, 8 to 20.
    pub log2_large_dft_size: c_uint,
    /// Size of tables above which coefficients are interpolated, in kB.
    pub coef_size_kbytes: c_uint,
    /// Threads; 1, since this build has no OpenMP.
    pub num_threads: c_uint,
    /// Reserved.
    pub e: *mut c_void,
    /// How coefficients are interpolated.
    pub flags: c_ulong,
}

unsafe extern "C" {
    /// Makes a resampler; null, and an error, if it can't.
    pub fn soxr_create(
        input_rate: c_double,
        output_rate: c_double,
        num_channels: c_uint,
        error: *mut soxr_error_t,
        io: *const soxr_io_spec,
        quality: *const soxr_quality_spec,
        runtime: *const soxr_runtime_spec,
    ) -> soxr_t;
    /// Takes input and gives output. Lengths count samples of one channel; no input means that there will be none.
    pub fn soxr_process(
        resampler: soxr_t,
        input: *const c_void,
        input_len: usize,
        input_done: *mut usize,
        output: *mut c_void,
        output_len: usize,
        output_done: *mut usize,
    ) -> soxr_error_t;
    /// Starts anew, with the same settings.
    pub fn soxr_clear(resampler: soxr_t) -> soxr_error_t;
    /// Frees the resampler.
    pub fn soxr_delete(resampler: soxr_t);
    /// Changes the ratio of a variable-rate resampler.
    pub fn soxr_set_io_ratio(resampler: soxr_t, io_ratio: c_double, slew_len: usize) -> soxr_error_t;
    /// The name of the engine in use, a constant string.
    pub fn soxr_engine(resampler: soxr_t) -> *const c_char;
    /// Settings for a quality; see `soxr.h` for the numbers.
    pub fn soxr_quality_spec(recipe: c_ulong, flags: c_ulong) -> soxr_quality_spec;
    /// Default settings for so many threads.
    pub fn soxr_runtime_spec(num_threads: c_uint) -> soxr_runtime_spec;
}
