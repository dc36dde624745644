//! PCM between threads: fixed memory, counted overflow. And from one sample rate to another.

mod pcm_ring;
mod pcm_stream;
mod resampler;
mod resampler_engine;
mod resampler_filter;

pub use pcm_ring::{Overflow, PcmRing, PcmRingError, Read};
pub use pcm_stream::{Chunk, Format, PcmStats, PcmStream};
pub use resampler::{Latency, MAX_RATIO, Quality, Resampler, ResamplerError, ResamplerSettings, Sample, time_libsoxr};
