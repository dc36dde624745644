//! The thread that plays into the engine.

use super::playback::Playback;
use super::player::Player;
use super::playing::{Emptied, Playing, Shared};
use super::source::{Source, next_tick};
use super::source_queue::Queues;
use crate::capture::{CaptureStats, Counts};
use crate::engine::Engine;
use narrowcast_core::sync::{Arc, lock};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Plays sources into the engine in real time, from one native thread.
///
/// The time tables are anchored at the start, so nothing drifts, and all are in step: one wake of the thread does for
/// all sources.
pub struct CapturePump {
    engine: &'static Engine,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What was there from the start.
    playbacks: Vec<Playback>,
}

impl CapturePump {
    /// Starts to play.
    ///
    /// # Errors
    /// The system has no thread left.
    ///
    /// # Panics
    /// If a source's rate is below 100 Hz, its looped samples are no multiple of 10 ms, its track is of another kind,
    /// or it has neither silence nor a queue.
    pub fn start(engine: &'static Engine, sources: Vec<Source>) -> io::Result<Self> {
        // All of them before the first one is registered.
        for source in &sources {
            source.check();
        }
        let shared = Arc::new(Shared::default());
        let mut pump = Self { engine, shared, thread: None, playbacks: Vec::new() };
        pump.playbacks = sources.into_iter().filter_map(|source| pump.playback(source)).collect();
        let thread = thread::Builder::new().name("narrowcast-capture".into()).spawn({
            let shared = pump.shared.clone();
            move || {
                // A defect of narrowcast. The tracks' waiters are told.
                if catch_unwind(AssertUnwindSafe(|| play(engine, &shared))).is_err() {
                    shared.fail();
                }
            }
        });
        pump.thread = Some(thread?);
        Ok(pump)
    }

    /// Plays one more source, in step with the others; `None` if a track is played into that one already: the two would be
    /// torn to pieces.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn add(&self, source: Source) -> Option<Playback> {
        source.check();
        let playback = self.playback(source)?;
        if let Some(thread) = &playback.thread {
            thread.unpark();
        }
        Some(playback)
    }

    fn playback(&self, source: Source) -> Option<Playback> {
        let counts = Arc::new(Counts::default());
        let captures = self.engine.captures();
        let number = self.engine.request_ids().source();
        captures.register(number, counts.clone());
        let playing = Arc::new(Playing::new(source, number, captures.disposals(), counts));
        let added = self.shared.change(|all| {
            let alone = all.iter().all(|each| each.source.handle != playing.source.handle);
            if alone {
                all.push(playing.clone());
            }
            alone
        });
        if !added {
            captures.forget(playing.number);
            return None;
        }
        if self.shared.failed.load(Ordering::Acquire) {
            playing.refuse();
        }
        let thread = self.thread.as_ref().map(|thread| thread.thread().clone());
        Some(Playback { engine: self.engine, shared: self.shared.clone(), thread, playing })
    }

    /// Another client has emptied the queue of a source.
    pub fn source_emptied(&self, handle: u64) {
        for playing in lock(&self.shared.playing).iter().filter(|playing| playing.source.handle == handle) {
            playing.note_emptied(Emptied::Elsewhere);
        }
    }

    /// The sources that were there from the start.
    pub fn playbacks(&self) -> &[Playback] {
        &self.playbacks
    }

    /// What became of the chunks of each source that was there from the start.
    pub fn stats(&self) -> Vec<CaptureStats> {
        self.playbacks.iter().map(Playback::stats).collect()
    }

    /// Stops playing: when this returns, no more requests are made. Takes at most one chunk's time.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for CapturePump {
    fn drop(&mut self) {
        self.stop();
    }
}

fn play(engine: &Engine, shared: &Shared) {
    let start = Instant::now();
    let mut players: Vec<Player> = Vec::new();
    let mut queues = Queues::default();
    let mut changes = u64::MAX;
    let mut request = Vec::new();
    while !shared.stop.load(Ordering::Acquire) {
        let latest = shared.changes.load(Ordering::Acquire);
        if latest != changes {
            // What joins later starts with the next tick.
            let from = if changes == u64::MAX { Duration::ZERO } else { next_tick(start.elapsed()) };
            changes = latest;
            let playing = lock(&shared.playing).clone();
            players.retain(|player| {
                let stays = playing.iter().any(|each| Arc::ptr_eq(each, &player.playing));
                if !stays {
                    queues.leave(&player.playing.source, player.queue.as_ref(), start.elapsed());
                }
                stays
            });
            for each in playing {
                if !players.iter().any(|player| Arc::ptr_eq(&each, &player.playing)) {
                    let queue = queues.enter(&each.source);
                    players.push(Player::new(each, from, queue));
                }
            }
        }
        // One chunk of each at a time: where several are due, the sources play together.
        let looks = players.iter_mut().filter_map(|player| player.play(engine, start, &mut request));
        match looks.min() {
            Some(next) => {
                let wait = next.saturating_sub(start.elapsed());
                if !wait.is_zero() {
                    thread::park_timeout(wait);
                }
            }
            None => thread::park(),
        }
    }
}
