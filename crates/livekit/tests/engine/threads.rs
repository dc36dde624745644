//! The engine's threads, one for each stream, beside threads that open and close streams.

use crate::fake_engine::*;
use narrowcast_core::{Filter, KindSet, Overflow};
use narrowcast_livekit::Abi;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const ROUNDS: u64 = 150;
const FRAMES: i16 = 100;

/// A stream of the engine's: sends its frames one after the other, and its end once it has been closed or nothing is left.
fn send_stream(fake: &Fake, stream: u64, frames: i16) {
    for number in 0..frames {
        if fake.drops(stream) > 0 {
            break;
        }
        fake.send_frame(stream, &[number, number, number]);
        if number % 16 == 0 {
            thread::yield_now();
        }
    }
    fake.send_eos(stream);
}

/// Opens streams one after the other, each with frames that come while the request is being made.
fn open_streams(fake: &Fake, opener: u64) {
    for round in 0..ROUNDS {
        let pcm = pcm_stream();
        let expecting = fake.engine.expect_stream();
        let stream = fake.handle();
        thread::scope(|scope| {
            scope.spawn(|| send_stream(fake, stream, FRAMES));
            if (round + opener).is_multiple_of(5) {
                // The request failed: no stream of ours gets the engine's frames.
                drop(expecting);
                fake.abi.drop_handle(stream);
                return;
            }
            fake.engine.open_stream(stream, pcm.clone());
            drop(expecting);
            let leaves_early = (round + opener).is_multiple_of(3);
            let mut read = Vec::new();
            while !(pcm.has_ended() && pcm.buffered() == 0) {
                let frame = drain(&pcm);
                if frame.is_empty() {
                    thread::yield_now();
                }
                read.extend(frame);
                if leaves_early && read.len() > 30 {
                    break;
                }
            }
            fake.engine.close_stream(stream);
            let expected: Vec<_> = (0..FRAMES).flat_map(|number| [number; 3]).collect();
            if leaves_early {
                assert_eq!(read, expected[..read.len()]);
            } else {
                assert_eq!(read, expected);
            }
        });
    }
}

#[test]
fn streams_opened_on_several_threads_lose_nothing_and_every_handle_is_dropped_once() {
    let fake = Fake::new();
    let foreign = fake.handle();
    let filter = Filter { kinds: KindSet::EMPTY.with(kind(AUDIO)), subjects: Some(vec![foreign]) };
    let listener = fake.engine.broadcast().subscribe(filter, Overflow::Grow, polling());
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        // Another client's stream is delivered completely and in order beside all that.
        let foreign = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let frame = fake.send_frame(foreign, &[1]);
                sent.fetch_add(1, Ordering::Relaxed);
                // As many frames as 64 streams have: early events hold half a second of that.
                if frame.is_multiple_of(8) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let openers = [0, 1].map(|opener| {
            let fake = &fake;
            scope.spawn(move || open_streams(fake, opener))
        });
        let results = openers.map(|opener| opener.join());
        done.store(true, Ordering::Release);
        foreign.join().unwrap();
        results.into_iter().for_each(|result| result.unwrap());
    });

    let mut frames = Vec::new();
    while let Some(event) = listener.pop() {
        let schema = fake.engine.schema();
        let peek = schema.peek(event.payload()).unwrap();
        schema.for_each_owned(peek.kind, peek.body, &mut |handle| frames.push(handle)).unwrap();
        listener.discarded(event);
    }
    assert!(frames.is_sorted(), "out of order");
    assert_eq!(frames.len() as u64, sent.load(Ordering::Relaxed));
    fake.all_dropped_once_but(&[foreign]);
    fake.counts_add_up();
    let stats = fake.engine.stats();
    assert_eq!((stats.malformed, stats.unknown, stats.audio.malformed, stats.audio.held_dropped), (0, 0, 0, 0));
    assert!(stats.audio.held > 0, "no frame ever came early: the test does not test what it says");
}
