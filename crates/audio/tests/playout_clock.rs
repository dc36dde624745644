//! `PlayoutClock`: when frames are due, by a clock that the test sets.
#![cfg(not(loom))]

use narrowcast_audio::PlayoutClock;
use proptest::prelude::*;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const FRAME: Duration = ms(20);

#[test]
fn the_first_frame_is_due_at_once_and_each_later_one_a_period_after_the_one_before() {
    let mut clock = PlayoutClock::new(FRAME, 5, ms(7));
    for n in 0..1_000 {
        let due = ms(7 + 20 * n);
        assert_eq!(clock.due(), due);
        assert!(!clock.is_due(due - Duration::from_nanos(1)));
        assert!(clock.is_due(due));
        assert_eq!(clock.advance(due), Duration::ZERO);
    }
}

#[test]
fn lateness_does_not_add_up() {
    let mut clock = PlayoutClock::new(FRAME, 5, Duration::ZERO);
    for n in 0..180_000 {
        let late = Duration::from_micros(n * 7919 % 19_999);
        let due = clock.due();
        assert_eq!(clock.advance(due + late), late);
    }
    assert_eq!((clock.due(), clock.put_off()), (Duration::from_secs(3600), 0));
}

#[test]
fn what_was_due_during_a_short_delay_goes_out_at_once() {
    let mut clock = PlayoutClock::new(FRAME, 5, Duration::ZERO);
    let now = ms(119);
    for n in 0..6 {
        assert!(clock.is_due(now), "frame {n}");
        assert_eq!(clock.advance(now), ms(119 - 20 * n));
    }
    assert_eq!((clock.due(), clock.put_off()), (ms(120), 0));
}

#[test]
fn after_a_long_delay_so_many_and_no_more_go_out_at_once_and_then_one_a_period() {
    let mut clock = PlayoutClock::new(FRAME, 5, Duration::ZERO);
    let now = ms(1_007);
    let mut at_once = 0;
    while clock.is_due(now) {
        clock.advance(now);
        at_once += 1;
    }
    assert_eq!(at_once, 6);
    // In step with the time table as it was.
    assert_eq!((clock.due(), clock.put_off()), (ms(1_020), 45));
    clock.advance(ms(1_020));
    assert_eq!(clock.due(), ms(1_040));
}

#[test]
fn without_a_limit_everything_that_was_due_goes_out() {
    let mut clock = PlayoutClock::new(ms(10), u32::MAX, Duration::ZERO);
    for n in 0..100_000 {
        assert!(clock.is_due(Duration::from_secs(1_000)), "frame {n}");
        clock.advance(Duration::from_secs(1_000));
    }
    assert_eq!(clock.put_off(), 0);
}

#[test]
fn extremes_do_not_panic() {
    let mut clock = PlayoutClock::new(Duration::from_nanos(1), 0, Duration::ZERO);
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert!(clock.due() >= Duration::from_nanos(u64::MAX - 1));
    let mut clock = PlayoutClock::new(Duration::MAX, 0, Duration::MAX);
    assert!(!clock.is_due(Duration::ZERO));
    clock.advance(Duration::MAX);
    assert_eq!(clock.due(), Duration::MAX);
}

proptest! {
    /// However the caller is held up.
    #[test]
    fn never_early_never_more_at_once_than_allowed_and_always_in_step(
        most_behind in 0..8u32,
        delays in prop::collection::vec(0..200_000u64, 1..100),
    ) {
        let mut clock = PlayoutClock::new(FRAME, most_behind, Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut frames = 0;
        for delay in delays {
            now += Duration::from_micros(delay);
            let mut at_once = 0;
            while clock.is_due(now) {
                clock.advance(now);
                frames += 1;
                at_once += 1;
            }
            prop_assert!(at_once <= most_behind + 1);
            prop_assert!(clock.due() > now && clock.due() <= now + FRAME);
            let periods = frames + clock.put_off();
            prop_assert_eq!(clock.due(), Duration::from_millis(20 * periods));
        }
    }
}
