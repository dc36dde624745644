//! `NativeAudioTrack`: paced PCM out, played by JavaScript or by the pump that feeds the engine.

mod calls;
mod sink_calls;
mod tap;
mod threads;
mod track;

use crate::bigint::handle;
use crate::error::{Code, Result, error, from_napi, refused};
use crate::handles::{Handle, Release};
use crate::js_thread::new_waiter;
use crate::livekit::engine;
use napi::Env;
use napi::bindgen_prelude::{BigInt, ObjectFinalize};
use napi_derive::napi;
use narrowcast_audio::{Format, PacedSink, PcmTrack, SinkSettings, TrackStats, TrackWriter};
use narrowcast_livekit::{Lead, Pcm, Source};
use sink_calls::{NativeSinkRoom, NativeSinkSettings};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tap::NativeTrackTap;
use threads::{alarms, pump};
use track::{Sink, TRACKS, Track, stopped};

/// What a track counted; see `AudioStreamTrack.stats()`.
#[napi(object)]
pub struct NativeTrackStats {
    /// Samples of all channels that wait.
    pub buffered_samples: f64,
    /// Frames played.
    pub frames_out: f64,
    /// Of these, silence: nothing was there to play.
    pub silence_frames: f64,
    /// Samples of all channels that were lost to overflow.
    pub samples_dropped: f64,
    /// Samples of all channels that the engine refused.
    pub samples_refused: f64,
    /// Samples of all channels that were NaN.
    pub samples_invalid: f64,
    /// Gaps because the native thread came late, and how long they were all together.
    pub late_gaps: f64,
    pub late_ms: f64,
}

impl From<TrackStats> for NativeTrackStats {
    fn from(stats: TrackStats) -> Self {
        Self {
            buffered_samples: stats.buffered as f64,
            frames_out: stats.frames_out as f64,
            silence_frames: stats.silence_frames as f64,
            samples_dropped: stats.samples_dropped as f64,
            samples_refused: stats.samples_refused as f64,
            samples_invalid: stats.samples_invalid as f64,
            late_gaps: stats.late_gaps as f64,
            late_ms: stats.late.as_secs_f64() * 1000.0,
        }
    }
}

/// Behind `AudioStreamTrack`.
#[napi(custom_finalize)]
pub struct NativeAudioTrack {
    token: u32,
    state: RefCell<State>,
    /// What the garbage collector was told of the ring's memory, in bytes.
    accounted: Cell<i64>,
}

enum State {
    Live(Handle<Track>),
    /// Its memory is gone; what it had counted is left.
    Stopped {
        stats: TrackStats,
        /// Samples of all channels that were heard.
        heard: u64,
    },
}

#[napi]
impl NativeAudioTrack {
    /// A track with a ring of `capacity` samples of all channels, played in frames of `frame_ms`; `doorbell` rings while it
    /// is waited for.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, sample_rate: u32, channels: u32, frame_ms: u32, capacity: f64, doorbell: u32) -> Result<Self> {
        let samples_per_channel = u64::from(sample_rate) * u64::from(frame_ms) / 1000;
        let frame_samples = samples_per_channel as usize * channels as usize;
        if frame_samples == 0 || capacity < 1.0 {
            return Err(error(
                Code::InvalidArgument,
                "a track has a rate, channels, samples in a frame and a capacity",
            ));
        }
        let waiter = new_waiter(doorbell)?;
        let token = waiter.token();
        let format = Format { sample_rate, channels, frame_samples };
        let pcm = Arc::new(PcmTrack::new(format, capacity as usize, waiter));
        // Otherwise a forgotten track looks like a few bytes to the collector, and stays.
        let accounted = (capacity as i64).saturating_mul(2);
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let track = Track {
            writer: TrackWriter::new(pcm.clone()).share(),
            pcm,
            clock: RefCell::new(None),
            // What the samples take, which may be a part of one less than `frame_ms`.
            frame: Duration::from_nanos(samples_per_channel * 1_000_000_000 / u64::from(sample_rate)),
            playback: RefCell::new(None),
            sink: RefCell::new(None),
        };
        let state = RefCell::new(State::Live(Handle::listed(&TRACKS, token, track)));
        Ok(Self { token, state, accounted: Cell::new(accounted) })
    }

    /// What the doorbell calls this track.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// Samples of all channels that wait to be played.
    #[napi(getter, catch_unwind)]
    pub fn buffered(&self) -> f64 {
        self.live().map_or(0.0, |track| track.pcm.buffered() as f64)
    }

    /// Samples of all channels that were heard so far.
    #[napi(getter, catch_unwind)]
    pub fn heard(&self) -> f64 {
        match &*self.state.borrow() {
            State::Live(track) => track.object().pcm.heard(None) as f64,
            State::Stopped { heard, .. } => *heard as f64,
        }
    }

    /// Whether it is paused.
    #[napi(getter, catch_unwind)]
    pub fn paused(&self) -> bool {
        self.live().is_some_and(|track| track.pcm.is_paused())
    }

    /// What the track counted so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeTrackStats {
        match &*self.state.borrow() {
            State::Live(track) => track.pcm.stats().into(),
            State::Stopped { stats, .. } => (*stats).into(),
        }
    }

    /// Plays the track into an audio source of the engine's, of its rate and channels, from a native thread; `usual` chunks
    /// of 10 ms are kept in the source's own queue, and `busy` if the machine is. `silence`: it is played while there is
    /// nothing to say.
    #[napi(catch_unwind)]
    pub fn pipe(&self, source: BigInt, usual: u32, busy: u32, silence: bool) -> Result<()> {
        let track = self.live().ok_or_else(stopped)?;
        let Format { sample_rate, channels, .. } = track.pcm.format();
        if sample_rate < 100 || !silence && usual == 0 {
            return Err(error(Code::InvalidArgument, "a track of so few samples, or without silence and a queue"));
        }
        let (engine, handle) = (engine()?, handle(&source)?);
        let pcm = Pcm::Track { track: track.pcm.clone(), lead: Lead { usual, busy }, silence };
        let playback = pump(engine)?.add(Source { handle, sample_rate, channels, pcm }).ok_or_else(|| {
            error(
                Code::Locked,
                "another track is piped to this source: stop or abort that first, or use a source of its own",
            )
        })?;
        track.playback.replace(Some(playback));
        Ok(())
    }

    /// Has JavaScript play the track to a sink: the doorbell rings when it is to be sent something.
    #[napi(catch_unwind)]
    pub fn pipe_to_sink(&self, settings: NativeSinkSettings) -> Result<NativeSinkRoom> {
        let track = self.live().ok_or_else(stopped)?;
        let NativeSinkSettings { sample_rate, coding, base64, frame_ms, lead, clears, confirms } = settings;
        if frame_ms == 0 || lead == 0 {
            return Err(error(Code::InvalidArgument, "a sink takes frames, and at least one at once"));
        }
        let settings = SinkSettings { sample_rate, coding: coding.into(), base64, frame_ms, lead, confirms };
        let paced = PacedSink::new(track.pcm.clone(), settings, Instant::now()).map_err(refused)?;
        let room = NativeSinkRoom { frame_bytes: paced.frame_bytes() as u32, frames: paced.most_frames() as u32 };
        let alarm = alarms()?.alarm(track.pcm.clone());
        track.sink.replace(Some(Sink { paced, alarm, clears, not_before: None, encoded: Vec::new() }));
        Ok(room)
    }

    /// Ends that: when this returns, the native thread takes no more samples. What a sink has counts as heard, unless it is
    /// `lost`.
    #[napi(catch_unwind)]
    pub fn unpipe(&self, lost: bool) -> Result<()> {
        let track = self.live().ok_or_else(stopped)?;
        drop(track.playback.take());
        if track.sink.take().is_some() {
            if lost { track.pcm.cut() } else { track.pcm.hear_all() }
        }
        // JavaScript's next frame is due at once.
        track.clock.take();
        Ok(())
    }

    /// What the engine said at the first chunk that it refused in an answer, while the track is piped.
    #[napi(getter, catch_unwind)]
    pub fn refusal(&self) -> Option<String> {
        self.live()?.playback.borrow().as_ref()?.words().map(String::from)
    }

    /// Gets what is heard from now on: for a recorder. `capacity`: samples of all channels that may wait to be read.
    #[napi(catch_unwind)]
    pub fn tap(&self, capacity: f64) -> Result<NativeTrackTap> {
        let track = self.live().ok_or_else(stopped)?;
        let locked = || error(Code::Locked, "the track is recorded already: close that recorder first");
        let tap = track.pcm.tap(capacity as usize).ok_or_else(locked)?;
        Ok(NativeTrackTap::new(tap, track.pcm.clone()))
    }

    /// Ends the track: no more is played, and what waits is gone, with its memory.
    #[napi(catch_unwind)]
    pub fn stop(&self, env: Env) -> Result<()> {
        let Some(track) = self.live() else { return Ok(()) };
        track.release();
        self.state.replace(State::Stopped { stats: track.pcm.stats(), heard: track.pcm.heard(None) });
        env.adjust_external_memory(-self.accounted.take()).map_err(from_napi)?;
        Ok(())
    }

    fn live(&self) -> Option<Rc<Track>> {
        match &*self.state.borrow() {
            State::Live(track) => Some(track.object()),
            State::Stopped { .. } => None,
        }
    }
}

impl ObjectFinalize for NativeAudioTrack {
    fn finalize(self, env: Env) -> napi::Result<()> {
        let accounted = self.accounted.take();
        drop(self);
        env.adjust_external_memory(-accounted)?;
        Ok(())
    }
}
