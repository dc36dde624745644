//! What the player of a track calls: it takes frames, and says what became of them.

use super::{PcmTrack, SETTLED, UNAWAITED};
use crate::heard::Heard;
use crate::pcm_stream::Format;
use narrowcast_core::sync::atomic::{AtomicU64, Ordering};
use narrowcast_core::sync::lock;
use std::time::{Duration, Instant};

impl PcmTrack {
    /// Player: fills a frame of any length, in whole groups of one sample for each channel, with the oldest samples and
    /// with silence behind them. Returns how many of its samples were written; 0: all of it is silence. See the module for
    /// when that is. Never waits, and never allocates.
    pub fn take(&self, frame: &mut [i16]) -> usize {
        let samples = self.take_if_any(frame);
        if samples == 0 {
            self.play_silence(frame.len());
        }
        samples
    }

    /// Player: as [`take`](Self::take), for a frame that may yet be refused, and that is not played if all of it is silence.
    /// What is in it counts as heard when it was accepted and its time has come, see [`schedule`](Self::schedule) and
    /// [`accepted`](Self::accepted).
    pub fn take_unsettled(&self, frame: &mut [i16]) -> usize {
        self.take_chunks(frame, frame.len())
    }

    /// Player: as [`take_unsettled`](Self::take_unsettled), for several chunks of so many samples, which are accepted
    /// together, and heard one after the other.
    pub fn take_chunks(&self, frame: &mut [i16], chunk: usize) -> usize {
        // Before `read_position` moves: who sees it moved sees this, too.
        if self.unsettled.load(Ordering::Relaxed) == SETTLED {
            self.unsettled.store(self.ring.read_position(), Ordering::Release);
        }
        let samples = self.take_written(frame);
        let mut heard = lock(&self.heard);
        if samples > 0 {
            let end = self.ring.taken_position();
            heard.take(&frame[..samples], end, chunk);
        } else {
            heard.run_dry();
        }
        self.settle(&heard);
        drop(heard);
        self.taken(frame, samples);
        samples
    }

    /// Player: what was taken last is heard from `from` to `until`. Without this, when it is accepted.
    pub fn schedule(&self, from: Instant, until: Instant) {
        lock(&self.heard).schedule(from, until);
    }

    /// Player: the frame that was taken last was accepted.
    pub fn accepted(&self) {
        self.change(Heard::accept);
    }

    /// Player: the frame that was taken last is lost, unless it was accepted.
    pub fn lost(&self) {
        self.change(Heard::lose);
    }

    /// Player: what is heard by `now` counts as played.
    pub fn advance(&self, now: Instant) {
        if self.unsettled.load(Ordering::Relaxed) != SETTLED {
            self.change(|heard| heard.advance(now));
        }
    }

    /// Player: where it is told what was heard: everything before `position` was, by `now`.
    pub fn confirm(&self, position: u64, now: Instant) {
        self.change(|heard| heard.confirm(position, now));
    }

    /// Player: everything that was taken will be heard. It counts as heard at once.
    pub fn hear_all(&self) {
        self.change(Heard::hear_all);
    }

    /// Player: the queue that it plays into was emptied: what waited there is not heard.
    pub fn cut(&self) {
        self.change(|heard| {
            heard.cut(Instant::now(), self.format.channels.into());
        });
    }

    /// Player: so many samples of silence are played because nothing was there to play.
    pub fn play_silence(&self, samples: usize) {
        self.out.add(samples as u64);
        self.silent.add(samples as u64);
    }

    fn take_if_any(&self, frame: &mut [i16]) -> usize {
        let samples = self.take_written(frame);
        if samples > 0 {
            let end = self.ring.taken_position();
            lock(&self.heard).hand_out(&frame[..samples], end);
        } else {
            lock(&self.heard).run_dry();
        }
        self.taken(frame, samples);
        samples
    }

    fn taken(&self, frame: &mut [i16], samples: usize) {
        frame[samples..].fill(0);
        if samples > 0 {
            self.out.add(frame.len() as u64);
            self.tell_if_played();
        }
    }

    /// Player: since when a whole frame waits at most, if it found less when it looked last.
    pub fn filled_at(&self) -> Instant {
        self.created + Duration::from_nanos(self.filled_at.load(Ordering::Relaxed))
    }

    /// Player: what it plays into had run dry for so long, though samples waited. Rings as [`ring`](Self::ring).
    pub fn came_late(&self, gap: Duration) {
        self.late.add(1);
        self.late_us.add(gap.as_micros() as u64);
        self.ring();
    }

    /// Player: so many of the samples that were taken were refused, and are lost.
    pub fn lose(&self, samples: u64) {
        self.refused.add(samples);
    }

    fn take_written(&self, frame: &mut [i16]) -> usize {
        debug_assert!(frame.len().is_multiple_of(self.format.channels as usize));
        if self.is_paused() {
            return 0;
        }
        loop {
            // Looked at first: who sees what is behind the end of an utterance sees the end, too.
            let written = self.ring.write_position();
            let position = self.ring.read_position();
            let limit = match self.ends.first_after(position) {
                Some(end) => {
                    self.held.store(0, Ordering::Relaxed);
                    end
                }
                None => match self.next(written.saturating_sub(position), frame.len() as u64) {
                    Next::Frame => written,
                    Next::Silence => return 0,
                    Next::End => match self.timed_out.get().map(|end| end()) {
                        Some(true) => continue,
                        Some(false) => return 0,
                        None => written,
                    },
                },
            };
            let samples = self.ring.read_before(limit, frame).samples;
            // Nothing is left of what was there only if the writer has dropped it all: then there is more behind it. Or
            // if it has taken all back, and there is not.
            if samples > 0 || self.ring.read_position() <= limit {
                return samples;
            }
        }
    }

    /// Player: what comes next where so many samples wait whose utterance may go on.
    fn next(&self, samples: u64, frame: u64) -> Next {
        let waits = |silence: &AtomicU64| {
            let played = silence.load(Ordering::Relaxed);
            let Format { sample_rate, channels, .. } = self.format;
            let timeout = u128::from(sample_rate)
                * u128::from(channels)
                * u128::from(self.rest_timeout_ms.load(Ordering::Relaxed))
                / 1000;
            let waits = u128::from(played) < timeout;
            silence.store(if waits { played.saturating_add(frame) } else { 0 }, Ordering::Relaxed);
            waits
        };
        if samples == 0 {
            self.held.store(0, Ordering::Relaxed);
            let is_over = self.open.load(Ordering::Relaxed) && !waits(&self.dry);
            return if is_over { Next::End } else { Next::Silence };
        }
        self.dry.store(0, Ordering::Relaxed);
        if samples >= frame {
            self.held.store(0, Ordering::Relaxed);
            return Next::Frame;
        }
        if waits(&self.held) { Next::Silence } else { Next::End }
    }

    /// Player: whether a frame of so many samples is there, or the end of an utterance.
    pub fn has_frame(&self, samples: usize) -> bool {
        let position = self.ring.read_position();
        !self.is_paused() && (self.ends.first_after(position).is_some() || self.ring.len() >= samples)
    }

    /// Player: whether samples wait, or an utterance is open: they may yet become a frame.
    pub fn is_waiting(&self) -> bool {
        !self.ring.is_empty() || self.open.load(Ordering::Relaxed)
    }

    /// Player: where what was taken so far ends.
    pub fn taken_to(&self) -> u64 {
        self.ring.read_position()
    }

    /// When what [`wait_for`](Self::wait_for) asked for will have been heard, if it was taken.
    pub fn awaited_at(&self) -> Option<Instant> {
        match self.awaited.load(Ordering::Acquire) {
            UNAWAITED => None,
            position => lock(&self.heard).heard_at(position),
        }
    }

    /// Rings, if the writer's thread waits for anything: the player has something to say that is no sample.
    pub fn ring(&self) {
        self.waiter.notify();
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        let mut heard = lock(&self.heard);
        change(&mut heard);
        self.settle(&heard);
        drop(heard);
        self.tell_if_played();
    }

    /// After what is on its way has changed.
    fn settle(&self, heard: &Heard) {
        self.unsettled.store(heard.unheard().unwrap_or(SETTLED), Ordering::Release);
    }
}

/// What a player gets next.
enum Next {
    Frame,
    /// Nothing, or less than a frame whose rest may be on the way.
    Silence,
    /// The utterance has timed out.
    End,
}
