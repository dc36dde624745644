//! A source of the engine, and what a pump plays into it.

use narrowcast_audio::PcmTrack;
use narrowcast_core::sync::Arc;
use std::time::Duration;

/// What the engine takes at a time from a source that has no queue of its own.
pub(crate) const CHUNK: Duration = Duration::from_millis(10);

/// A source of the engine, and what it plays.
pub struct Source {
    /// The engine's handle of an audio source.
    pub handle: u64,
    /// Samples per second and channel, in Hz: at least 100. The engine takes as many whole samples of each channel as 10 ms
    /// have room for, every 10 ms.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// What is played.
    pub pcm: Pcm,
}

/// What a source plays.
pub enum Pcm {
    /// Load generators: the same, over and over.
    #[cfg(feature = "load")]
    Looped {
        /// Whole chunks of 10 ms.
        pcm: Arc<[i16]>,
        /// Chunks to play, each of them, however late.
        chunks: u64,
        /// The async id of all requests, for another client to hear the answers; none: they are heard here.
        answers_to: Option<u64>,
    },
    /// What is written to a track of the source's rate and channels, until it ends. After a delay of more than 100 ms, the
    /// rest is played later and not all at once.
    Track {
        /// What is played.
        track: Arc<PcmTrack>,
        /// What is kept in the source's own queue while there is something to say; [`Lead::NONE`] for a source without one. The
        /// engine empties a queue by its own clock: what comes a ms late for that is a gap, unless something is in it.
        lead: Lead,
        /// Whether the engine gets silence while there is nothing to say. If not, the source has a queue, the pump does not
        /// look while there is nothing to say, and [`Playback::written`] is to be called for what is written.
        silence: bool,
    },
}

impl Source {
    /// Samples of all channels in a chunk.
    pub(crate) fn chunk_samples(&self) -> usize {
        self.sample_rate as usize / 100 * self.channels as usize
    }

    /// The async id of its requests to play, in place of `own`, which tells which of them an answer is for.
    pub(crate) fn async_id(&self, own: u64) -> u64 {
        self.elsewhere().unwrap_or(own)
    }

    /// Whether the pump hears the engine's answers to what this plays.
    pub(crate) fn is_answered_here(&self) -> bool {
        self.elsewhere().is_none()
    }

    fn elsewhere(&self) -> Option<u64> {
        match self.pcm {
            #[cfg(feature = "load")]
            Pcm::Looped { answers_to, .. } => answers_to,
            Pcm::Track { .. } => None,
        }
    }

    /// # Panics
    /// If this can't be played in whole chunks.
    pub(crate) fn check(&self) {
        let chunk = self.chunk_samples();
        let samples = match &self.pcm {
            #[cfg(feature = "load")]
            Pcm::Looped { pcm, .. } => pcm.len(),
            Pcm::Track { .. } => chunk,
        };
        // What is looped has no gap where it begins anew.
        let is_whole = self.sample_rate.is_multiple_of(100) || matches!(self.pcm, Pcm::Track { .. });
        assert!(
            is_whole && chunk > 0 && samples > 0 && samples.is_multiple_of(chunk),
            "a source plays whole chunks of 10 ms: {samples} samples are none at {} Hz and {} channels",
            self.sample_rate,
            self.channels
        );
        if let Pcm::Track { track, lead, silence } = &self.pcm {
            assert!(*silence || lead.usual > 0, "a source without a queue has no silence of its own");
            let format = track.format();
            assert!(
                (format.sample_rate, format.channels) == (self.sample_rate, self.channels),
                "a source of {} Hz and {} channels can't play a track of {format:?}",
                self.sample_rate,
                self.channels
            );
        }
    }
}

/// What is kept in the queue of a source while something is said, in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// While the pump looks in time.
    pub usual: u32,
    /// While the machine is busy, and the pump looks late.
    pub busy: u32,
}

impl Lead {
    /// A source without a queue.
    pub const NONE: Self = Self::always(0);

    /// The same, busy or not.
    pub const fn always(chunks: u32) -> Self {
        Self { usual: chunks, busy: chunks }
    }
}

/// The next moment at which all sources of a pump play.
pub(crate) fn next_tick(now: Duration) -> Duration {
    let ticks = now.as_nanos().div_ceil(CHUNK.as_nanos());
    CHUNK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}
