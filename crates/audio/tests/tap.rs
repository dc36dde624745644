//! What a tap of a track gets: what was heard, when it was heard, and nothing else.
#![cfg(not(loom))]

use narrowcast_audio::{Format, PcmTrack, Tap, Tapped};
use narrowcast_core::{Doorbell, Waiter, Wake};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// 1 kHz: a sample is a ms.
fn track() -> PcmTrack {
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(NoWake))), 0);
    PcmTrack::new(Format { sample_rate: 1000, channels: 1, frame_samples: 10 }, 1000, waiter)
}

/// All that is there: positions, and the samples from there on.
fn all(tap: &Tap) -> Vec<(u64, Vec<i16>)> {
    let mut pieces = Vec::new();
    let mut target = [0; 64];
    loop {
        let Tapped { samples, position } = tap.read(&mut target);
        if samples == 0 {
            return pieces;
        }
        pieces.push((position, target[..samples].to_vec()));
    }
}

/// Takes 10 samples that are heard `from` ms after `zero`.
fn play(track: &PcmTrack, zero: Instant, from: u64) {
    let mut frame = [0; 10];
    assert!(track.take_unsettled(&mut frame) > 0);
    let from = zero + Duration::from_millis(from);
    track.schedule(from, from + Duration::from_millis(10));
    track.accepted();
}

#[test]
fn a_tap_has_what_was_heard_at_the_time_at_which_it_was_heard() {
    let track = track();
    let (tap, zero) = (track.tap(1000).unwrap(), Instant::now());
    assert!(track.tap(1000).is_none());
    track.write(&(1..=20).collect::<Vec<_>>());
    play(&track, zero, 100);
    play(&track, zero, 112);
    assert_eq!(all(&tap), []);
    // 28 ms in which there was nothing to play are a pause; 40 ms in which the player was late are none, and 190 are.
    assert_eq!(track.take_unsettled(&mut [0; 10]), 0);
    track.write(&(21..=50).collect::<Vec<_>>());
    play(&track, zero, 150);
    play(&track, zero, 200);
    play(&track, zero, 400);
    track.advance(zero + Duration::from_millis(410));
    let pieces = all(&tap);
    let positions: Vec<_> = pieces.iter().map(|(position, pcm)| (*position, pcm.len())).collect();
    // The tap was opened a moment before `zero`.
    assert!(matches!(positions[..], [(100..=101, 20), (150..=151, 20), (400..=401, 10)]), "{positions:?}");
    assert_eq!(pieces.concat_pcm(), (1..=50).collect::<Vec<i16>>());
    assert_eq!((tap.buffered(), tap.dropped(), tap.has_ended()), (0, 0, false));
}

#[test]
fn what_was_interrupted_or_lost_was_not_heard() {
    let track = track();
    track.write(&(1..=30).collect::<Vec<_>>());
    let zero = Instant::now();
    play(&track, zero, 0); // on its way before there is a tap
    let tap = track.tap(1000).unwrap();
    let mut frame = [0; 10];
    track.take_unsettled(&mut frame);
    track.lost();
    track.take_unsettled(&mut frame);
    track.schedule(Instant::now(), Instant::now() + Duration::from_secs(3600));
    track.accepted();
    track.interrupt(0);
    track.write(&[31, 32]);
    track.end_utterance();
    track.take(&mut frame);
    track.end();
    assert_eq!(all(&tap).concat_pcm(), [31, 32]);
    assert!(tap.has_ended() && track.tap(1000).is_none());
}

#[test]
fn a_tap_that_is_not_read_drops_the_oldest_and_keeps_the_time() {
    let track = track();
    let (tap, zero) = (track.tap(20).unwrap(), Instant::now());
    track.write(&(1..=50).collect::<Vec<_>>());
    track.end_utterance();
    for n in 0..5 {
        play(&track, zero, 200 * n);
    }
    track.advance(zero + Duration::from_secs(1));
    let pieces = all(&tap);
    let positions: Vec<_> = pieces.iter().map(|(position, pcm)| (*position, pcm.len())).collect();
    assert!(matches!(positions[..], [(600..=601, 10), (800..=801, 10)]), "{positions:?}");
    assert_eq!((pieces.concat_pcm(), tap.dropped()), ((31..=50).collect(), 30));
    track.untap();
    assert!(tap.has_ended() && track.tap(20).is_some());
}

trait ConcatPcm {
    fn concat_pcm(&self) -> Vec<i16>;
}

impl ConcatPcm for Vec<(u64, Vec<i16>)> {
    fn concat_pcm(&self) -> Vec<i16> {
        self.iter().flat_map(|(_, pcm)| pcm.clone()).collect()
    }
}
