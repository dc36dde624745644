//! One source of a pump, as its owner has it.

#[cfg(feature = "load")]
use super::lateness::Lateness;
use super::playing::{Emptied, Playing, Rest, Shared};
use super::source::{Lead, Pcm};
use crate::capture::CaptureStats;
use crate::engine::Engine;
use narrowcast_core::sync::{Arc, lock};
use std::sync::atomic::Ordering;
use std::thread::Thread;

/// One source of a pump; it plays until this is dropped.
pub struct Playback {
    pub(super) engine: &'static Engine,
    pub(super) shared: Arc<Shared>,
    pub(super) thread: Option<Thread>,
    pub(super) playing: Arc<Playing>,
}

impl Playback {
    /// What became of the source's chunks.
    pub fn stats(&self) -> CaptureStats {
        self.playing.counts.stats()
    }

    /// For measurements: how late the chunks were handed to the engine.
    #[cfg(feature = "load")]
    pub fn lateness(&self) -> &Lateness {
        &self.playing.late
    }

    /// Whether no more of a track is played because the engine takes nothing: it refused a request, as it does once the source
    /// was closed, or one chunk again and again in its answers, or was disposed of.
    pub fn was_refused(&self) -> bool {
        self.playing.refused.load(Ordering::Acquire)
    }

    /// What the engine said at the first refusal that came in an answer.
    pub fn words(&self) -> Option<&str> {
        self.playing.counts.words.get().map(|words| &**words)
    }

    /// How often the engine had not answered in time, and the next chunk was handed to it all the same: of the two, it may
    /// have taken either first.
    pub fn overdue(&self) -> u64 {
        self.playing.counts.overdue.get()
    }

    /// Something was written to a track that gets no silence: the pump looks at once if it waits for that.
    pub fn written(&self) {
        let Pcm::Track { track, silence: false, .. } = &self.playing.source.pcm else { return };
        let rest = &self.playing.rest;
        // Changes nothing, but is a change, as the pump's is one: of the two, one comes first. If it is the pump's, this sees
        // that it waits; if this, the pump's look behind its own sees what was written.
        let waits_for = rest.fetch_add(0, Ordering::AcqRel);
        let is_there = waits_for == Rest::Anything as u8
            || (waits_for == Rest::Chunk as u8 && track.buffered() >= self.playing.source.chunk_samples());
        if is_there
            && rest.compare_exchange(waits_for, Rest::Over as u8, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            && let Some(thread) = &self.thread
        {
            thread.unpark();
        }
    }

    /// Empties the source's own queue, and lets `discard` take back what waits in the track: of what was written before,
    /// nothing more is heard than the engine has taken from there. Returns what `discard` does.
    pub fn flush<T>(&self, discard: impl FnOnce() -> T) -> T {
        let active = lock(&self.playing.active);
        if let Pcm::Track { lead, .. } = self.playing.source.pcm
            && lead != Lead::NONE
        {
            // At once, and not when the thread comes to it: a chunk that is on its way is all that is left then.
            self.engine.clear(self.playing.source.handle);
        }
        let discarded = discard();
        if let Pcm::Track { .. } = self.playing.source.pcm {
            self.playing.note_emptied(Emptied::WithTheNextChunk);
        }
        drop(active);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
        discarded
    }

    /// Stops playing: when this returns, no more samples are taken. The chunk that was taken last may be on its way.
    pub fn stop(&self) {
        *lock(&self.playing.active) = false;
        if let Pcm::Track { track, .. } = &self.playing.source.pcm {
            // What waits in a queue is heard, unless the source is gone.
            if self.was_refused() {
                track.lost();
                track.cut();
            } else {
                track.hear_all();
            }
        }
        self.shared.change(|playing| playing.retain(|each| !Arc::ptr_eq(each, &self.playing)));
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        self.stop();
        self.engine.captures().forget(self.playing.number);
        self.playing.count_last_refusals();
    }
}
