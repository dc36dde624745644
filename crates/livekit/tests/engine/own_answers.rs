//! Answers to narrowcast's own requests go to the thread that asked.

use crate::fake_engine::*;
use crate::message::Message;
use narrowcast_core::{Filter, KindSet, Overflow, Subscriber};
use narrowcast_livekit::ThreadIds;
use std::sync::Arc;

const CONNECT: u32 = 5;

fn answer(async_id: u64) -> Vec<u8> {
    Message::new().message(CAPTURE_AUDIO_FRAME, Message::new().varint(1, async_id)).0
}

fn listen(fake: &Fake, thread: ThreadIds) -> Arc<Subscriber> {
    fake.engine.own_answers().subscribe_as(thread.group, Filter::kinds(KindSet::first(1)), Overflow::Grow, polling())
}

fn subjects(listener: &Subscriber) -> Vec<u64> {
    std::iter::from_fn(|| listener.take()).map(|event| event.subject()).collect()
}

#[test]
fn each_thread_gets_the_answers_to_what_it_asked_and_no_other_thread_does() {
    let fake = Fake::new();
    let everybody = Filter::kinds(KindSet::EMPTY.with(kind(CAPTURE_AUDIO_FRAME)));
    let everybody = fake.engine.broadcast().subscribe(everybody, Overflow::Grow, polling());
    let askers = [fake.engine.request_ids().thread(), fake.engine.request_ids().thread()];
    let listeners = askers.map(|asker| listen(&fake, asker));
    let [first, second] = askers.map(|asker| asker.classes);
    for async_id in [first + 1, second + 1, second + (1 << 40) - 1, first + 2, 7, 1 << 40] {
        fake.engine.receive(&answer(async_id));
    }
    assert_eq!(subjects(&listeners[0]), [first + 1, first + 2]);
    assert_eq!(subjects(&listeners[1]), [second + 1, second + (1 << 40) - 1]);
    assert_eq!(subjects(&everybody), [7, 1 << 40], "what rtc-node's client asked is broadcast");
    assert_eq!(fake.engine.stats().answered, 4);
    fake.counts_add_up();
}

#[test]
fn an_answer_whose_asker_is_gone_has_what_it_owns_released() {
    let fake = Fake::new();
    let asker = fake.engine.request_ids().thread();
    let listener = listen(&fake, asker);
    let room = |handle| Message::new().at(&[CONNECT, 3, 1, 1, 1], handle);
    let connected = |async_id, handle| {
        let Message(room) = room(handle);
        // Two occurrences of one case are not merged, so both parts are written as one.
        let body = Message::new().varint(1, async_id).raw(&room[2..]);
        Message::new().message(CONNECT, body).0
    };
    let kept = fake.handle();
    fake.engine.receive(&connected(asker.classes + 1, kept));
    assert_eq!(subjects(&listener), [asker.classes + 1]);
    assert_eq!(fake.drops(kept), 0, "the reader of the answer has it now");

    let lost = [fake.handle(), fake.handle()];
    fake.engine.receive(&connected(asker.classes + 2, lost[0]));
    fake.engine.own_answers().unsubscribe(&listener);
    fake.engine.receive(&connected(asker.classes + 3, lost[1]));
    drop(listener);
    assert_eq!(lost.map(|handle| fake.drops(handle)), [1, 1]);
}

#[test]
fn a_thousand_threads_have_ids_of_their_own() {
    let fake = Fake::new();
    let bases: std::collections::BTreeSet<u64> =
        (0..1000).map(|_| fake.engine.request_ids().thread().classes).collect();
    assert_eq!(bases.len(), 1000);
    assert!(bases.iter().all(|base| (1 << 61..1 << 62).contains(base)));
}
