//! PCM between threads: fixed memory, counted overflow.

mod pcm_ring;
mod pcm_stream;

pub use pcm_ring::{Overflow, PcmRing, PcmRingError, Read};
pub use pcm_stream::{Chunk, Format, PcmStats, PcmStream};
