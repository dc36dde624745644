//! Frames of our own streams, and of others'.

use crate::fake_engine::*;
use crate::message::Message;
use narrowcast_core::{Filter, KindSet, Overflow, Subscriber};
use std::sync::Arc;

fn subscribe_to_audio(fake: &Fake) -> Arc<Subscriber> {
    let filter = Filter::kinds(KindSet::EMPTY.with(kind(AUDIO)));
    fake.engine.broadcast().subscribe(filter, Overflow::Grow, polling())
}

#[test]
fn a_frame_is_copied_into_its_stream_and_its_handle_dropped_once() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    let (other, other_pcm) = fake.open();
    let frames =
        [fake.send_frame(stream, &[1, 2, 3, 4]), fake.send_frame(stream, &[5, 6]), fake.send_frame(other, &[7])];

    assert_eq!((drain(&pcm), drain(&other_pcm)), (vec![1, 2, 3, 4, 5, 6], vec![7]));
    assert_eq!(frames.map(|frame| fake.drops(frame)), [1; 3]);
    let stats = fake.engine.stats();
    assert_eq!((stats.audio.streams, stats.audio.frames, stats.events.published), (2, 3, 0));
    fake.counts_add_up();
}

#[test]
fn a_listener_hears_of_no_frame_of_an_open_stream_but_of_its_end() {
    let fake = Fake::new();
    let listener = subscribe_to_audio(&fake);
    let (stream, pcm) = fake.open();
    fake.send_frame(stream, &[1]);
    assert_eq!(listener.len(), 0);
    fake.send_eos(stream);
    assert_eq!(listener.len(), 1);
    assert!(pcm.has_ended());
    fake.engine.close_stream(stream);
    fake.send_frame(stream, &[2]);
    assert_eq!((drain(&pcm), listener.len()), (vec![1], 2), "after its end, the stream is as good as unknown");
}

#[test]
fn frames_of_a_closed_stream_are_released_until_its_end_and_then_it_is_forgotten() {
    let fake = Fake::new();
    let listener = subscribe_to_audio(&fake);
    let (stream, pcm) = fake.open();
    fake.send_frame(stream, &[1]);
    fake.engine.close_stream(stream);
    assert_eq!(fake.drops(stream), 1);
    let late = [fake.send_frame(stream, &[2]), fake.send_frame(stream, &[3])];
    assert_eq!((drain(&pcm), listener.len()), (vec![1], 0));
    assert_eq!(late.map(|frame| fake.drops(frame)), [1; 2]);
    let stats = fake.engine.stats().audio;
    assert_eq!((stats.streams, stats.frames, stats.released, stats.others), (0, 1, 2, 0));

    fake.send_eos(stream);
    fake.open();
    let foreign = fake.send_frame(stream, &[4]);
    assert_eq!(listener.len(), 2, "the end, and then a frame: a stream that is not known is not ours");
    assert_eq!(fake.drops(foreign), 0);
    fake.counts_add_up();
    drop(listener);
    fake.engine.broadcast().close();
    assert_eq!(fake.drops(foreign), 1);
}

#[test]
fn a_streams_handle_is_dropped_at_its_end_or_when_it_is_closed_and_once() {
    let fake = Fake::new();
    let (ended, _) = fake.open();
    fake.send_eos(ended);
    assert_eq!(fake.drops(ended), 1, "its reader may take long for what is buffered, or never come");
    let (other, _) = fake.open();
    fake.engine.close_stream(other);
    fake.send_eos(other);
    fake.engine.close_stream(ended);
    fake.engine.close_stream(other);
    let (open, pcm) = fake.open();
    fake.engine.close_stream(open);
    assert!(!pcm.has_ended(), "its reader left, and ends it");
    fake.all_dropped_once_but(&[]);
}

#[test]
fn frames_that_come_after_their_streams_end_are_released_and_not_counted_as_read() {
    let fake = Fake::new();
    let streams = [fake.open(), fake.open()];
    fake.send_eos(streams[0].0);
    streams[1].1.end();
    for (stream, pcm) in &streams {
        fake.send_frame(*stream, &[1]);
        assert_eq!(drain(pcm), []);
    }
    let stats = fake.engine.stats().audio;
    assert_eq!((stats.streams, stats.frames, stats.released, stats.others), (0, 0, 2, 0));
    fake.counts_add_up();
}

#[test]
fn when_all_streams_are_ended_each_one_ends_and_keeps_what_it_has() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    let (closed, _) = fake.open();
    fake.engine.close_stream(closed);
    fake.send_frame(stream, &[1]);
    fake.engine.end_streams();
    fake.send_frame(stream, &[2]);
    assert!(pcm.has_ended());
    assert_eq!((drain(&pcm), fake.engine.stats().audio.streams), (vec![1], 0));
    assert_eq!(fake.drops(stream), 0, "its handle belongs to the client that opened it");
    fake.engine.close_stream(stream);
    fake.all_dropped_once_but(&[]);

    // Streams of later on are not concerned.
    let (stream, pcm) = fake.open();
    fake.send_frame(stream, &[3]);
    assert_eq!(drain(&pcm), [3]);
    fake.counts_add_up();
}

#[test]
fn frames_of_streams_that_narrowcast_did_not_open_are_broadcast() {
    let fake = Fake::new();
    let foreign = fake.handle();
    let listener = subscribe_to_audio(&fake);
    let about = |stream| Filter { kinds: KindSet::EMPTY.with(kind(AUDIO)), subjects: Some(vec![stream]) };
    let interested = fake.engine.broadcast().subscribe(about(foreign), Overflow::Grow, polling());
    let uninterested = fake.engine.broadcast().subscribe(about(foreign + 1), Overflow::Grow, polling());

    let (message, frame) = fake.frame(foreign, &[1]);
    fake.engine.receive(&message);
    fake.send_eos(foreign);
    assert_eq!((listener.len(), interested.len(), uninterested.len()), (2, 2, 0));
    let event = listener.take().unwrap();
    assert_eq!((event.kind(), event.subject(), event.payload()), (kind(AUDIO), foreign, &*message));
    drop((event, interested));
    assert_eq!(fake.drops(frame), 0, "the reader of the event has the frame now");
    fake.counts_add_up();
}

#[test]
fn a_frame_that_no_subscriber_wants_is_released_at_once() {
    let fake = Fake::new();
    let frame = fake.send_frame(7, &[1]);
    assert_eq!(fake.drops(frame), 1);
    fake.send_eos(7);
    assert_eq!(fake.engine.stats().events.unwanted, 2);
    fake.counts_add_up();
}

/// Where no samples are: a read there fails for good.
const NOWHERE: u64 = 0x7000_0000_0000_0000;

/// Samples in 10 s of 8 channels at 48 kHz.
const MOST: u64 = 3_840_000;

#[test]
fn a_frame_whose_description_is_wrong_is_released_counted_and_never_read() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    let info = |data_ptr, channels, rate, samples| {
        Message::new().varint(1, data_ptr).varint(2, channels).varint(3, rate).varint(4, samples)
    };
    let descriptions = [
        ("null", info(0, 1, 16_000, 4)),
        ("a count for an address", info(480, 1, 16_000, 4)),
        ("misaligned", info(NOWHERE + 1, 1, 16_000, 4)),
        ("no samples that long", info(NOWHERE, 1, 16_000, MOST + 1)),
        ("as long as it can be", info(NOWHERE, 1, 16_000, u64::MAX)),
        ("another rate", info(NOWHERE, 1, 48_000, 4)),
        ("other channels", info(NOWHERE, 2, 16_000, 2)),
        ("as many channels as it can have", info(NOWHERE, u32::MAX.into(), 16_000, u32::MAX.into())),
        ("no channels", info(NOWHERE, 0, 16_000, 4)),
        ("no samples", info(NOWHERE, 1, 16_000, 0)),
        ("no address", Message::new().varint(2, 1).varint(3, 16_000).varint(4, 4)),
        ("no description", Message::new()),
        ("text for an address", Message::new().bytes(1, b"0").varint(2, 1).varint(3, 16_000).varint(4, 4)),
    ];
    for (count, (what, info)) in (1..).zip(descriptions) {
        let handle = fake.handle();
        fake.engine.receive(&frame_with(stream, handle, info));
        assert_eq!(fake.drops(handle), 1, "{what}");
        let stats = fake.engine.stats();
        assert_eq!((stats.audio.malformed, stats.audio.frames, stats.malformed), (count, 0, 0), "{what}");
    }
    assert_eq!(drain(&pcm), []);
    fake.counts_add_up();
}

#[test]
fn a_frame_without_a_handle_is_not_read_for_nothing_keeps_its_samples() {
    let fake = Fake::new();
    let (stream, _) = fake.open();
    let info = Message::new().varint(1, NOWHERE).varint(2, 1).varint(3, RATE.into()).varint(4, 4);
    fake.engine.receive(&frame_with(stream, 0, info.clone()));
    fake.engine.close_stream(stream);
    fake.engine.receive(&frame_with(stream, 0, info));
    let stats = fake.engine.stats().audio;
    assert_eq!((stats.malformed, stats.released), (1, 1));
    assert_eq!(fake.drops(0), 0, "0 is no handle");
    fake.counts_add_up();
}

#[test]
fn samples_on_the_borders_of_what_is_plausible_are_read() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    fake.send_frame(stream, &vec![7; MOST as usize]);
    assert_eq!(fake.engine.stats().audio.frames, 1);
    assert_eq!(pcm.buffered(), 40_000, "of a frame longer than the ring, the end");
    fake.all_dropped_once_but(&[stream]);
}

#[test]
fn an_event_that_is_cut_off_is_counted_and_its_frame_not_read() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    let (whole, handle) = fake.frame(stream, &[1, 2, 3, 4]);
    // Key, length, audio event.
    let (event, outer) = (&whole[2..], whole.len());
    assert!(outer < 128);
    for len in 0..outer {
        fake.engine.receive(&whole[..len]);
    }
    assert_eq!(fake.engine.stats().malformed, outer as u64);
    // As long as the outer message says, but cut off inside.
    for len in 0..event.len() {
        fake.engine.receive(&Message::new().bytes(AUDIO, &event[..len]).0);
    }
    let stats = fake.engine.stats();
    assert_eq!(stats.audio.frames, 0);
    assert!(stats.malformed > (outer + event.len()) as u64 / 2 + 10, "{stats:?}");
    assert_eq!((drain(&pcm), fake.drops(handle)), (vec![], 0), "a handle that was cut off may be another one");
    fake.counts_add_up();
}

#[test]
fn a_frame_whose_description_is_cut_off_is_released() {
    let fake = Fake::new();
    let (stream, pcm) = fake.open();
    let info = Message::new().varint(1, NOWHERE).varint(2, 1).varint(3, RATE.into()).varint(4, 300).0;
    for len in 0..info.len() {
        for stream in [stream, 7] {
            let handle = fake.handle();
            fake.engine.receive(&frame_with(stream, handle, Message::new().raw(&info[..len])));
            assert_eq!(fake.drops(handle), 1, "{len} of {} bytes", info.len());
        }
    }
    let stats = fake.engine.stats();
    assert_eq!((drain(&pcm), stats.audio.frames), (vec![], 0));
    assert!(stats.malformed > 0 && stats.audio.malformed > 0, "{stats:?}");
    fake.counts_add_up();
}

#[test]
fn what_is_no_event_is_counted_and_harms_nothing() {
    let fake = Fake::new();
    fake.engine.receive(&[]);
    fake.engine.receive(&[0xff; 32]);
    fake.engine.receive(&Message::new().bytes(6, b"a case of a newer engine").0);
    fake.engine.receive(&Message::new().varint(AUDIO, 1).0);
    fake.engine.receive(&audio_event(5, Message::new().bytes(9, b"neither frame nor end")));
    let (stream, pcm) = fake.open();
    fake.engine.receive(&audio_event(stream, Message::new().bytes(9, b"neither frame nor end")));
    fake.send_frame(stream, &[1]);
    assert_eq!(drain(&pcm), [1]);
    let stats = fake.engine.stats();
    assert_eq!((stats.malformed, stats.unknown), (2, 2));
    assert_eq!((stats.events.unwanted, stats.audio.others), (1, 1));
    fake.counts_add_up();
}
