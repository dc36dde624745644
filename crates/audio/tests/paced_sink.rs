//! `PacedSink`: when frames go to a far end, what they are, and what was heard of them. Time is told, and never waited for.
#![cfg(not(loom))]

use narrowcast_audio::{AlarmClock, Coding, Format, PacedSink, PcmTrack, SinkSettings, TrackWriter};
use narrowcast_core::{Doorbell, Waiter, Wake};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const NEVER: u64 = u64::MAX;

/// 8 kHz in frames of 20 ms, 160 ms ahead.
const PHONE: SinkSettings =
    SinkSettings { sample_rate: 8_000, coding: Coding::Mulaw, base64: false, frame_ms: 20, lead: 8, confirms: false };

struct Ring(mpsc::Sender<Instant>);
impl Wake for Ring {
    fn wake(&self) {
        let _ = self.0.send(Instant::now());
    }
}

struct Leg {
    track: Arc<PcmTrack>,
    writer: TrackWriter,
    sink: PacedSink,
    zero: Instant,
    rings: mpsc::Receiver<Instant>,
}

fn leg(rate: u32, settings: SinkSettings) -> Leg {
    let (sender, rings) = mpsc::channel();
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(Ring(sender)))), 0);
    let format = Format { sample_rate: rate, channels: 1, frame_samples: (rate / 50) as usize };
    let track = Arc::new(PcmTrack::new(format, rate as usize * 30, waiter));
    let zero = Instant::now() + Duration::from_secs(60);
    let sink = PacedSink::new(track.clone(), settings, zero).unwrap();
    Leg { writer: TrackWriter::new(track.clone()), track, sink, zero, rings }
}

impl Leg {
    fn say(&mut self, ms: u32, last: bool) {
        let rate = self.track.format().sample_rate;
        self.writer.write(&vec![8_000_i16; (rate * ms / 1000) as usize], rate, 1, last).unwrap();
    }

    /// How many frames go at `ms`.
    fn read(&mut self, ms: u32) -> usize {
        let mut out = Vec::new();
        let frames = self.sink.read(self.zero + MS * ms, NEVER, &mut out).unwrap();
        assert_eq!(out.len(), frames * self.sink.frame_bytes());
        assert!(frames <= self.sink.most_frames());
        frames
    }

    /// When to read next, in ms.
    fn next(&self) -> Option<u128> {
        self.sink.next().map(|at| at.saturating_duration_since(self.zero).as_millis())
    }
}

#[test]
fn two_leads_go_at_once_and_then_one_each_lead_for_as_long_as_there_is_something() {
    let mut leg = leg(8_000, PHONE);
    assert_eq!(leg.next(), None);
    leg.say(1_000, true);
    assert_eq!(leg.next(), Some(0));
    let frames: Vec<_> = [0, 160, 320, 480, 640, 800, 960].map(|ms| (leg.read(ms), leg.next())).into();
    let expected = [(16, 160), (8, 320), (8, 480), (8, 640), (8, 800)].map(|(frames, next)| (frames, Some(next)));
    assert_eq!(frames[..5], expected);
    assert_eq!(frames[5..], [(2, None), (0, None)]);
}

#[test]
fn a_reader_that_is_late_makes_up_for_it_and_is_not_behind_for_good() {
    let mut leg = leg(8_000, PHONE);
    leg.say(20_000, true);
    assert_eq!(leg.read(0), 16);
    // 100 ms late each time: what is sent is what was played meanwhile.
    assert_eq!([260, 420, 680].map(|ms| leg.read(ms)), [13, 8, 13]);
    // Later than all that the far end had: it starts anew with two leads, and no more.
    assert_eq!((leg.read(2_000), leg.next()), (16, Some(2_160)));
}

#[test]
fn over_a_minute_nothing_drifts() {
    let mut leg = leg(8_000, PHONE);
    let (mut frames, mut now) = (0, 0);
    leg.say(1_000, false);
    for _ in 0..375 {
        leg.say(160, false);
        frames += leg.read(now);
        now = leg.next().unwrap() as u32;
    }
    assert_eq!((frames, now), (16 + 374 * 8, 375 * 160));
}

#[test]
fn less_than_a_frame_waits_for_its_rest_and_the_end_is_padded_with_silence() {
    let mut leg = leg(8_000, PHONE);
    leg.say(30, false);
    assert_eq!(
        (leg.read(0), leg.next()),
        (1, Some(240)),
        "the rest of 10 ms, and 200 ms of timeout behind the first frame"
    );
    leg.say(10, false);
    assert_eq!((leg.read(5), leg.next()), (1, Some(260)));
    leg.say(5, true);
    let mut out = Vec::new();
    assert_eq!(leg.sink.read(leg.zero + MS * 6, NEVER, &mut out), Ok(1));
    assert!(out[..40].iter().all(|code| *code != 0xff) && out[40..].iter().all(|code| *code == 0xff));
    assert_eq!(leg.next(), None);
}

#[test]
fn an_utterance_that_is_not_ended_goes_out_after_the_timeout_and_is_not_asked_for_again() {
    let mut leg = leg(8_000, PHONE);
    leg.writer.begin_utterance().unwrap();
    leg.say(30, false);
    assert_eq!(leg.read(0), 1);
    assert_eq!((leg.read(240), leg.next()), (1, Some(480)));
    assert_eq!((leg.read(480), leg.next()), (0, None), "open, but nothing comes");
    leg.say(20, false);
    assert_eq!((leg.next(), leg.read(900)), (Some(100), 1));
}

#[test]
fn what_was_heard_is_reckoned_and_what_is_waited_for_rings_when_it_was() {
    let mut leg = leg(8_000, PHONE);
    leg.say(100, true);
    let written = leg.track.written();
    assert!(leg.track.wait_for(written));
    assert_eq!((leg.read(0), leg.next()), (5, Some(100)));
    assert_eq!(leg.read(99), 0);
    assert!(!leg.track.has_played(written) && leg.rings.try_recv().is_err());
    assert_eq!(leg.read(100), 0);
    assert!(leg.track.has_played(written) && leg.rings.try_recv().is_ok());
}

#[test]
fn a_far_end_that_confirms_has_played_what_it_says_and_no_more() {
    let mut leg = leg(8_000, SinkSettings { confirms: true, ..PHONE });
    leg.say(1_000, true);
    assert_eq!(leg.read(0), 16);
    leg.read(320);
    assert!(!leg.track.has_played(1));
    leg.sink.confirm(8 * 160, leg.zero + MS * 330);
    assert!(leg.track.has_played(8 * 160) && !leg.track.has_played(8 * 160 + 1));
    assert_eq!(leg.track.heard(None), 8 * 160, "by the clock of the test, nothing more was heard yet");
}

#[test]
fn a_read_stops_behind_the_frame_that_a_mark_is_in() {
    let mut leg = leg(8_000, PHONE);
    leg.say(100, true);
    let mut out = Vec::new();
    let now = leg.zero;
    let mut frames = |mark| leg.sink.read(now, mark, &mut out).unwrap();
    assert_eq!([frames(161), frames(480), frames(NEVER)], [2, 1, 2]);
}

#[test]
fn after_an_interruption_the_far_end_is_empty_and_the_next_words_go_at_once() {
    let mut leg = leg(8_000, PHONE);
    leg.say(1_000, true);
    leg.read(0);
    leg.writer.interrupt();
    leg.sink.emptied(leg.zero + MS * 50).unwrap();
    assert_eq!(leg.next(), None);
    leg.say(1_000, true);
    assert_eq!((leg.read(60), leg.next()), (16, Some(220)));
}

#[test]
fn another_rate_makes_as_many_frames_and_its_rest_comes_at_the_end() {
    for rate in [16_000, 24_000, 48_000] {
        for frame_ms in [10, 20] {
            let mut leg = leg(rate, SinkSettings { frame_ms, lead: 160 / frame_ms, ..PHONE });
            leg.say(200, true);
            let mut frames = leg.read(0);
            assert_eq!(
                frames,
                200 / frame_ms as usize + (18_usize).div_ceil(frame_ms as usize),
                "at {rate} Hz in {frame_ms} ms"
            );
            assert_eq!(leg.next(), None);
            leg.say(1_000, true);
            for ms in (0..2_000).step_by(10) {
                frames += leg.read(ms);
            }
            assert_eq!(frames, 1_200 / frame_ms as usize + 2 * (18_usize).div_ceil(frame_ms as usize));
        }
    }
}

#[test]
fn base64_holds_whole_frames_each_for_itself() {
    let mut leg = leg(8_000, SinkSettings { base64: true, ..PHONE });
    leg.say(40, true);
    let mut out = Vec::new();
    assert_eq!(leg.sink.read(leg.zero, NEVER, &mut out), Ok(2));
    assert_eq!((leg.sink.frame_bytes(), out.len()), (216, 432));
    assert_eq!(out[..216], out[216..]);
    assert!(out[..216].ends_with(b"=="));
}

#[test]
fn an_alarm_rings_at_its_time_and_not_once_it_was_put_off_or_dropped() {
    let clock = AlarmClock::start().unwrap();
    let leg = leg(8_000, PHONE);
    let mut alarm = clock.alarm(leg.track.clone());
    assert!(leg.track.wait_for(NEVER - 1));
    let at = Instant::now() + MS * 20;
    alarm.set(Some(at + MS * 10_000));
    alarm.set(Some(at));
    let rang = leg.rings.recv_timeout(MS * 5_000).unwrap();
    assert!(rang >= at, "too early");
    assert!(leg.track.wait_for(NEVER - 1));
    alarm.set(Some(Instant::now() + MS * 50));
    alarm.set(None);
    alarm.set(Some(Instant::now() + MS * 50));
    drop(alarm);
    assert!(leg.rings.recv_timeout(MS * 200).is_err());
}
