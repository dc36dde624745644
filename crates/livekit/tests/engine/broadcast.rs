//! Everything that is no frame of ours: to its subscribers, or released.

use crate::fake_engine::*;
use crate::message::Message;
use narrowcast_core::{Filter, Kind, KindSet, Overflow, Subscriber};
use narrowcast_livekit::{CapturePump, CaptureStats, Pcm, Source};
use std::sync::{Arc, Mutex};

const ROOM: u32 = 1;
const CONNECT: u32 = 5;
const DISCONNECT: u32 = 7;

/// JavaScript's async ids start here.
const ASYNC_ID: u64 = 1 << 40;

fn subscribe(fake: &Fake, kind: Kind, overflow: Overflow) -> Arc<Subscriber> {
    fake.engine.broadcast().subscribe(Filter::kinds(KindSet::EMPTY.with(kind)), overflow, polling())
}

/// An answer to a connect request that owns seven handles at four depths: a room, the local participant, and two
/// participants, one of them with three tracks.
fn connected(fake: &Fake) -> (Vec<u8>, Vec<u64>) {
    let handles: Vec<_> = (0..7).map(|_| fake.handle()).collect();
    let owned = |at: usize| Message::new().at(&[1, 1], handles[at]);
    let participant = |at, tracks: &[usize]| {
        let tracks = tracks.iter().fold(Message::new(), |message, track| message.message(2, owned(*track)));
        Message::new().message(1, owned(at)).raw(&tracks.0)
    };
    let result = Message::new().message(1, owned(0)).message(2, owned(1));
    let result = result.message(3, participant(2, &[])).message(3, participant(3, &[4, 5, 6]));
    (Message::new().message(CONNECT, Message::new().varint(1, ASYNC_ID).message(3, result)).0, handles)
}

fn drops(fake: &Fake, handles: &[u64]) -> Vec<usize> {
    handles.iter().map(|handle| fake.drops(*handle)).collect()
}

#[test]
fn all_that_an_event_owns_is_released_once_if_no_subscriber_wants_it() {
    let fake = Fake::new();
    let (message, handles) = connected(&fake);
    let _other = subscribe(&fake, kind(DISCONNECT), Overflow::Grow);
    fake.engine.receive(&message);
    assert_eq!(drops(&fake, &handles), [1; 7]);
    fake.counts_add_up();
}

#[test]
fn what_a_delivered_event_owns_belongs_to_the_subscriber_that_took_it() {
    let fake = Fake::new();
    let (message, handles) = connected(&fake);
    let takes = subscribe(&fake, kind(CONNECT), Overflow::Grow);
    let drops_it = subscribe(&fake, kind(CONNECT), Overflow::Grow);
    fake.engine.receive(&message);
    let event = takes.take().unwrap();
    assert_eq!((event.subject(), event.payload()), (ASYNC_ID, &*message));
    drop((event, takes, drops_it));
    fake.engine.broadcast().close();
    assert_eq!(drops(&fake, &handles), [0; 7]);
    fake.counts_add_up();
}

#[test]
fn what_two_subscribers_leave_unread_is_released_once_by_the_last_of_them() {
    let fake = Fake::new();
    let (message, handles) = connected(&fake);
    let subscribers = [0, 1].map(|_| subscribe(&fake, kind(CONNECT), Overflow::Grow));
    fake.engine.receive(&message);
    let [first, second] = subscribers;
    for subscriber in [&first, &second] {
        fake.engine.broadcast().unsubscribe(subscriber);
    }
    drop(first);
    assert_eq!(drops(&fake, &handles), [0; 7]);
    drop(second);
    assert_eq!(drops(&fake, &handles), [1; 7]);
}

#[test]
fn what_two_full_queues_push_out_is_released_once() {
    let fake = Fake::new();
    let _oldest = subscribe(&fake, kind(CONNECT), Overflow::DropOldest { capacity: 2 });
    let newest = subscribe(&fake, kind(CONNECT), Overflow::DropNewest { capacity: 1 });
    let lagging = subscribe(&fake, kind(CONNECT), Overflow::Error { max: 1 });
    let events: Vec<_> = (0..4)
        .map(|_| {
            let (message, handles) = connected(&fake);
            fake.engine.receive(&message);
            handles
        })
        .collect();
    // The first waits for those that keep the oldest, the last two for the one that keeps the newest.
    let expected = [[0; 7], [1; 7], [0; 7], [0; 7]];
    assert_eq!(events.iter().map(|handles| drops(&fake, handles)).collect::<Vec<_>>(), expected);
    assert!(lagging.is_lagged());

    newest.discarded(newest.pop().unwrap());
    assert_eq!(drops(&fake, &events[0]), [0; 7], "the one that lagged can still read it");
    lagging.clear();
    assert_eq!(drops(&fake, &events[0]), [1; 7]);
    fake.counts_add_up();
}

#[test]
fn an_event_that_is_damaged_behind_its_handles_releases_those() {
    let fake = Fake::new();
    let handle = fake.handle();
    // participantConnected is whole; what follows in the room event is not.
    let event = Message::new().at(&[2, 1, 1, 1], handle).bytes(7, &[0xff]).varint(1, 9);
    fake.engine.receive(&Message::new().message(ROOM, event).0);
    assert_eq!(fake.drops(handle), 1);
}

#[test]
fn events_reach_those_who_ask_for_their_room_or_their_async_id_in_the_order_they_came() {
    let fake = Fake::new();
    let about = |field, subject| Filter { kinds: KindSet::EMPTY.with(kind(field)), subjects: Some(vec![subject]) };
    let broadcast = fake.engine.broadcast();
    let room = broadcast.subscribe(about(ROOM, 9), Overflow::Grow, polling());
    let answer = broadcast.subscribe(about(DISCONNECT, ASYNC_ID), Overflow::Grow, polling());
    let everything = broadcast.subscribe(Filter::kinds(KindSet::first(128)), Overflow::Grow, polling());
    for (field, subject) in [(ROOM, 9), (ROOM, 8), (DISCONNECT, ASYNC_ID), (DISCONNECT, 1), (ROOM, 9)] {
        fake.engine.receive(&Message::new().at(&[field, 1], subject).0);
    }
    let subjects = |subscriber: &Subscriber| -> Vec<_> {
        std::iter::from_fn(|| subscriber.take()).map(|event| event.subject()).collect()
    };
    assert_eq!(subjects(&room), [9, 9]);
    assert_eq!(subjects(&answer), [ASYNC_ID]);
    assert_eq!(subjects(&everything), [9, 8, ASYNC_ID, 1, 9]);
    fake.counts_add_up();
}

fn answer(async_id: u64, error: Option<&str>) -> Vec<u8> {
    let answer = Message::new().varint(1, async_id);
    let answer = error.map_or(answer.clone(), |error| answer.bytes(capture_spec().error, error.as_bytes()));
    Message::new().message(CAPTURE_AUDIO_FRAME, answer).0
}

/// Plays three chunks, and returns the async ids of the requests.
fn play(fake: &Fake) -> (CapturePump, Vec<u64>) {
    play_for(fake, None)
}

fn play_for(fake: &Fake, answers_to: Option<u64>) -> (CapturePump, Vec<u64>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = std::sync::mpsc::channel();
    fake.on_request({
        let asked = asked.clone();
        move |request| {
            let read = |bytes: &[u8], wanted: u32| {
                let (fields, whole) = crate::reference::fields(bytes);
                assert!(whole);
                fields.into_iter().find(|(field, _)| *field == wanted).unwrap().1
            };
            let crate::reference::Value::Bytes(capture) = read(request, capture_spec().request) else { panic!() };
            let crate::reference::Value::Varint(id) = read(&capture, capture_spec().request_async_id) else { panic!() };
            asked.lock().unwrap().push(id);
            sender.send(()).unwrap();
            true
        }
    });
    let pcm = Pcm::Looped { pcm: vec![0; 160].into(), chunks: 3, answers_to };
    let source = Source { handle: 5, sample_rate: RATE, channels: 1, pcm };
    let pump = CapturePump::start(fake.engine, vec![source]).unwrap();
    (0..3).for_each(|_| receiver.recv().unwrap());
    let asked = asked.lock().unwrap().clone();
    (pump, asked)
}

#[test]
fn answers_to_native_captures_are_counted_and_not_broadcast() {
    let fake = Fake::new();
    let listener = subscribe(&fake, kind(CAPTURE_AUDIO_FRAME), Overflow::Grow);
    let (pump, asked) = play(&fake);
    fake.engine.receive(&answer(asked[0], None));
    fake.engine.receive(&answer(asked[1], Some("the queue is full")));
    // A failure without a text is one, too.
    fake.engine.receive(&answer(asked[2], Some("")));
    assert_eq!(pump.stats(), [CaptureStats { sent: 3, captured: 1, failed: 2 }]);
    assert_eq!((listener.len(), fake.engine.stats().answered), (0, 3));
    fake.counts_add_up();
}

#[test]
fn answers_to_native_captures_go_to_the_client_that_the_source_names() {
    let fake = Fake::new();
    let listener = subscribe(&fake, kind(CAPTURE_AUDIO_FRAME), Overflow::Grow);
    let (mut pump, asked) = play_for(&fake, Some(77));
    // The last request was heard, but may not have returned, and is counted after that.
    pump.stop();
    assert_eq!(asked, [77; 3]);
    for id in asked {
        fake.engine.receive(&answer(id, None));
    }
    assert_eq!((listener.len(), fake.engine.stats().answered), (3, 0));
    assert_eq!(pump.stats(), [CaptureStats { sent: 3, captured: 3, failed: 0 }]);
    fake.counts_add_up();
}

#[test]
fn answers_to_native_captures_are_not_broadcast_when_the_pump_is_gone_either() {
    let fake = Fake::new();
    let listener = subscribe(&fake, kind(CAPTURE_AUDIO_FRAME), Overflow::Grow);
    let (pump, asked) = play(&fake);
    drop(pump);
    fake.engine.receive(&answer(asked[0], None));
    let (other, _asked) = play(&fake);
    fake.engine.receive(&answer(asked[1], None));
    assert_eq!((listener.len(), fake.engine.stats().answered), (0, 2));
    assert_eq!(other.stats()[0].captured, 0, "it was another pump's");
    fake.counts_add_up();
}

#[test]
fn answers_that_javascript_waits_for_reach_it_whatever_the_async_id() {
    let fake = Fake::new();
    let captures = subscribe(&fake, kind(CAPTURE_AUDIO_FRAME), Overflow::Grow);
    let disconnects = subscribe(&fake, kind(DISCONNECT), Overflow::Grow);
    let native = 1 << 62;
    let own = 1 << 61;
    // Below and above the ranges of narrowcast's own requests, and without any.
    for id in [ASYNC_ID, 1, own - 1, native << 1, u64::MAX, 0] {
        fake.engine.receive(&answer(id, None));
        assert_eq!(captures.take().map(|event| event.subject()), Some(id));
    }
    // Another question's answer, in the native range.
    fake.engine.receive(&Message::new().at(&[DISCONNECT, 1], native).0);
    assert_eq!(disconnects.take().map(|event| event.subject()), Some(native));
    assert_eq!(fake.engine.stats().answered, 0);
    fake.counts_add_up();
}
