//! PCM between threads: fixed memory, counted overflow. And from one sample rate to another.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod alarm;
mod cells;
mod convert;
mod ear;
mod g711;
mod heard;
mod meter;
mod mix;
mod noise_odds;
mod onset;
mod paced_sink;
mod pcm_ring;
mod pcm_stream;
mod pcm_track;
mod playout_clock;
mod resampler;
#[cfg_attr(not(feature = "resampling"), path = "no_resampler_engine.rs")]
mod resampler_engine;
mod resampler_filter;
mod resampler_settings;
mod rounding;
mod speech;
mod speech_input;
mod stream_writer;
mod tap;
mod track_writer;

pub use alarm::{Alarm, AlarmClock};
pub use convert::{Converter, Kind, Pace, TrackWriteError};
pub use ear::{Deliver, Ear, EarSettings};
pub use g711::{Coding, base64};
pub use heard::Interruption;
pub use meter::Level;
pub use mix::{add_to_mix, take_mix};
pub use paced_sink::{PacedSink, SinkSettings};
pub use pcm_ring::{Overflow, PcmRing, PcmRingError, Read};
pub use pcm_stream::{Chunk, Format, PcmStats, PcmStream};
pub use pcm_track::{PcmTrack, REST_TIMEOUT, TrackStats};
pub use playout_clock::PlayoutClock;
#[cfg(feature = "load")]
pub use resampler::time_libsoxr;
pub use resampler::{Resampler, Sample};
pub use resampler_settings::{Latency, MAX_RATIO, Quality, ResamplerError, ResamplerSettings};
pub use speech::{SPEECH_RATE, SPEECH_STEP, SpeechChange, SpeechDetector, SpeechError, SpeechSettings, SpeechStep};
pub use stream_writer::StreamWriter;
pub use tap::{Tap, Tapped};
pub use track_writer::{TrackSample, TrackWriter};
