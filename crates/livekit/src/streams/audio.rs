//! Audio frames: copied into the ring of their stream, at the ring's rate, and their handles released.

use super::{Sink, Taken};
use crate::abi::Abi;
use crate::wire::AudioFrameInfo;
use narrowcast_audio::{PcmStream, Resampler, ResamplerError, ResamplerSettings};
use narrowcast_core::sync::Arc;
use std::sync::{Mutex, PoisonError, TryLockError};

/// Samples in a frame beyond which its description cannot be right: 10 s of 8 channels at 48 kHz.
const MAX_FRAME_SAMPLES: u64 = 8 * 48_000 * 10;

/// No samples are below this: null, and what is a count and no address.
const LOWEST_ADDRESS: u64 = 4096;

/// How much of a frame is converted at a time, in parts of a second: as long as the engine's own frames.
const PORTIONS_PER_SECOND: u32 = 100;

/// A stream's ring, and what the engine is to deliver for it: the same samples, or the same sound at another rate.
pub struct AudioSink {
    stream: Arc<PcmStream>,
    /// Rate of the engine's frames, in Hz.
    sample_rate: u32,
    conversion: Option<Box<Mutex<Conversion>>>,
}

/// From the engine's rate to the stream's. Its memory is all there from the start: the engine's callback allocates none for
/// a frame.
struct Conversion {
    resampler: Resampler<i16>,
    /// Samples of all channels that are converted at a time.
    portion: usize,
    /// Room for what a portion, or the end, becomes.
    output: Vec<i16>,
}

impl AudioSink {
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

    /// Whether a frame's description is one of samples that can be read, and that were asked for.
    fn fits(&self, frame: &AudioFrameInfo) -> bool {
        let samples = u64::from(frame.num_channels) * u64::from(frame.samples_per_channel);
        frame.handle != 0
            && frame.data_ptr >= LOWEST_ADDRESS
            && (frame.data_ptr as *const i16).is_aligned()
            && (1..=MAX_FRAME_SAMPLES).contains(&samples)
            && (frame.sample_rate, frame.num_channels) == (self.sample_rate, self.stream.format().channels)
    }

    fn copy(&self, frame: &AudioFrameInfo) -> Taken {
        if !self.fits(frame) {
            return Taken::Malformed;
        }
        let samples = frame.num_channels as usize * frame.samples_per_channel as usize;
        // SAFETY: the engine keeps `samples` 16-bit samples at `data_ptr` until the frame's handle is dropped, which
        // happens after this. Null, misaligned and absurdly long descriptions were refused above, and those without a
        // handle, which nothing keeps alive.
        self.write(unsafe { std::slice::from_raw_parts(frame.data_ptr as *const i16, samples) })
    }

    /// Engine thread: writes a frame's samples.
    pub fn write(&self, pcm: &[i16]) -> Taken {
        let Some(conversion) = &self.conversion else {
            self.stream.write(pcm);
            return Taken::Delivered;
        };
        let mut conversion = match conversion.try_lock() {
            Ok(conversion) => conversion,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // JavaScript ends the stream.
            Err(TryLockError::WouldBlock) => return Taken::Ended,
        };
        // Looked at again: it may have been ended while this thread came here.
        if self.stream.has_ended() {
            return Taken::Ended;
        }
        conversion.write(pcm, &self.stream);
        Taken::Delivered
    }
}

impl Sink for AudioSink {
    type Frame<'a> = AudioFrameInfo;

    const BROADCASTS_END: bool = true;

    fn take(&self, frame: &AudioFrameInfo, abi: &dyn Abi) -> Taken {
        let taken = self.copy(frame);
        Self::release(frame, abi);
        taken
    }

    fn release(frame: &AudioFrameInfo, abi: &dyn Abi) {
        // 0 is no handle.
        if frame.handle != 0 {
            abi.drop_handle(frame.handle);
        }
    }

    /// What is left in the filter is the end of the stream.
    fn end(&self) {
        match self.conversion.as_ref().map(|conversion| conversion.try_lock()) {
            None => self.stream.end(),
            Some(Ok(mut conversion)) => conversion.end(&self.stream),
            Some(Err(TryLockError::Poisoned(poisoned))) => poisoned.into_inner().end(&self.stream),
            // JavaScript, which holds it, ends the stream.
            Some(Err(TryLockError::WouldBlock)) => {}
        }
    }

    fn end_from_outside(&self) {
        match &self.conversion {
            None => self.stream.end_from_outside(),
            Some(conversion) => conversion.lock().unwrap_or_else(PoisonError::into_inner).end(&self.stream),
        }
    }

    fn has_ended(&self) -> bool {
        self.stream.has_ended()
    }
}

/// The engine delivers what the stream holds.
impl From<Arc<PcmStream>> for AudioSink {
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
