//! What the writer of a track calls.

use super::{PcmTrack, SETTLED, UNAWAITED};
use crate::heard::Interruption;
use narrowcast_core::sync::atomic::Ordering;
use narrowcast_core::sync::lock;
use std::time::{Duration, Instant};

impl PcmTrack {
    /// Writer: appends interleaved samples, in whole groups of one for each channel: the rest of an incomplete group is
    /// left out. Ignored once the track has ended.
    pub fn write(&self, pcm: &[i16]) {
        let pcm = &pcm[..pcm.len() - pcm.len() % self.format.channels as usize];
        if self.has_ended() || pcm.is_empty() {
            return;
        }
        self.open_utterance();
        if self.ring.len() < self.format.frame_samples {
            let filled_at = self.created.elapsed().as_nanos();
            self.filled_at.store(u64::try_from(filled_at).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.ring.write(pcm);
    }

    /// Writer: so many of the samples that are written next were no numbers, and are silence.
    pub fn count_invalid(&self, samples: u64) {
        self.invalid.add(samples);
    }

    /// Writer: it has something to write, even if it holds that back: an utterance begins, unless one is being written.
    pub fn open_utterance(&self) {
        if !self.open.load(Ordering::Relaxed) {
            lock(&self.heard).begin(self.ring.write_position(), false);
            self.open.store(true, Ordering::Relaxed);
        }
    }

    /// Writer: an utterance begins, and the one before ends; returns its number, for [`heard`](Self::heard). What is
    /// written until the next end belongs to it. It is counted until [`forget`](Self::forget).
    pub fn begin_utterance(&self) -> u64 {
        if self.open.load(Ordering::Relaxed) {
            self.end_utterance();
        }
        let number = lock(&self.heard).begin(self.ring.write_position(), true);
        self.open.store(true, Ordering::Relaxed);
        number
    }

    /// Writer: what was written last is the end of an utterance. It goes out without waiting for more, and what is
    /// written from now on starts in a frame of its own.
    pub fn end_utterance(&self) {
        let position = self.ring.write_position();
        self.ends.push(position);
        if self.open.load(Ordering::Relaxed) {
            lock(&self.heard).end(position);
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Writer: nothing was written for a while. What was goes out without waiting for more, and its utterance ends, unless
    /// [`begin_utterance`](Self::begin_utterance) began it.
    pub fn time_out(&self) {
        let position = self.ring.write_position();
        self.ends.push(position);
        if lock(&self.heard).time_out(position) {
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Once: `end` is called where an utterance was not ended and nothing of it came for [`REST_TIMEOUT`]. It writes what the
    /// writer holds back, and calls [`time_out`](Self::time_out); or returns false if it can't right now. It must not wait.
    pub fn on_timeout(&self, end: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.timed_out.set(Box::new(end));
    }

    /// How long less than a frame waits for its rest, in place of [`REST_TIMEOUT`].
    pub fn set_rest_timeout(&self, timeout: Duration) {
        self.rest_timeout_ms.store(timeout.as_millis() as u64, Ordering::Relaxed);
    }

    /// Writer: takes back what was not heard yet, also what waits in a queue that is emptied now, and goes on if it was
    /// paused. `held_back`: samples that the writer itself takes back. The player takes no samples meanwhile.
    pub fn interrupt(&self, held_back: usize) -> Interruption {
        let mut heard = lock(&self.heard);
        let (cut, from) = heard.cut(Instant::now(), self.format.channels.into());
        let unheard = from.unwrap_or_else(|| self.ring.read_position());
        let waited = self.ring.discard() as u64;
        let of_utterance = heard.interrupt(unheard, self.ring.write_position());
        drop(heard);
        self.open.store(false, Ordering::Relaxed);
        self.pause(false);
        self.unsettled.store(SETTLED, Ordering::Release);
        self.tell_if_played();
        Interruption { heard: of_utterance, discarded: cut + waited + held_back as u64 }
    }

    /// Writer: no more is played. What waits is taken back.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.interrupt(0);
        self.untap();
        self.waiter.notify();
    }

    /// Writer: where what was written so far ends, for [`wait_for`](Self::wait_for).
    pub fn written(&self) -> u64 {
        self.ring.write_position()
    }

    /// Writer: the waiter rings once everything before `position` was played. Returns false if it was already, or the
    /// track has ended: then there is no need to ring, though it may have. There is one such position at a time, the one
    /// asked for last.
    pub fn wait_for(&self, position: u64) -> bool {
        self.waiter.wait_unless(|| {
            // A swap, as the player's look is one: of the two, one comes first. If it is the player's, what it took is seen
            // below; if this, the player sees the position, and that the writer waits.
            self.awaited.swap(position, Ordering::AcqRel);
            let is_over = self.has_played(position) || self.has_ended();
            if is_over {
                self.awaited.swap(UNAWAITED, Ordering::AcqRel);
            }
            is_over
        })
    }
}
