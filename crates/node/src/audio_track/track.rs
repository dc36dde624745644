//! A track as its JavaScript thread uses it, and the sink that it may be played to.

use crate::error::{Code, Result, error, refused};
use crate::handles::{HandleTable, Release};
use narrowcast_audio::{Alarm, Interruption, PacedSink, PcmTrack, PlayoutClock, TrackSample, TrackWriter};
use narrowcast_core::sync::lock;
use narrowcast_livekit::Playback;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How far behind its time table a frame may be handed out at once, as in crates/livekit/src/player.rs.
const MOST_BEHIND: Duration = Duration::from_millis(100);

thread_local! {
    pub static TRACKS: HandleTable<Track> = HandleTable::new();
}

/// A track as its thread uses it.
pub struct Track {
    pub pcm: Arc<PcmTrack>,
    /// The thread that plays the track ends an utterance that its writer forgot to end.
    pub writer: Arc<Mutex<TrackWriter>>,
    /// When the next frame is due that JavaScript asks for; none before the first.
    pub clock: RefCell<Option<PlayoutClock>>,
    pub frame: Duration,
    /// While the pump plays it.
    pub playback: RefCell<Option<Playback>>,
    /// While JavaScript plays it to a sink.
    pub sink: RefCell<Option<Sink>>,
}

/// A sink of JavaScript's, and what rings when it is to be read for.
pub struct Sink {
    pub paced: PacedSink,
    pub alarm: Alarm,
    /// Whether what it has not played yet is thrown away at an interruption.
    pub clears: bool,
    /// While it takes nothing: when it is asked again, whatever is due before that.
    pub not_before: Option<Instant>,
    pub encoded: Vec<u8>,
}

impl Sink {
    pub fn set_alarm(&mut self) {
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
    pub fn write<S: TrackSample>(&self, pcm: &[S], sample_rate: u32, channels: u32, last: bool) -> Result<()> {
        let written = lock(&self.writer).write(pcm, sample_rate, channels, last);
        if let Some(playback) = &*self.playback.borrow() {
            playback.written();
        }
        self.sink_changed();
        written.map_err(refused)
    }

    /// Something was written, paused or taken back: the sink may be due at another time.
    pub fn sink_changed(&self) {
        if let Some(sink) = &mut *self.sink.borrow_mut() {
            sink.set_alarm();
        }
    }

    /// Takes back what was not heard yet, and what the sink has, if it gives that up.
    pub fn interrupt(&self) -> Result<Interruption> {
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
    pub fn queued(&self) -> u64 {
        self.pcm.unheard() + lock(&self.writer).held_back() as u64
    }

    /// Takes the frame that is due at `now`, or returns how long it is until then, in ms.
    pub fn recv(&self, frame: &mut [i16], now: Duration) -> f64 {
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

/// The track that a token names.
pub fn track(token: u32) -> Result<Rc<Track>> {
    TRACKS.with(|tracks| tracks.get(token)).ok_or_else(stopped)
}

/// Why a call on a track fails once it was stopped.
pub fn stopped() -> napi::Error<Code> {
    error(Code::Closed, "the track was stopped: make a new one")
}
