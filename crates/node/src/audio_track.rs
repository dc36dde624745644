//! `NativeAudioTrack`: paced PCM out, played by JavaScript or by the pump that feeds the engine.

use crate::bigint::handle;
use crate::capture_pump::{NativeCaptureStats, no_thread};
use crate::error::{Code, Result, error, from_napi, refused};
use crate::g711::NativeCoding;
use crate::handles::{Handle, HandleTable, Release};
use crate::js_thread::new_waiter;
use crate::livekit::engine;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Float32ArraySlice, Int16ArraySlice, ObjectFinalize, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_audio::{
    Alarm, AlarmClock, Format, Interruption, PacedSink, PcmTrack, PlayoutClock, SinkSettings, Tap, TrackSample,
    TrackStats, TrackWriter,
};
use narrowcast_core::sync::lock;
use narrowcast_livekit::{CapturePump, Engine, Lead, Pcm, Playback, Source};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How far behind its time table a frame may be handed out at once, as in crates/livekit/src/player.rs.
const MOST_BEHIND: Duration = Duration::from_millis(100);

/// What a track counted; see `AudioStreamTrack.stats()`.
#[napi(object)]
pub struct NativeTrackStats {
    /// Samples of all channels that wait.
    pub buffered_samples: f64,
    /// Frames played.
    pub frames_out: f64,
    /// Of these, silence that nobody wrote.
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

thread_local! {
    static TRACKS: HandleTable<Track> = HandleTable::new();
}

/// A track as its thread uses it.
struct Track {
    pcm: Arc<PcmTrack>,
    /// The thread that plays the track ends an utterance that its writer forgot to end.
    writer: Arc<Mutex<TrackWriter>>,
    /// When the next frame is due that JavaScript asks for; none before the first.
    clock: RefCell<Option<PlayoutClock>>,
    frame: Duration,
    /// While the pump plays it.
    playback: RefCell<Option<Playback>>,
    /// While JavaScript plays it to a sink.
    sink: RefCell<Option<Sink>>,
}

/// A sink of JavaScript's, and what rings when it is to be read for.
struct Sink {
    paced: PacedSink,
    alarm: Alarm,
    /// Whether what it has not played yet is thrown away at an interruption.
    clears: bool,
    /// While it takes nothing: when it is asked again, whatever is due before that.
    not_before: Option<Instant>,
    encoded: Vec<u8>,
}

impl Sink {
    fn set_alarm(&mut self) {
        let next = self.paced.next();
        self.alarm.set(next.map(|at| self.not_before.map_or(at, |least| at.max(least))));
    }
}

impl Release for Track {
    fn release(&self) {
        drop(self.playback.take());
        drop(self.sink.take());
        let _writer = lock(&self.writer);
        self.pcm.end();
    }
}

impl Track {
    fn write<S: TrackSample>(&self, pcm: &[S], sample_rate: u32, channels: u32, last: bool) -> Result<()> {
        let written = lock(&self.writer).write(pcm, sample_rate, channels, last);
        if let Some(playback) = &*self.playback.borrow() {
            playback.written();
        }
        self.sink_changed();
        written.map_err(refused)
    }

    /// Something was written, paused or taken back: the sink may be due at another time.
    fn sink_changed(&self) {
        if let Some(sink) = &mut *self.sink.borrow_mut() {
            sink.set_alarm();
        }
    }

    /// Takes back what was not heard yet, and what the sink has, if it gives that up.
    fn interrupt(&self) -> Result<Interruption> {
        let interrupt = || lock(&self.writer).interrupt();
        let Some(sink) = &mut *self.sink.borrow_mut() else {
            return Ok(match &*self.playback.borrow() {
                Some(playback) => playback.flush(interrupt),
                None => interrupt(),
            });
        };
        if !sink.clears {
            self.pcm.hear_all();
        }
        let interruption = interrupt();
        let emptied = if sink.clears { sink.paced.emptied(Instant::now()) } else { sink.paced.start_anew() };
        emptied.map_err(refused)?;
        sink.not_before = None;
        sink.set_alarm();
        Ok(interruption)
    }

    /// Samples of all channels that wait to be heard.
    fn queued(&self) -> u64 {
        self.pcm.unheard() + lock(&self.writer).held_back() as u64
    }

    /// Takes the frame that is due at `now`, or returns how long it is until then, in ms.
    fn recv(&self, frame: &mut [i16], now: Duration) -> f64 {
        let mut clock = self.clock.borrow_mut();
        let most_behind = MOST_BEHIND.as_millis() / self.frame.as_millis().max(1);
        let clock = clock.get_or_insert_with(|| PlayoutClock::new(self.frame, most_behind.max(1) as u32, now));
        if !clock.is_due(now) {
            return (clock.due() - now).as_secs_f64() * 1000.0;
        }
        clock.advance(now);
        self.pcm.take(frame);
        0.0
    }
}

fn track(token: u32) -> Result<Rc<Track>> {
    TRACKS.with(|tracks| tracks.get(token)).ok_or_else(stopped)
}

fn stopped() -> napi::Error<Code> {
    error(Code::Closed, "the track was stopped: make a new one")
}

/// Appends samples of any rate, converted to the track's. `last`: they are the end of an utterance.
#[napi(catch_unwind)]
pub fn track_write(token: u32, pcm: Int16ArraySlice, sample_rate: u32, channels: u32, last: bool) -> Result<()> {
    track(token)?.write(&pcm, sample_rate, channels, last)
}

/// Appends samples of the track's rate and channels, and returns how many wait to be heard, as `queued` does.
#[napi(catch_unwind)]
pub fn track_capture(token: u32, pcm: Int16ArraySlice) -> Result<f64> {
    let track = track(token)?;
    let Format { sample_rate, channels, .. } = track.pcm.format();
    track.write(&pcm[..], sample_rate, channels, false)?;
    Ok(track.queued() as f64)
}

/// As `trackWrite`, for floating point with full scale at ±1.
#[napi(catch_unwind)]
pub fn track_write_float(
    token: u32,
    pcm: Float32ArraySlice,
    sample_rate: u32,
    channels: u32,
    last: bool,
) -> Result<()> {
    track(token)?.write(&pcm, sample_rate, channels, last)
}

/// Fills `frame`, as long as the track's frames are, if the next one is due at `now`, in ms on any clock that never goes
/// back; then returns 0. If not, returns how long it is until then, in ms.
#[napi(catch_unwind)]
pub fn track_recv(token: u32, mut frame: Int16ArraySlice, now: f64) -> Result<f64> {
    let track = track(token)?;
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let frame = unsafe { frame.as_mut() };
    if frame.len() != track.pcm.format().frame_samples {
        return Err(error(Code::InvalidArgument, "the array is not as long as a frame"));
    }
    // `as` saturates, and makes 0 of what is no number.
    Ok(track.recv(frame, Duration::from_nanos((now * 1e6) as u64)))
}

/// How long it is until the next frame is due, in ms: 0 if it is.
#[napi(catch_unwind)]
pub fn track_due_in(token: u32, now: f64) -> Result<f64> {
    let due = track(token)?.clock.borrow().as_ref().map_or(Duration::ZERO, PlayoutClock::due);
    Ok(due.saturating_sub(Duration::from_nanos((now * 1e6) as u64)).as_secs_f64() * 1000.0)
}

/// From now on the doorbell rings once what comes before `position` was played, and when the track has ended or its source
/// was refused; but not if it was played already: then returns false.
#[napi(catch_unwind)]
pub fn track_wait_for(token: u32, position: f64) -> bool {
    track(token).is_ok_and(|track| track.pcm.wait_for(position as u64))
}

/// Samples of all channels that wait to be heard: in the ring, in the resampler, and in the queue of the source that the
/// track is piped to. As a function, as what follows: a method costs several times as much.
#[napi(catch_unwind)]
pub fn track_queued(token: u32) -> f64 {
    track(token).map_or(0.0, |track| track.queued() as f64)
}

/// Where what was written so far ends, with what waits in the resampler.
#[napi(catch_unwind)]
pub fn track_written(token: u32) -> f64 {
    track(token).map_or(0.0, |track| lock(&track.writer).written() as f64)
}

/// Whether everything before `position` was heard, dropped or taken back.
#[napi(catch_unwind)]
pub fn track_has_played(token: u32, position: f64) -> bool {
    track(token).map_or(true, |track| track.pcm.has_played(position as u64))
}

/// How long the gaps are all together that the native thread has made by coming late, in ms.
#[napi(catch_unwind)]
pub fn track_late(token: u32) -> f64 {
    track(token).map_or(0.0, |track| track.pcm.late().as_secs_f64() * 1000.0)
}

/// Whether the engine has refused what was played, and so no more is.
#[napi(catch_unwind)]
pub fn track_was_refused(token: u32) -> bool {
    track(token).is_ok_and(|track| track.playback.borrow().as_ref().is_some_and(Playback::was_refused))
}

/// What an interruption cut off, in samples of all channels.
#[napi(object)]
pub struct NativeInterruption {
    /// Heard of the utterance that was interrupted.
    pub heard: f64,
    /// Written, and never heard.
    pub discarded: f64,
}

/// Takes back what was not heard yet, also from the queue of the source that the track is piped to.
#[napi(catch_unwind)]
pub fn track_interrupt(token: u32) -> Result<NativeInterruption> {
    let Interruption { heard, discarded } = track(token)?.interrupt()?;
    Ok(NativeInterruption { heard: heard as f64, discarded: discarded as f64 })
}

/// Whether the track is played as silence, and what waits is kept.
#[napi(catch_unwind)]
pub fn track_pause(token: u32, paused: bool) -> Result<()> {
    let track = track(token)?;
    track.pcm.pause(paused);
    track.sink_changed();
    Ok(())
}

/// What a sink takes; see `SinkOptions` in src/paced-sink.ts.
#[napi(object)]
pub struct NativeSinkSettings {
    /// Hz.
    pub sample_rate: u32,
    /// How samples are written.
    pub coding: NativeCoding,
    /// Whether in Base64.
    pub base64: bool,
    /// Length of a frame, in ms.
    pub frame_ms: u32,
    /// Frames that it has at least, and that are sent at once.
    pub lead: u32,
    /// Whether it gives up what it has at an interruption.
    pub clears: bool,
    /// Whether it tells what it has played.
    pub confirms: bool,
}

/// Memory for what one `trackSinkRead` writes.
#[napi(object)]
pub struct NativeSinkRoom {
    /// Bytes of a frame.
    pub frame_bytes: u32,
    /// Most frames.
    pub frames: u32,
}

fn with_sink<T>(token: u32, absent: T, look: impl FnOnce(&Track, &mut Sink) -> T) -> T {
    let Ok(track) = track(token) else { return absent };
    let mut sink = track.sink.borrow_mut();
    match &mut *sink {
        Some(sink) => look(&track, sink),
        None => absent,
    }
}

/// Writes the frames that the sink is to be sent now to `target`, and returns how many. It stops behind the frame with which
/// everything before `mark` was taken.
#[napi(catch_unwind)]
pub fn track_sink_read(token: u32, mark: f64, mut target: Uint8ArraySlice) -> Result<u32> {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let target = unsafe { target.as_mut() };
    with_sink(token, Ok(0), |_, Sink { paced, encoded, not_before, .. }| {
        *not_before = None;
        if target.len() < paced.frame_bytes() * paced.most_frames() {
            return Err(error(Code::InvalidArgument, "the array has no room for all frames"));
        }
        encoded.clear();
        let frames = paced.read(Instant::now(), mark as u64, encoded).map_err(refused)?;
        target[..encoded.len()].copy_from_slice(encoded);
        Ok(frames as u32)
    })
}

/// Has the doorbell ring when the sink is to be sent more.
#[napi(catch_unwind)]
pub fn track_sink_wait(token: u32) {
    with_sink(token, (), |_, sink| sink.set_alarm());
}

/// The sink takes nothing: until it is read for or interrupted, the doorbell does not ring for it within `pause_ms`.
#[napi(catch_unwind)]
pub fn track_sink_pause(token: u32, pause_ms: u32) {
    with_sink(token, (), |_, sink| {
        sink.not_before = Some(Instant::now() + Duration::from_millis(pause_ms.into()));
    });
}

/// Where what was sent to the sink ends; negative: and nothing follows at once.
#[napi(catch_unwind)]
pub fn track_sink_sent(token: u32) -> f64 {
    with_sink(token, 0.0, |track, _| {
        let sent = track.pcm.taken_to() as f64;
        if track.pcm.is_waiting() { sent } else { -sent }
    })
}

/// The sink has played what was sent before `position`.
#[napi(catch_unwind)]
pub fn track_sink_confirm(token: u32, position: f64) {
    with_sink(token, (), |_, sink| sink.paced.confirm(position as u64, Instant::now()));
}

/// How long less than a frame waits for its rest, in ms.
#[napi(catch_unwind)]
pub fn track_patience(token: u32, ms: u32) -> Result<()> {
    track(token)?.pcm.set_patience(Duration::from_millis(ms.into()));
    Ok(())
}

/// An utterance begins, and the one before ends; returns its number.
#[napi(catch_unwind)]
pub fn track_begin(token: u32) -> Result<f64> {
    let number = lock(&track(token)?.writer).begin_utterance().map_err(refused)?;
    Ok(number as f64)
}

/// No more is asked about an utterance.
#[napi(catch_unwind)]
pub fn track_forget(token: u32, utterance: f64) {
    if let Ok(track) = track(token) {
        track.pcm.forget(utterance as u64);
    }
}

/// Samples of all channels that were heard of an utterance.
#[napi(catch_unwind)]
pub fn track_heard(token: u32, utterance: f64) -> f64 {
    track(token).map_or(0.0, |track| track.pcm.heard(Some(utterance as u64)) as f64)
}

/// The queue of a source was emptied: what plays into it fills it again.
#[napi(catch_unwind)]
pub fn source_emptied(source: BigInt) -> Result<()> {
    let handle = handle(&source)?;
    if let Some(pump) = PUMP.get() {
        pump.source_emptied(handle);
    }
    Ok(())
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
        let source = Source { handle, sample_rate, channels, pcm, answers_to: None };
        let playback = pump(engine)?.add(source).ok_or_else(|| {
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
        self.playback(|playback| playback.words().map(String::from)).flatten()
    }

    /// What became of the requests to play something, while the track is piped.
    #[napi(catch_unwind)]
    pub fn pipe_stats(&self) -> Option<NativeCaptureStats> {
        self.playback(|playback| playback.into())
    }

    /// For benchmarks: how many chunks were handed to the engine how late, in classes of 50 µs.
    #[napi(catch_unwind)]
    pub fn lateness(&self) -> Vec<f64> {
        self.playback(|playback| playback.lateness().counts().map(|n| n as f64).collect()).unwrap_or_default()
    }

    /// Gets what is heard from now on: for a recorder. `capacity`: samples of all channels that may wait to be read.
    #[napi(catch_unwind)]
    pub fn tap(&self, capacity: f64) -> Result<NativeTrackTap> {
        let track = self.live().ok_or_else(stopped)?;
        let locked = || error(Code::Locked, "the track is recorded already: close that recorder first");
        let tap = track.pcm.tap(capacity as usize).ok_or_else(locked)?;
        Ok(NativeTrackTap { tap, track: track.pcm.clone(), position: Cell::new(0) })
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

    fn playback<T>(&self, look: impl FnOnce(&Playback) -> T) -> Option<T> {
        self.live()?.playback.borrow().as_ref().map(look)
    }
}

/// What was heard of a track. Nothing rings for it: its reader looks now and then.
#[napi]
pub struct NativeTrackTap {
    tap: Arc<Tap>,
    track: Arc<PcmTrack>,
    position: Cell<u64>,
}

#[napi]
impl NativeTrackTap {
    /// Reads samples that were heard one right after the other; returns how many samples of all channels, 0 if none is there.
    #[napi(catch_unwind)]
    pub fn read(&self, mut target: Int16ArraySlice) -> u32 {
        // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
        let tapped = self.tap.read(unsafe { target.as_mut() });
        self.position.set(tapped.position);
        tapped.samples as u32
    }

    /// When the first of the samples was heard that were read last: samples of all channels since the tap was opened.
    #[napi(getter, catch_unwind)]
    pub fn position(&self) -> f64 {
        self.position.get() as f64
    }

    /// Samples of all channels that wait to be read.
    #[napi(getter, catch_unwind)]
    pub fn buffered(&self) -> f64 {
        self.tap.buffered() as f64
    }

    /// Samples of all channels that were lost because they were not read in time.
    #[napi(getter, catch_unwind)]
    pub fn dropped(&self) -> f64 {
        self.tap.dropped() as f64
    }

    /// Whether no more comes. What waits can be read.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.tap.has_ended()
    }

    /// Gets nothing any more.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if !self.tap.has_ended() {
            self.track.untap();
        }
    }
}

impl Drop for NativeTrackTap {
    fn drop(&mut self) {
        self.close();
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

static ALARMS: OnceLock<AlarmClock> = OnceLock::new();

/// The thread that rings for the tracks of this process that are played to sinks.
fn alarms() -> Result<&'static AlarmClock> {
    if let Some(alarms) = ALARMS.get() {
        return Ok(alarms);
    }
    let alarms = AlarmClock::start().map_err(no_thread)?;
    // Where another thread was first, this one sleeps for good.
    Ok(ALARMS.get_or_init(|| alarms))
}

static PUMP: OnceLock<CapturePump> = OnceLock::new();

/// The thread that plays all tracks of this process.
fn pump(engine: &'static Engine) -> Result<&'static CapturePump> {
    if let Some(pump) = PUMP.get() {
        return Ok(pump);
    }
    let pump = CapturePump::start(engine, Vec::new()).map_err(no_thread)?;
    // Where another thread was first, this pump ends.
    Ok(PUMP.get_or_init(|| pump))
}
