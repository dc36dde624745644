//! Frames that come before the stream that was asked for is registered.

use crate::fake_engine::*;
use narrowcast_core::{Doorbell, Filter, KindSet, Overflow, Waiter, Wake};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Frames that can wait.
const ROOM: u64 = 4096;

#[test]
fn early_frames_wait_and_are_the_first_ones_of_their_stream() {
    let fake = Fake::new();
    let (stream, pcm) = (fake.handle(), pcm_stream());
    let expecting = fake.engine.expect_stream();
    let early = [fake.send_frame(stream, &[1]), fake.send_frame(stream, &[2])];
    assert_eq!(early.map(|frame| fake.drops(frame)), [0; 2], "their samples are needed");

    fake.engine.open_stream(stream, pcm.clone());
    fake.send_frame(stream, &[3]);
    drop(expecting);
    fake.send_frame(stream, &[4]);
    assert_eq!(drain(&pcm), [1, 2, 3, 4]);
    fake.all_dropped_once_but(&[stream]);
    let stats = fake.engine.stats().audio;
    assert_eq!((stats.held, stats.held_dropped, stats.frames), (3, 0, 4));
    fake.counts_add_up();
}

#[test]
fn where_the_request_fails_what_waited_goes_the_way_of_all_events() {
    let fake = Fake::new();
    let expecting = fake.engine.expect_stream();
    let frame = fake.send_frame(7, &[1]);
    drop(expecting);
    assert_eq!(fake.drops(frame), 1);

    let filter = Filter { kinds: KindSet::EMPTY.with(kind(AUDIO)), subjects: Some(vec![7]) };
    let listener = fake.engine.broadcast().subscribe(filter, Overflow::Grow, polling());
    let expecting = fake.engine.expect_stream();
    let (message, frame) = fake.frame(7, &[1]);
    fake.engine.receive(&message);
    fake.send_eos(7);
    assert_eq!(listener.len(), 0);
    drop(expecting);
    fake.send_frame(7, &[2]);
    let payloads: Vec<_> = std::iter::from_fn(|| listener.take()).map(|event| event.payload().to_vec()).collect();
    assert_eq!((payloads.len(), &payloads[0], &payloads[1]), (3, &message, &eos(7)));
    assert_eq!(fake.drops(frame), 0, "the reader of the event has the frame now");
    fake.counts_add_up();
}

#[test]
fn an_event_that_waited_and_is_lost_on_its_listener_is_released_once() {
    let fake = Fake::new();
    let filter = Filter::kinds(KindSet::EMPTY.with(kind(AUDIO)));
    let listener = fake.engine.broadcast().subscribe(filter, Overflow::Grow, polling());
    let expecting = fake.engine.expect_stream();
    let frame = fake.send_frame(7, &[1]);
    drop(expecting);
    assert_eq!(fake.drops(frame), 0);
    fake.engine.broadcast().unsubscribe(&listener);
    drop(listener);
    assert_eq!(fake.drops(frame), 1);
}

#[test]
fn an_end_that_waits_ends_its_stream_after_its_frames() {
    let fake = Fake::new();
    let (stream, pcm) = (fake.handle(), pcm_stream());
    let expecting = fake.engine.expect_stream();
    fake.send_frame(stream, &[1]);
    fake.send_eos(stream);
    fake.engine.open_stream(stream, pcm.clone());
    assert!(!pcm.has_ended());
    drop(expecting);
    assert_eq!((drain(&pcm), pcm.has_ended()), (vec![1], true));
    assert_eq!(fake.engine.stats().audio.streams, 0);
    fake.counts_add_up();
}

#[test]
fn a_stream_that_is_closed_while_its_frames_wait_has_them_released() {
    let fake = Fake::new();
    let filter = Filter::kinds(KindSet::EMPTY.with(kind(AUDIO)));
    let listener = fake.engine.broadcast().subscribe(filter, Overflow::Grow, polling());
    let (stream, pcm) = (fake.handle(), pcm_stream());
    // Another thread asks for a stream as well, and takes longer.
    let other = fake.engine.expect_stream();
    let expecting = fake.engine.expect_stream();
    fake.send_frame(stream, &[1]);
    fake.engine.open_stream(stream, pcm.clone());
    drop(expecting);
    fake.send_frame(stream, &[2]);
    fake.engine.close_stream(stream);
    fake.send_frame(stream, &[3]);
    fake.send_eos(stream);
    // Forgets the streams that have ended.
    let (unrelated, _) = fake.open();
    drop(other);
    assert_eq!((drain(&pcm), listener.len()), (vec![], 1), "of the end alone the listener hears");
    fake.all_dropped_once_but(&[unrelated]);
    assert_eq!(fake.engine.stats().audio.released, 3);
    fake.counts_add_up();
}

#[test]
fn nothing_is_routed_before_the_last_of_several_threads_has_its_stream() {
    let fake = Fake::new();
    let (first, second) = (fake.handle(), fake.handle());
    let streams = [pcm_stream(), pcm_stream()];
    let one = fake.engine.expect_stream();
    let two = fake.engine.expect_stream();
    fake.send_frame(second, &[1]);
    fake.send_frame(first, &[2]);
    fake.engine.open_stream(first, streams[0].clone());
    drop(one);
    fake.send_frame(first, &[3]);
    fake.engine.open_stream(second, streams[1].clone());
    drop(two);
    fake.send_frame(second, &[4]);
    assert_eq!((drain(&streams[0]), drain(&streams[1])), (vec![2, 3], vec![1, 4]));
    fake.all_dropped_once_but(&[first, second]);
}

#[test]
fn a_stream_that_flows_is_not_held_up_by_one_that_is_asked_for() {
    let fake = Fake::new();
    let (flowing, pcm) = fake.open();
    fake.send_frame(flowing, &[1]);
    let expecting = fake.engine.expect_stream();
    fake.send_frame(flowing, &[2]);
    assert_eq!(drain(&pcm), [1, 2]);
    fake.send_eos(flowing);
    assert!(pcm.has_ended());
    fake.engine.close_stream(flowing);
    fake.send_frame(flowing, &[3]);
    drop(expecting);
    assert_eq!(fake.engine.stats().audio.held, 1, "what came after its end is as good as unknown");
    fake.all_dropped_once_but(&[]);
    fake.counts_add_up();
}

#[test]
fn events_that_are_no_audio_do_not_wait() {
    let fake = Fake::new();
    let listener = fake.engine.broadcast().subscribe(Filter::kinds(KindSet::first(128)), Overflow::Grow, polling());
    let _expecting = fake.engine.expect_stream();
    fake.engine.receive(&crate::message::Message::new().at(&[1, 1], 7).0);
    assert_eq!(listener.take().map(|event| event.subject()), Some(7));
}

#[test]
fn too_many_waiting_frames_are_released_and_counted_the_oldest_first() {
    let fake = Fake::new();
    let (stream, pcm) = (fake.handle(), pcm_stream());
    let expecting = fake.engine.expect_stream();
    let frames: Vec<_> = (0..ROOM as i16 + 3).map(|number| fake.send_frame(stream, &[number])).collect();
    let released: Vec<_> = frames.iter().filter(|frame| fake.drops(**frame) > 0).collect();
    assert_eq!(released, frames[..3].iter().collect::<Vec<_>>());
    fake.engine.open_stream(stream, pcm.clone());
    drop(expecting);
    assert_eq!(drain(&pcm), Vec::from_iter(3..ROOM as i16 + 3));
    fake.all_dropped_once_but(&[stream]);
    let stats = fake.engine.stats().audio;
    assert_eq!((stats.held, stats.held_dropped), (ROOM + 3, 3));
    fake.counts_add_up();
}

#[test]
fn an_end_is_not_lost_where_early_events_have_no_room() {
    let fake = Fake::new();
    let streams = [(fake.handle(), pcm_stream()), (fake.handle(), pcm_stream())];
    let expecting = fake.engine.expect_stream();
    fake.send_frame(streams[0].0, &[1]);
    fake.send_eos(streams[0].0);
    for _ in 0..2 * ROOM {
        fake.send_frame(streams[1].0, &[2]);
    }
    for (stream, pcm) in &streams {
        fake.engine.open_stream(*stream, pcm.clone());
    }
    drop(expecting);
    assert!(streams[0].1.has_ended(), "its reader would wait for ever");
    assert_eq!(drain(&streams[1].1).len(), ROOM as usize - 1);
    // The first one's own went with its end.
    fake.all_dropped_once_but(&[streams[1].0]);
    fake.counts_add_up();
}

#[test]
fn early_events_that_are_all_ends_stay_within_their_room() {
    let fake = Fake::new();
    let expecting = fake.engine.expect_stream();
    for stream in 1..=ROOM + 5 {
        fake.send_eos(stream);
    }
    assert_eq!(fake.engine.stats().audio.held_dropped, 5);
    drop(expecting);
    fake.counts_add_up();
    let frame = fake.send_frame(7, &[1]);
    assert_eq!((fake.drops(frame), fake.engine.stats().audio.held), (1, ROOM + 5), "no event waits any more");
}

#[test]
fn a_panic_while_events_are_routed_leaves_early_events_in_order() {
    struct Panics;
    impl Wake for Panics {
        fn wake(&self) {
            panic!("the test's own");
        }
    }
    let fake = Fake::new();
    let filter = Filter::kinds(KindSet::EMPTY.with(kind(AUDIO)));
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(Panics))), 0);
    let listener = fake.engine.broadcast().subscribe(filter, Overflow::Grow, waiter);
    assert!(listener.wait());
    let expecting = fake.engine.expect_stream();
    fake.send_frame(7, &[1]);
    fake.send_frame(7, &[2]);
    catch_unwind(AssertUnwindSafe(|| drop(expecting))).unwrap_err();

    fake.send_frame(7, &[3]);
    assert_eq!(listener.len(), 3);
    let (stream, pcm) = (fake.handle(), pcm_stream());
    let expecting = fake.engine.expect_stream();
    fake.send_frame(stream, &[1]);
    fake.engine.open_stream(stream, pcm.clone());
    drop(expecting);
    fake.send_frame(stream, &[2]);
    assert_eq!((drain(&pcm), fake.engine.stats().audio.held), (vec![1, 2], 4));
}
