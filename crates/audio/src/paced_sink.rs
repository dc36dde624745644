//! A track's way to a far end that plays by a clock of its own, like a phone behind a WebSocket: frames go there ahead of their
//! time, some at once, so that it has something to play while the thread that sends them is busy.
//!
//! ```text
//!             lead             lead
//!  now ├────────────────┼────────────────┤
//!      what the far end has │  what a read adds when no more than a lead is there
//! ```
//!
//! What the far end has is reckoned: a frame that is sent into an empty far end is heard at once, and each other one behind the
//! one before. So nothing drifts, and a thread that sends too late is behind by that much once, not for good. The arithmetic has
//! no thread: [`PacedSink::next`] says when to read.

use crate::convert::{Converter, Kind, Pace};
use crate::g711::{Coding, base64};
use crate::pcm_track::{PcmTrack, REST_TIMEOUT};
use crate::resampler_settings::ResamplerError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Silence that is over and still counts towards the track's timeout.
const SILENCE_KEPT: Duration = Duration::from_secs(1);

/// What a sink takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// Hz.
    pub sample_rate: u32,
    /// How samples are written.
    pub coding: Coding,
    /// Whether the bytes are wrapped in Base64.
    pub base64: bool,
    /// Length of a frame: whole samples at the track's rate and at this one.
    pub frame_ms: u32,
    /// What the far end has at least while there is something to play, and what is sent at once: whole frames.
    pub lead: u32,
    /// Whether it tells what it has played, by [`PacedSink::confirm`]. Otherwise that is reckoned.
    pub confirms: bool,
}

/// Plays a track to a far end. One thread writes to the track and reads here.
pub struct PacedSink {
    track: Arc<PcmTrack>,
    settings: SinkSettings,
    frame: Duration,
    lead: Duration,
    kinds: (Kind, Kind),
    converter: Converter,
    /// A frame of the track's.
    chunk: Vec<i16>,
    /// Converted samples that wait for the rest of their frame, and how many make one.
    converted: Vec<i16>,
    frame_samples: usize,
    bytes: Vec<u8>,
    /// When the last of what was sent will have been played.
    dry_at: Instant,
    /// Up to when silence was counted where there was nothing to play.
    silent_to: Instant,
    /// Where the track's writer was when it was waited for in vain.
    gave_up_at: Option<u64>,
}

impl PacedSink {
    /// Plays `track`, which is not played otherwise.
    ///
    /// # Errors
    /// As [`Resampler::new`](crate::Resampler::new), where the rates differ.
    ///
    /// # Panics
    /// If a frame has no samples, or a lead no frame.
    pub fn new(track: Arc<PcmTrack>, settings: SinkSettings, now: Instant) -> Result<Self, ResamplerError> {
        let format = track.format();
        let samples =
            |rate: u32| (u64::from(rate) * u64::from(settings.frame_ms) / 1000) as usize * format.channels as usize;
        let (chunk, frame_samples) = (samples(format.sample_rate), samples(settings.sample_rate));
        assert!(chunk > 0 && frame_samples > 0 && settings.lead > 0, "{settings:?} make no frames of {format:?}");
        let kind = |sample_rate| Kind { sample_rate, channels: format.channels };
        let kinds = (kind(format.sample_rate), kind(settings.sample_rate));
        let frame = Duration::from_millis(settings.frame_ms.into());
        Ok(Self {
            track,
            settings,
            frame,
            lead: frame * settings.lead,
            kinds,
            converter: Converter::new(kinds.0, kinds.1, Pace::Even)?,
            chunk: vec![0; chunk],
            converted: Vec::new(),
            frame_samples,
            bytes: Vec::new(),
            dry_at: now,
            silent_to: now,
            gave_up_at: None,
        })
    }

    /// Bytes of a frame.
    pub fn frame_bytes(&self) -> usize {
        let bytes = self.frame_samples * self.settings.coding.bytes();
        if self.settings.base64 { bytes.div_ceil(3) * 4 } else { bytes }
    }

    /// Most frames that one [`read`](Self::read) writes.
    pub fn most_frames(&self) -> usize {
        // The resampler's rest is less than a frame of 20 ms, and may begin in the middle of one.
        2 * self.settings.lead as usize + 1 + (40 / self.settings.frame_ms as usize + 2)
    }

    /// Writes the frames that are to be sent now behind what is in `out`, and returns how many. It stops behind the frame with
    /// which everything before `mark` was taken, see [`PcmTrack::taken_to`].
    ///
    /// # Errors
    /// [`ResamplerError::Engine`].
    pub fn read(&mut self, now: Instant, mark: u64, out: &mut Vec<u8>) -> Result<usize, ResamplerError> {
        self.track.advance(now);
        let kept = now.checked_sub(SILENCE_KEPT).unwrap_or(now);
        self.silent_to = self.silent_to.max(self.dry_at).max(kept);
        let mut frames = 0;
        while self.dry_at.max(now) + self.frame <= now + 2 * self.lead {
            if !self.track.has_frame(self.chunk.len()) {
                if !self.track.is_waiting() || self.silent_to + self.frame > now {
                    break;
                }
                self.silent_to += self.frame;
            }
            let before = self.track.taken_to();
            if self.track.take_unsettled(&mut self.chunk) == 0 {
                continue;
            }
            let from = self.dry_at.max(now);
            let lag = self.lag();
            self.track.schedule(from + lag, from + lag + self.frame);
            if !self.settings.confirms {
                self.track.accepted();
            }
            self.sent(now);
            self.convert()?;
            self.put(out);
            frames += 1;
            if before < mark && self.track.taken_to() >= mark {
                return Ok(frames);
            }
        }
        if self.is_rest_due(now) {
            frames += self.put_rest(now, out)?;
        }
        let waited = self.silent_to.saturating_duration_since(self.dry_at) >= REST_TIMEOUT;
        self.gave_up_at = (waited && !self.track.has_frame(self.chunk.len())).then(|| self.track.written());
        Ok(frames)
    }

    /// When to read next, or to look whether what is waited for was heard. `None`: not before something changes.
    pub fn next(&self) -> Option<Instant> {
        let ahead = |time: Duration| self.dry_at.checked_sub(time).unwrap_or(self.dry_at);
        let play = if self.track.has_frame(self.chunk.len()) {
            Some(ahead(self.lead))
        } else if self.converter.held_back() > 0 {
            Some(ahead(self.frame))
        } else if self.track.is_waiting() && self.gave_up_at != Some(self.track.written()) {
            // A frame more: the last one of the silence is over then.
            Some(self.silent_to.max(self.dry_at) + REST_TIMEOUT + self.frame)
        } else {
            None
        };
        [play, self.track.awaited_at()].into_iter().flatten().min()
    }

    /// The far end has played everything before `position`.
    pub fn confirm(&mut self, position: u64, now: Instant) {
        self.track.confirm(position, now);
    }

    /// The far end has thrown away what it had.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn emptied(&mut self, now: Instant) -> Result<(), ResamplerError> {
        self.dry_at = now;
        self.start_anew()
    }

    /// Nothing of what was before is in what is played next.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn start_anew(&mut self) -> Result<(), ResamplerError> {
        let (from, to) = self.kinds;
        self.converted.clear();
        self.converter = Converter::new(from, to, Pace::Even)?;
        Ok(())
    }

    fn sent(&mut self, now: Instant) {
        self.dry_at = self.dry_at.max(now) + self.frame;
        self.silent_to = self.dry_at;
    }

    /// How much later than its frame a sample is heard.
    fn lag(&self) -> Duration {
        let lag = self.converter.lag() / self.kinds.1.channels as usize;
        Duration::from_nanos(lag as u64 * 1_000_000_000 / u64::from(self.settings.sample_rate))
    }

    /// A frame of the track's becomes one: while the resampler fills, silence is put before it.
    fn convert(&mut self) -> Result<(), ResamplerError> {
        let converted = &mut self.converted;
        self.converter.convert(&self.chunk, |pcm| converted.extend(pcm))?;
        let missing = self.frame_samples.saturating_sub(converted.len());
        converted.splice(..0, std::iter::repeat_n(0, missing));
        Ok(())
    }

    /// Whether what waits in the resampler is the end of an utterance, or the far end would run dry before it came.
    fn is_rest_due(&self, now: Instant) -> bool {
        self.converter.held_back() > 0
            && !self.track.has_frame(self.chunk.len())
            && (!self.track.is_waiting() || self.dry_at <= now + self.frame)
    }

    fn put_rest(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<usize, ResamplerError> {
        let converted = &mut self.converted;
        self.converter.finish(|pcm| converted.extend(pcm))?;
        let frames = converted.len().div_ceil(self.frame_samples);
        converted.resize(frames * self.frame_samples, 0);
        for _ in 0..frames {
            self.sent(now);
            self.put(out);
        }
        Ok(frames)
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        let samples = &self.converted[..self.frame_samples];
        if self.settings.base64 {
            self.bytes.clear();
            self.settings.coding.encode(samples, &mut self.bytes);
            base64(&self.bytes, out);
        } else {
            self.settings.coding.encode(samples, out);
        }
        self.converted.drain(..self.frame_samples);
    }
}
