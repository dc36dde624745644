//! Where several threads use rtc-node, each hears of its own requests and rooms.

use crate::fake_engine::*;
use crate::message::Message;
use narrowcast_core::{ALL_GROUPS, Filter, Group, KindSet, Overflow, Subscriber};
use std::sync::Arc;

const ROOM: u32 = 1;

fn listen(fake: &Fake, group: Group) -> Arc<Subscriber> {
    let filter = Filter::kinds(KindSet::first(fake.engine.schema().kinds()));
    fake.engine.broadcast().subscribe_as(group, filter, Overflow::Grow, polling())
}

fn subjects(listener: &Subscriber) -> Vec<u64> {
    std::iter::from_fn(|| listener.take()).map(|event| event.subject()).collect()
}

fn say(fake: &Fake, room: u64) {
    fake.engine.receive(&Message::new().message(ROOM, Message::new().varint(1, room)).0);
}

fn answer(fake: &Fake, async_id: u64) {
    fake.engine.receive(&Message::new().message(CAPTURE_AUDIO_FRAME, Message::new().varint(1, async_id)).0);
}

#[test]
fn an_answer_goes_to_the_thread_that_asked() {
    let fake = Fake::new();
    let groups = [fake.engine.request_ids().thread().group, fake.engine.request_ids().thread().group];
    assert!(groups[0] != groups[1] && !groups.contains(&ALL_GROUPS));
    let [first, second, everybody] = [groups[0], groups[1], ALL_GROUPS].map(|group| listen(&fake, group));
    let ids = groups.map(|group| u64::from(group) << 40);
    // The engine's own count from 1; what is above the threads' belongs to no thread.
    for id in [ids[0] + 1, ids[1] + 1, ids[1] + (1 << 40) - 1, 7, u64::MAX] {
        answer(&fake, id);
    }
    assert_eq!(subjects(&first), [ids[0] + 1, 7, u64::MAX]);
    assert_eq!(subjects(&second), [ids[1] + 1, ids[1] + (1 << 40) - 1, 7, u64::MAX]);
    assert_eq!(subjects(&everybody).len(), 5);
    fake.counts_add_up();
}

#[test]
fn a_room_is_heard_by_all_until_it_is_claimed_and_when_that_is_over() {
    let fake = Fake::new();
    let [first, second] = [1, 2].map(|group| listen(&fake, group));
    let claims = fake.engine.claims();
    let mut heard = |room| {
        say(&fake, room);
        (subjects(&first).len(), subjects(&second).len())
    };
    assert_eq!(heard(10), (1, 1));
    claims.claim(10, 1);
    claims.claim(20, 2);
    claims.claim(10, 1); // twice is once
    assert_eq!([10, 20, 30].map(&mut heard), [(1, 0), (0, 1), (1, 1)]);
    claims.claim(10, ALL_GROUPS);
    claims.claim(30, ALL_GROUPS); // never claimed
    assert_eq!([10, 20].map(&mut heard), [(1, 1), (0, 1)]);
    claims.claim(20, ALL_GROUPS);
    assert_eq!(heard(20), (1, 1));
}

#[test]
fn a_thread_that_has_gone_has_claimed_nothing() {
    let fake = Fake::new();
    let later = listen(&fake, 3);
    let claims = fake.engine.claims();
    for (room, group) in [(10, 1), (11, 1), (20, 2)] {
        claims.claim(room, group);
    }
    claims.forget(1);
    [10, 11, 20].into_iter().for_each(|room| say(&fake, room));
    assert_eq!(subjects(&later), [10, 11]);
}
