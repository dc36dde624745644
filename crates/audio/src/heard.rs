//! What the listener has heard of a track, and of each utterance: arithmetic on positions, without a thread.
//!
//! Positions count the samples ever written, as those of the track's ring do. A chunk that the player took is on its way
//! until it was heard: at once where the player hands it out, and at a reckoned time where it waits in a queue first.
//! What was dropped or taken back was in no chunk, so it is never counted. Neither is silence.

use crate::tap::TapWriter;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Utterances that are kept apart while they wait to be heard. Of more, the two oldest become one.
const UTTERANCES: usize = 64;

/// How long after its time a chunk that was never accepted counts as heard: a far end that does not tell is not waited for.
const GRACE: Duration = Duration::from_secs(10);

/// Where an utterance ends that is being written.
const OPEN: u64 = u64::MAX;

/// What an interruption cut off, in samples of all channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interruption {
    /// What the listener had heard of the utterance that was interrupted; 0 if the listener was between two of them.
    pub heard: u64,
    /// What was written and is never heard.
    pub discarded: u64,
}

pub(crate) struct Heard {
    /// Samples that were heard.
    total: u64,
    /// The oldest first.
    on_way: VecDeque<Chunk>,
    /// How many of them were taken last, together.
    together: usize,
    /// The oldest first.
    utterances: VecDeque<Utterance>,
    /// How many utterances were begun.
    begun: u64,
    /// Whether the player had nothing to play since it took the last samples.
    dry: bool,
    /// Gets the samples that are heard.
    pub tap: Option<TapWriter>,
}

struct Chunk {
    start: u64,
    end: u64,
    /// When it is heard, if that is known: from the first sample to the last.
    time: Option<(Instant, Instant)>,
    /// Whether it was accepted where it is heard.
    accepted: bool,
    /// Whether the player had nothing to play before it.
    after_silence: bool,
}

impl Chunk {
    /// When it counts as heard, if nothing is told of it.
    fn over_at(&self) -> Option<Instant> {
        let (_, until) = self.time?;
        Some(if self.accepted { until } else { until + GRACE })
    }

    /// Where what was heard by `now` ends.
    fn heard_by(&self, now: Instant, channels: u64) -> u64 {
        let Some((from, until)) = self.time else { return self.start };
        // Most of them, where much is on its way: a queue of a second has 100.
        if now <= from {
            return self.start;
        }
        let (all, elapsed) = ((until - from).as_nanos(), now.saturating_duration_since(from).as_nanos());
        let groups = u128::from((self.end - self.start) / channels);
        self.start + (groups * elapsed.min(all) / all.max(1)) as u64 * channels
    }
}

struct Utterance {
    number: u64,
    start: u64,
    end: u64,
    heard: u64,
    /// Whether its number was given out: it stays until it is forgotten.
    is_named: bool,
}

impl Heard {
    pub fn new() -> Self {
        // Room for all utterances, and for what a short queue takes. A long one makes room when it is filled first.
        let (on_way, utterances) = (VecDeque::with_capacity(16), VecDeque::with_capacity(UTTERANCES + 1));
        Self { total: 0, on_way, together: 0, utterances, begun: 0, dry: true, tap: None }
    }

    /// The player took these samples, which end at `end`, in chunks of `chunk`.
    pub fn take(&mut self, pcm: &[i16], end: u64, chunk: usize) {
        let mut start = end - pcm.len() as u64;
        self.together = pcm.len().div_ceil(chunk);
        for part in pcm.chunks(chunk) {
            let end = start + part.len() as u64;
            let after_silence = std::mem::take(&mut self.dry);
            self.on_way.push_back(Chunk { start, end, time: None, accepted: false, after_silence });
            start = end;
        }
        if let Some(tap) = &mut self.tap {
            tap.take(pcm);
        }
    }

    /// The player took these samples, and hands them out.
    pub fn hand_out(&mut self, pcm: &[i16], end: u64) {
        let samples = pcm.len() as u64;
        self.add(end - samples, end);
        let after_silence = std::mem::take(&mut self.dry);
        if let Some(tap) = &mut self.tap {
            tap.take(pcm);
            tap.hear(samples, samples, Instant::now(), after_silence);
        }
    }

    /// The player found nothing to play.
    pub fn run_dry(&mut self) {
        self.dry = true;
    }

    /// Samples that were taken and not heard.
    pub fn on_way(&self) -> u64 {
        self.on_way.iter().map(|chunk| chunk.end - chunk.start).sum()
    }

    /// Where what was taken and not heard yet begins.
    pub fn unheard(&self) -> Option<u64> {
        self.on_way.front().map(|chunk| chunk.start)
    }

    /// When the chunks that were taken last are heard, each for as long.
    pub fn schedule(&mut self, from: Instant, until: Instant) {
        let chunks = self.on_way.range_mut(self.on_way.len().saturating_sub(self.together)..);
        let each = (until - from) / chunks.len().max(1) as u32;
        for (chunk, number) in chunks.zip(0..) {
            chunk.time = Some((from + each * number, from + each * (number + 1)));
        }
    }

    /// The chunks that were taken last were accepted. Without a schedule, they are heard now.
    pub fn accept(&mut self) {
        let mut hear_now = false;
        for chunk in self.on_way.iter_mut().rev().take(self.together) {
            chunk.accepted = true;
            hear_now |= chunk.time.is_none();
        }
        if hear_now {
            self.hear_all();
        }
    }

    /// The chunks that were taken last are lost, unless they were accepted.
    pub fn lose(&mut self) {
        for _ in 0..self.together {
            let Some(&Chunk { start, end, .. }) = self.on_way.back().filter(|chunk| !chunk.accepted) else { return };
            self.on_way.pop_back();
            if let Some(tap) = &mut self.tap {
                tap.lose(end - start);
            }
        }
    }

    /// Time passes.
    pub fn advance(&mut self, now: Instant) {
        let is_over = |chunk: &Chunk| chunk.over_at().is_some_and(|until| until <= now);
        while self.on_way.front().is_some_and(is_over) {
            self.hear_first(u64::MAX);
        }
    }

    /// What was taken before `position` was heard by `now`. The rest is heard behind it.
    pub fn confirm(&mut self, position: u64, now: Instant) {
        let mut reckoned = None;
        while let Some(&Chunk { time, .. }) = self.on_way.front().filter(|chunk| chunk.end <= position) {
            self.hear_first(u64::MAX);
            reckoned = time.map(|(_, until)| until);
        }
        let Some(reckoned) = reckoned else { return };
        let (late, early) = (now.saturating_duration_since(reckoned), reckoned.saturating_duration_since(now));
        for (from, until) in self.on_way.iter_mut().filter_map(|chunk| chunk.time.as_mut()) {
            *from = *from + late - early;
            *until = *until + late - early;
        }
    }

    /// When everything before `position` counts as heard, if that was taken.
    pub fn heard_at(&self, position: u64) -> Option<Instant> {
        self.on_way.iter().find(|chunk| chunk.end >= position)?.over_at()
    }

    /// All that was taken is heard.
    pub fn hear_all(&mut self) {
        while !self.on_way.is_empty() {
            self.hear_first(u64::MAX);
        }
    }

    /// The oldest chunk was heard up to `heard`, and the rest of it never is.
    fn hear_first(&mut self, heard: u64) {
        let Some(Chunk { start, end, time, after_silence, .. }) = self.on_way.pop_front() else { return };
        let heard = heard.min(end);
        self.add(start, heard);
        if let Some(tap) = &mut self.tap {
            let from = time.map_or_else(Instant::now, |(from, _)| from);
            tap.hear(end - start, heard - start, from, after_silence);
        }
    }

    /// What is on its way is not heard from `now` on: returns how many samples that are, and where they begin. A chunk
    /// without a schedule can't be stopped any more.
    pub fn cut(&mut self, now: Instant, channels: u64) -> (u64, Option<u64>) {
        let (mut cut, mut from) = (0, None);
        while let Some(chunk) = self.on_way.front() {
            let heard = if chunk.time.is_none() { chunk.end } else { chunk.heard_by(now, channels) };
            cut += chunk.end - heard;
            if heard < chunk.end {
                from.get_or_insert(heard);
            }
            self.hear_first(heard);
        }
        (cut, from)
    }

    /// Heard without a delay, or by now.
    fn add(&mut self, start: u64, end: u64) {
        self.total += end - start;
        for utterance in &mut self.utterances {
            utterance.heard += overlap((start, end), (utterance.start, utterance.end));
        }
    }

    /// Samples that were taken and are heard after `now`.
    pub fn on_way_at(&self, now: Instant, channels: u64) -> u64 {
        self.on_way.iter().map(|chunk| chunk.end - chunk.heard_by(now, channels)).sum()
    }

    /// Samples heard by `now`, of all or of an utterance.
    pub fn by(&self, now: Instant, channels: u64, number: Option<u64>) -> u64 {
        let on_way = |range: (u64, u64)| -> u64 {
            let heard = |chunk: &Chunk| overlap((chunk.start, chunk.heard_by(now, channels)), range);
            self.on_way.iter().map(heard).sum()
        };
        match number {
            None => self.total + on_way((0, OPEN)),
            Some(number) => {
                let utterance = self.utterances.iter().find(|utterance| utterance.number == number);
                utterance.map_or(0, |utterance| utterance.heard + on_way((utterance.start, utterance.end)))
            }
        }
    }

    /// An utterance begins at `start`, and returns its number.
    pub fn begin(&mut self, start: u64, is_named: bool) -> u64 {
        self.end(start);
        let unheard = self.unheard().unwrap_or(start);
        self.utterances.retain(|utterance| utterance.is_named || utterance.end > unheard);
        if self.utterances.len() >= UTTERANCES
            && let Some(first) = self.utterances.iter().position(|utterance| !utterance.is_named)
            && let Some(next) = self.utterances.get(first + 1).filter(|next| !next.is_named)
        {
            let (end, heard) = (next.end, next.heard);
            self.utterances.remove(first + 1);
            self.utterances[first].end = end;
            self.utterances[first].heard += heard;
        }
        self.begun += 1;
        self.utterances.push_back(Utterance { number: self.begun, start, end: OPEN, heard: 0, is_named });
        self.begun
    }

    /// The utterance that is being written ends at `end`.
    pub fn end(&mut self, end: u64) {
        if let Some(last) = self.utterances.back_mut().filter(|last| last.end == OPEN) {
            last.end = end;
        }
    }

    /// Nothing came of the utterance that is being written for a while: it ends at `end`, unless its number was given out:
    /// its writer will say when. Returns whether it ended.
    pub fn time_out(&mut self, end: u64) -> bool {
        let ends = self.utterances.back().is_none_or(|last| !last.is_named);
        if ends {
            self.end(end);
        }
        ends
    }

    /// No more is asked about an utterance that was given a name.
    pub fn forget(&mut self, number: u64) {
        self.utterances.retain(|utterance| utterance.number != number);
    }

    /// All that waits is taken back, up to `written`; returns what was heard of the utterance that this interrupts.
    /// `unheard`: where what was not heard begins.
    pub fn interrupt(&mut self, unheard: u64, written: u64) -> u64 {
        let interrupted = self.utterances.iter().rfind(|each| each.heard > 0 && each.end > unheard);
        let heard = interrupted.map_or(0, |utterance| utterance.heard);
        self.end(written);
        self.utterances.retain(|utterance| utterance.is_named);
        heard
    }
}

fn overlap(a: (u64, u64), b: (u64, u64)) -> u64 {
    a.1.min(b.1).saturating_sub(a.0.max(b.0))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Two chunks of 10 samples on their way, heard from 0 to 10 ms and from 10 to 20 ms.
    fn two_chunks(heard: &mut Heard, zero: Instant) {
        for n in 0..2 {
            heard.take(&[0; 10], n * 10 + 10, 10);
            heard.schedule(zero + MS * 10 * n as u32, zero + MS * 10 * (n as u32 + 1));
            heard.accept();
        }
    }

    #[test]
    fn what_waits_in_a_queue_is_heard_as_time_passes() {
        let (mut heard, zero) = (Heard::new(), Instant::now());
        heard.begin(0, true);
        two_chunks(&mut heard, zero);
        assert_eq!([0, 4, 10, 13, 99].map(|ms| heard.by(zero + MS * ms, 1, None)), [0, 4, 10, 13, 20]);
        heard.advance(zero + MS * 12);
        assert_eq!((heard.unheard(), heard.by(zero + MS * 12, 1, Some(1))), (Some(10), 12));
        heard.advance(zero + MS * 20);
        assert_eq!((heard.unheard(), heard.total), (None, 20));
    }

    #[test]
    fn chunks_that_are_taken_together_are_heard_one_after_the_other_or_lost_together() {
        let (mut heard, zero) = (Heard::new(), Instant::now());
        two_chunks(&mut heard, zero);
        heard.take(&[0; 25], 45, 10);
        heard.schedule(zero + MS * 20, zero + MS * 50);
        heard.advance(zero + MS * 99);
        assert_eq!((heard.unheard(), heard.on_way()), (Some(20), 25), "not before they were accepted");
        heard.accept();
        heard.advance(zero + MS * 31);
        assert_eq!((heard.unheard(), heard.by(zero + MS * 34, 1, None)), (Some(30), 34));
        heard.advance(zero + MS * 40);
        assert_eq!((heard.unheard(), heard.by(zero + MS * 44, 1, None)), (Some(40), 42));
        heard.take(&[0; 20], 65, 10);
        heard.lose();
        assert_eq!((heard.unheard(), heard.on_way()), (Some(40), 5));
    }

    #[test]
    fn what_was_cut_off_is_not_heard_and_belongs_to_the_utterance_that_was_under_way() {
        let (mut heard, zero) = (Heard::new(), Instant::now());
        heard.begin(0, false);
        heard.end(5);
        heard.begin(5, true);
        two_chunks(&mut heard, zero);
        assert_eq!(heard.cut(zero + MS * 12, 1), (8, Some(12)));
        assert_eq!((heard.interrupt(12, 30), heard.by(zero, 1, None), heard.by(zero, 1, Some(2))), (7, 12, 7));
        heard.forget(2);
        assert_eq!(heard.by(zero, 1, Some(2)), 0);
    }

    #[test]
    fn what_a_far_end_confirms_is_heard_then_and_the_rest_behind_it() {
        let (mut heard, zero) = (Heard::new(), Instant::now() + GRACE);
        for n in 0..3 {
            heard.take(&[0; 10], n * 10 + 10, 10);
            heard.schedule(zero + MS * 10 * n as u32, zero + MS * 10 * (n as u32 + 1));
        }
        heard.advance(zero + MS * 25);
        assert_eq!(
            (heard.unheard(), heard.heard_at(10)),
            (Some(0), Some(zero + MS * 10 + GRACE)),
            "it was not told yet"
        );
        heard.confirm(10, zero + MS * 25);
        assert_eq!([25, 30, 35, 99].map(|ms| heard.by(zero + MS * ms, 1, None)), [10, 15, 20, 30]);
        heard.confirm(20, zero + MS * 31);
        assert_eq!([31, 36, 99].map(|ms| heard.by(zero + MS * ms, 1, None)), [20, 25, 30]);
        heard.confirm(15, zero + MS * 99);
        heard.advance(zero + MS * 40 + GRACE);
        assert_eq!((heard.unheard(), heard.total), (Some(20), 20), "confirmed before, nothing happens");
        heard.advance(zero + MS * 41 + GRACE);
        assert_eq!((heard.unheard(), heard.total), (None, 30), "never confirmed");
    }

    #[test]
    fn between_two_utterances_nothing_was_heard_of_the_one_that_is_cut_off() {
        let mut heard = Heard::new();
        heard.begin(0, false);
        heard.end(10);
        heard.begin(10, false);
        heard.add(0, 10);
        assert_eq!(heard.interrupt(10, 20), 0);
    }

    #[test]
    fn a_chunk_that_was_refused_is_not_heard_and_one_without_a_schedule_is_heard_when_it_was_accepted() {
        let (mut heard, zero) = (Heard::new(), Instant::now());
        heard.take(&[0; 10], 10, 10);
        heard.lose();
        assert_eq!(heard.unheard(), None);
        heard.take(&[0; 10], 20, 10);
        assert_eq!((heard.unheard(), heard.by(zero, 1, None)), (Some(10), 0));
        heard.accept();
        heard.lose();
        assert_eq!((heard.unheard(), heard.total), (None, 10));
    }

    #[test]
    fn utterances_that_wait_are_bounded_and_those_that_were_named_stay() {
        let mut heard = Heard::new();
        let named = heard.begin(0, true);
        heard.take(&[0], 1, 1);
        for start in 1..1000 {
            heard.begin(start, false);
        }
        assert_eq!(heard.utterances.len(), UTTERANCES);
        heard.add(0, 1000);
        assert_eq!(heard.by(Instant::now(), 1, Some(named)), 1);
    }
}
