//! The writing side of a [`PcmStream`] that a program feeds: samples of any rate and channels become the stream's.

use crate::convert::{Converter, Kind, Pace, TrackWriteError, check};
use crate::pcm_stream::PcmStream;
use std::sync::Arc;

/// Writes to a stream, and converts on the way.
///
/// What is converted goes on by as much as came in, a constant time later: once that has passed, equal pieces in make equal
/// pieces out. Samples that are the stream's already are copied once, and at once.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{Format, Kind, PcmStream, StreamWriter};
/// # use narrowcast_core::{Doorbell, Waiter, Wake};
/// # use std::sync::Arc;
/// # struct NoWake;
/// # impl Wake for NoWake { fn wake(&self) {} }
/// # let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(NoWake))), 0);
/// // 8 kHz in, windows of 512 samples at 16 kHz out.
/// let format = Format { sample_rate: 16_000, channels: 1, frame_samples: 512 };
/// let stream = Arc::new(PcmStream::new(format, 16_000, waiter));
/// let mut writer = StreamWriter::new(stream.clone());
/// writer.write(&[0; 8_000], Kind { sample_rate: 8_000, channels: 1 })?;
/// writer.flush()?;
/// assert_eq!(stream.buffered(), 32 * 512); // 16,000 samples, and silence for the rest of the last window
/// # Ok::<(), narrowcast_audio::TrackWriteError>(())
/// ```
pub struct StreamWriter {
    stream: Arc<PcmStream>,
    /// For what was written last, if that was not the stream's kind.
    converter: Option<Converter>,
}

impl StreamWriter {
    /// Writes to `stream`, whose only producer it is.
    pub fn new(stream: Arc<PcmStream>) -> Self {
        Self { stream, converter: None }
    }

    /// Appends interleaved samples. Where they are of another kind than those before, what waits of these goes first.
    ///
    /// # Errors
    /// [`TrackWriteError`]; then nothing was written.
    pub fn write(&mut self, pcm: &[i16], kind: Kind) -> Result<(), TrackWriteError> {
        let format = self.stream.format();
        check(pcm.len(), kind.channels, format.channels)?;
        let own = Kind { sample_rate: format.sample_rate, channels: format.channels };
        if self.converter.as_ref().map_or(own, Converter::input) != kind {
            let converter = if kind == own { None } else { Some(Converter::new(kind, own, Pace::Even)?) };
            self.finish()?;
            self.converter = converter;
        }
        match &mut self.converter {
            None => self.stream.write(pcm),
            Some(converter) => converter.convert(pcm, |pcm| self.stream.write(pcm))?,
        }
        Ok(())
    }

    /// The end of a turn: what waits in the resampler goes on, and silence fills the last frame. What is written next begins in
    /// a frame of its own, and nothing of what was before is in it.
    ///
    /// # Errors
    /// [`TrackWriteError::Rate`] from the resampler.
    pub fn flush(&mut self) -> Result<(), TrackWriteError> {
        self.finish()?;
        self.stream.fill_frame();
        Ok(())
    }

    /// What waits in the resampler goes on; less than a frame stays that.
    ///
    /// # Errors
    /// [`TrackWriteError::Rate`] from the resampler.
    pub fn finish(&mut self) -> Result<(), TrackWriteError> {
        let Some(converter) = &mut self.converter else { return Ok(()) };
        Ok(converter.finish(|pcm| self.stream.write(pcm))?)
    }

    /// An interruption: gives up what waits to be read and what waits in the resampler, and returns how many samples of all
    /// channels that was. What is written next begins in a frame of its own, and nothing of what was before is in it.
    pub fn discard(&mut self) -> usize {
        self.stream.clear() + self.forget()
    }

    /// Gives up what waits in the resampler alone, and returns how many samples of all channels that was.
    pub fn forget(&mut self) -> usize {
        self.converter.take().map_or(0, |converter| converter.held_back())
    }
}
