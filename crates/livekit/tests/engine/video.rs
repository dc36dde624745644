//! Video frames of our own streams: into a bounded queue each, or released.

use crate::fake_engine::*;
use narrowcast_core::{Filter, KindSet, Overflow, Subscriber};
use std::sync::Arc;
use std::thread;

/// Handles that wait for 64 streams being opened at most.
const ROOM: usize = 64;

/// A subscriber that no stream feeds yet, with room for `capacity` frames.
fn reader(fake: &Fake, capacity: usize) -> Arc<Subscriber> {
    let nothing = Filter { kinds: KindSet::EMPTY, subjects: Some(vec![]) };
    fake.engine.video().subscribe(nothing, Overflow::DropOldest { capacity }, polling())
}

fn open(fake: &Fake, capacity: usize) -> (u64, Arc<Subscriber>) {
    let (stream, reader) = (fake.handle(), reader(fake, capacity));
    let expecting = fake.engine.expect_video();
    fake.engine.open_video(stream, reader.clone());
    drop(expecting);
    (stream, reader)
}

fn send(fake: &Fake, stream: u64) -> u64 {
    let frame = fake.handle();
    fake.engine.receive(&picture(stream, frame));
    frame
}

/// What a reader has, as it was sent.
fn drain(reader: &Subscriber) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| reader.take()).map(|event| event.payload().to_vec()).collect()
}

#[test]
fn the_newest_frames_wait_and_those_they_push_out_are_released() {
    let fake = Fake::new();
    let (stream, reader) = open(&fake, 2);
    let frames: Vec<u64> = (0..5).map(|_| send(&fake, stream)).collect();
    assert_eq!(frames.iter().map(|frame| fake.drops(*frame)).collect::<Vec<_>>(), [1, 1, 1, 0, 0]);
    assert_eq!(drain(&reader), [picture(stream, frames[3]), picture(stream, frames[4])]);
    assert_eq!(fake.drops(frames[4]), 0, "its reader has it now");
    fake.counts_add_up();
}

#[test]
fn frames_of_our_streams_are_no_business_of_those_who_hear_all_video() {
    let fake = Fake::new();
    let everything = Filter::kinds(KindSet::EMPTY.with(kind(VIDEO)));
    let everything = fake.engine.broadcast().subscribe(everything, Overflow::Grow, polling());
    let (stream, reader) = open(&fake, 4);
    send(&fake, stream);
    let foreign = send(&fake, 7);
    assert_eq!(reader.len(), 1);
    assert_eq!(drain(&everything), [picture(7, foreign)]);
    fake.counts_add_up();
}

#[test]
fn at_its_end_a_stream_keeps_what_waits_even_where_there_is_no_more_room() {
    let fake = Fake::new();
    let (stream, reader) = open(&fake, 1);
    let last = send(&fake, stream);
    fake.engine.receive(&video_eos(stream));
    assert!(reader.is_closed());
    assert_eq!(fake.engine.stats().video.streams, 0);
    assert_eq!(drain(&reader), [picture(stream, last)]);
    let late = send(&fake, stream);
    assert_eq!(fake.drops(late), 1);
    fake.counts_add_up();
}

#[test]
fn a_closed_stream_has_its_frames_released_until_the_engine_has_ended_it() {
    let fake = Fake::new();
    let (stream, reader) = open(&fake, 4);
    let before = send(&fake, stream);
    fake.engine.close_video(stream);
    fake.engine.video().unsubscribe(&reader);
    let after = send(&fake, stream);
    drop(reader);
    assert_eq!([stream, before, after].map(|handle| fake.drops(handle)), [1; 3]);
    assert_eq!(fake.engine.stats().video.released, 1);

    // After its end, the engine may give its handle to another stream.
    fake.engine.receive(&video_eos(stream));
    let others = Filter::kinds(KindSet::EMPTY.with(kind(VIDEO)));
    let others = fake.engine.broadcast().subscribe(others, Overflow::Grow, polling());
    drop(open(&fake, 1));
    let foreign = send(&fake, stream);
    assert_eq!(drain(&others), [picture(stream, foreign)]);
    fake.counts_add_up();
}

#[test]
fn early_frames_wait_and_are_the_first_ones_of_their_stream() {
    let fake = Fake::new();
    let (stream, reader) = (fake.handle(), reader(&fake, 10));
    let expecting = fake.engine.expect_video();
    let early = [send(&fake, stream), send(&fake, stream)];
    assert_eq!(early.map(|frame| fake.drops(frame)), [0; 2]);
    fake.engine.open_video(stream, reader.clone());
    let third = send(&fake, stream);
    drop(expecting);
    let fourth = send(&fake, stream);
    assert_eq!(drain(&reader), [early[0], early[1], third, fourth].map(|frame| picture(stream, frame)));
    assert_eq!(fake.engine.stats().video.held, 3);
    fake.counts_add_up();
}

#[test]
fn a_stream_that_ends_before_it_is_registered_ends_after_its_frames() {
    let fake = Fake::new();
    let (stream, reader) = (fake.handle(), reader(&fake, 10));
    let expecting = fake.engine.expect_video();
    let frame = send(&fake, stream);
    fake.engine.receive(&video_eos(stream));
    fake.engine.open_video(stream, reader.clone());
    assert!(!reader.is_closed());
    drop(expecting);
    assert!(reader.is_closed());
    assert_eq!(drain(&reader), [picture(stream, frame)]);
    fake.counts_add_up();
}

#[test]
fn a_stream_that_is_closed_while_its_frames_wait_has_them_released_and_not_broadcast() {
    let fake = Fake::new();
    let others = Filter::kinds(KindSet::EMPTY.with(kind(VIDEO)));
    let others = fake.engine.broadcast().subscribe(others, Overflow::Grow, polling());
    let (stream, reader) = (fake.handle(), reader(&fake, 10));
    // Another thread asks for a stream as well, and takes longer.
    let other = fake.engine.expect_video();
    let expecting = fake.engine.expect_video();
    let frame = send(&fake, stream);
    fake.engine.open_video(stream, reader.clone());
    drop(expecting);
    fake.engine.close_video(stream);
    fake.engine.receive(&video_eos(stream));
    drop(open(&fake, 1)); // forgets what has ended
    drop(other);
    assert_eq!((fake.drops(frame), others.len()), (1, 0));
    fake.counts_add_up();
}

#[test]
fn where_the_request_fails_what_waited_goes_the_way_of_all_events() {
    let fake = Fake::new();
    let expecting = fake.engine.expect_video();
    let frame = send(&fake, 7);
    drop(expecting);
    assert_eq!(fake.drops(frame), 1);
    assert_eq!(fake.engine.stats().events.unwanted, 1);
    fake.counts_add_up();
}

#[test]
fn more_early_frames_than_there_is_room_for_are_released_oldest_first() {
    let fake = Fake::new();
    let expecting = fake.engine.expect_video();
    let frames: Vec<u64> = (0..ROOM + 3).map(|_| send(&fake, 7)).collect();
    assert_eq!(frames.iter().filter(|frame| fake.drops(**frame) == 1).count(), 3);
    assert_eq!(fake.drops(frames[2]), 1);
    drop(expecting);
    assert_eq!(fake.engine.stats().video.held_dropped, 3);
    fake.counts_add_up();
}

#[test]
fn all_streams_end_when_no_events_will_come_any_more() {
    let fake = Fake::new();
    let (stream, reader) = open(&fake, 4);
    let waits = send(&fake, stream);
    fake.engine.end_streams();
    assert!(reader.is_closed());
    let late = send(&fake, stream);
    assert_eq!([waits, late].map(|frame| fake.drops(frame)), [0, 1]);
    assert_eq!(reader.len(), 1);
}

#[test]
fn every_frame_is_read_or_released_once_while_streams_open_and_close() {
    let fake = Fake::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let (stream, reader) = (fake.handle(), reader(&fake, 2));
                    let expecting = fake.engine.expect_video();
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            for _ in 0..20 {
                                send(&fake, stream);
                            }
                            fake.engine.receive(&video_eos(stream));
                        });
                        fake.engine.open_video(stream, reader.clone());
                        drop(expecting);
                        // Not taken: looked at, and released.
                        while let Some(event) = reader.pop() {
                            reader.discarded(event);
                        }
                        fake.engine.close_video(stream);
                        fake.engine.video().unsubscribe(&reader);
                        reader.clear();
                    });
                }
            });
        }
    });
    fake.all_dropped_once_but(&[]);
    assert_eq!(fake.engine.stats().video.streams, 0);
    fake.counts_add_up();
}
