//! From what the engine delivers to what a stream holds: the same samples, or the same sound at another rate.

use narrowcast_audio::{PcmStream, Resampler, ResamplerError, ResamplerSettings};
use narrowcast_core::sync::Arc;
use std::sync::{Mutex, PoisonError, TryLockError};

/// How much of a frame is converted at a time, in parts of a second: as long as the engine's own frames.
const PORTIONS_PER_SECOND: u32 = 100;

/// A stream of ours, and what the engine is to deliver for it.
pub struct Feed {
    stream: Arc<PcmStream>,
    /// Rate of the engine's frames, in Hz.
    sample_rate: u32,
    conversion: Option<Box<Mutex<Conversion>>>,
}

/// From the engine's rate to the stream's. Its memory is all there from the start, so that the engine's callback allocates
/// none.
struct Conversion {
    resampler: Resampler<i16>,
    /// Samples of all channels that are converted at a time.
    portion: usize,
    /// Room for what a portion, or the end, becomes.
    output: Vec<i16>,
}

/// Samples were not written: the stream is being ended by another thread.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending;

impl Feed {
    /// The engine delivers what `settings` say goes in; the stream has the rate that comes out, and as many channels.
    ///
    /// # Errors
    /// As [`Resampler::new`].
    ///
    /// # Panics
    /// If the stream has another rate, or other channels.
    pub fn converted(stream: Arc<PcmStream>, settings: ResamplerSettings) -> Result<Self, ResamplerError> {
        let format = stream.format();
        assert!(
            format.sample_rate == settings.output_rate && format.channels as usize == settings.channels,
            "{settings:?} make nothing that fits {format:?}"
        );
        let resampler = Resampler::new(settings)?;
        let portion = (settings.input_rate / PORTIONS_PER_SECOND).max(1) as usize * settings.channels;
        // A flush returns no more than can be held back, which is part of this.
        let output = vec![0; resampler.max_output(portion)];
        let conversion = Conversion { resampler, portion, output };
        Ok(Self { stream, sample_rate: settings.input_rate, conversion: Some(Box::new(Mutex::new(conversion))) })
    }

    /// Whether frames of this format are what was asked for.
    pub fn takes(&self, sample_rate: u32, channels: u32) -> bool {
        (sample_rate, channels) == (self.sample_rate, self.stream.format().channels)
    }

    /// Whether the stream takes no more.
    pub fn has_ended(&self) -> bool {
        self.stream.has_ended()
    }

    /// Callback: writes a frame's samples. One thread at a time writes or ends a stream, but for
    /// [`end_from_outside`](Self::end_from_outside); so this never waits.
    pub fn write(&self, pcm: &[i16]) -> Result<(), Ending> {
        let Some(conversion) = &self.conversion else {
            self.stream.write(pcm);
            return Ok(());
        };
        let mut conversion = match conversion.try_lock() {
            Ok(conversion) => conversion,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Ending),
        };
        // Looked at again: it may have been ended while this thread came here.
        if self.stream.has_ended() {
            return Err(Ending);
        }
        conversion.write(pcm, &self.stream);
        Ok(())
    }

    /// Callback: no more will come. What is left in the filter is the end of the stream.
    pub fn end(&self) {
        match self.conversion.as_ref().map(|conversion| conversion.try_lock()) {
            None => self.stream.end(),
            Some(Ok(mut conversion)) => conversion.end(&self.stream),
            Some(Err(TryLockError::Poisoned(poisoned))) => poisoned.into_inner().end(&self.stream),
            // Whoever holds it ends the stream.
            Some(Err(TryLockError::WouldBlock)) => {}
        }
    }

    /// JavaScript: the same, at any time. It may wait for a frame to be written; the callback does not wait for it.
    pub fn end_from_outside(&self) {
        match &self.conversion {
            None => self.stream.end(),
            Some(conversion) => conversion.lock().unwrap_or_else(PoisonError::into_inner).end(&self.stream),
        }
    }
}

/// The engine delivers what the stream holds.
impl From<Arc<PcmStream>> for Feed {
    fn from(stream: Arc<PcmStream>) -> Self {
        Self { sample_rate: stream.format().sample_rate, stream, conversion: None }
    }
}

impl Conversion {
    fn write(&mut self, pcm: &[i16], stream: &PcmStream) {
        let channels = self.resampler.settings().channels;
        let whole = pcm.len() - pcm.len() % channels;
        for portion in pcm[..whole].chunks(self.portion) {
            // The output has room for any portion, and a portion is whole frames; libsoxr then finds nothing to refuse.
            let Ok(written) = self.resampler.push(portion, &mut self.output) else { return };
            stream.write(&self.output[..written]);
        }
    }

    fn end(&mut self, stream: &PcmStream) {
        if !stream.has_ended()
            && let Ok(written) = self.resampler.flush(&mut self.output)
        {
            stream.write(&self.output[..written]);
        }
        stream.end();
    }
}
