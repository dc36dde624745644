//! Every interleaving, within loom's bounds, of the ways in which threads meet here.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test -p narrowcast-core --release --test loom
//! ```
//!
//! loom also fails a test that leaks an `Arc`, and one in which every thread waits: a lost wake is a deadlock here.

#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use narrowcast_core::{
    Broadcast, Doorbell, Event, EventQueue, Filter, Kind, KindSet, Offer, Overflow, Owner, SnapshotMap, Subscriber,
    Token, Waiter, Wake,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc as StdArc;
use std::sync::Mutex as StdMutex;

/// Runs `model` in every interleaving. What it returns must come out as each of `outcomes`, and as nothing else: a race
/// that never came up proves nothing.
fn explore<T: Ord + fmt::Debug + Send + 'static>(
    outcomes: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound.get_or_insert(3);
    let seen = StdArc::new(StdMutex::new(BTreeSet::new()));
    let noted = seen.clone();
    builder.check(move || {
        let outcome = model();
        noted.lock().unwrap().insert(outcome);
    });
    assert_eq!(*seen.lock().unwrap(), outcomes.into_iter().collect());
}

/// The consumer thread's side of a doorbell: sleeps until it is woken, and allows one wake at a time.
#[derive(Clone, Default)]
struct Sleeper(StdArc<(Mutex<usize>, Condvar)>);

impl Wake for Sleeper {
    fn wake(&self) {
        let mut pending = self.0.0.lock().unwrap();
        *pending += 1;
        assert_eq!(*pending, 1, "a wake was sent while one was pending");
        self.0.1.notify_one();
    }
}

impl Sleeper {
    fn sleep(&self) {
        let mut pending = self.0.0.lock().unwrap();
        while *pending == 0 {
            pending = self.0.1.wait(pending).unwrap();
        }
        *pending = 0;
    }
}

/// Answers the doorbell, with room for a single token.
fn answer(bell: &Doorbell) -> Option<Token> {
    let mut slot = [0];
    (bell.take_ready(&mut slot) == 1).then_some(slot[0])
}

/// A waiter of a thread that polls and never sleeps.
fn polling() -> Waiter {
    struct Never;
    impl Wake for Never {
        fn wake(&self) {
            panic!("no thread waits");
        }
    }
    Waiter::new(Arc::new(Doorbell::new(Box::new(Never))), 0)
}

fn everything() -> Filter {
    Filter::kinds(KindSet::first(1))
}

fn about(subject: u64) -> Filter {
    Filter { kinds: KindSet::first(1), subjects: Some(vec![subject]) }
}

fn drain(subscriber: &Subscriber) -> Vec<u64> {
    std::iter::from_fn(|| subscriber.take()).map(|event| event.subject()).collect()
}

/// How often what each payload owns was released.
#[derive(Clone, Default)]
struct Releases(StdArc<StdMutex<BTreeMap<u8, usize>>>);

impl Owner for Releases {
    fn release(&self, _: Kind, payload: &[u8]) {
        *self.0.lock().unwrap().entry(payload[0]).or_default() += 1;
    }
}

impl Releases {
    fn owner(&self) -> Arc<dyn Owner> {
        let owner: StdArc<dyn Owner> = StdArc::new(self.clone());
        Arc::from_std(owner)
    }

    /// Of the events that were sent, each was delivered to a subscriber or released, once, and never both.
    fn check(&self, sent: impl IntoIterator<Item = u8>, delivered: &[u8]) {
        let released = self.0.lock().unwrap();
        for payload in sent {
            let expected = usize::from(!delivered.contains(&payload));
            assert_eq!(released.get(&payload).copied().unwrap_or(0), expected, "releases of event {payload}");
        }
    }
}

// ── queue ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const PRODUCERS: u8 = 2;
const EACH: u64 = 3;

struct Outcome {
    /// What became of each event when it was offered, by producer and number.
    offers: BTreeMap<(Kind, u64), Offer>,
    /// What the consumer read, in this order.
    read: Vec<(Kind, u64)>,
    lagged: bool,
    closed: bool,
}

impl Outcome {
    fn count(&self, offer: Offer) -> usize {
        self.offers.values().filter(|other| **other == offer).count()
    }
}

/// Two producers and a consumer at once on a queue in which never more than `bound` events may wait. `check` returns how
/// many were lost, which must come out as each of `losses`.
fn two_producers(overflow: Overflow, bound: usize, losses: RangeInclusive<usize>, check: fn(&Outcome) -> usize) {
    explore(losses, move || {
        let queue = Arc::new(EventQueue::new(overflow));
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let queue = queue.clone();
                thread::spawn(move || {
                    let offer = |number| {
                        let offer = queue.offer(Event::new(producer, number, &[], None));
                        assert!(queue.len() <= bound, "{} events wait, more than {bound}", queue.len());
                        ((producer, number), offer)
                    };
                    (0..EACH).map(offer).collect::<Vec<_>>()
                })
            })
            .collect();
        let pop = || queue.pop().map(|event| (event.kind(), event.subject()));
        let mut read = Vec::from_iter(pop());
        let offers = producers.into_iter().flat_map(|producer| producer.join().unwrap()).collect();
        assert!(queue.len() <= bound, "{} events wait, more than {bound}", queue.len());
        read.extend(std::iter::from_fn(pop));

        let outcome = Outcome { offers, read, lagged: queue.is_lagged(), closed: queue.is_closed() };
        for producer in 0..PRODUCERS {
            let numbers: Vec<_> = outcome.read.iter().filter(|event| event.0 == producer).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "out of order or twice: {numbers:?}");
        }
        check(&outcome)
    });
}

/// Reads exactly the events whose offer said that they wait.
fn reads_what_was_queued(outcome: &Outcome) {
    for (event, offer) in &outcome.offers {
        assert_eq!(outcome.read.contains(event), *offer == Offer::Queued, "{event:?} was {offer:?}");
    }
}

#[test]
fn a_growing_queue_loses_nothing() {
    two_producers(Overflow::Grow, usize::MAX, 0..=0, |outcome| {
        reads_what_was_queued(outcome);
        outcome.offers.len() - outcome.count(Offer::Queued)
    });
}

#[test]
fn a_queue_that_may_not_lose_events_says_so_when_it_did() {
    two_producers(Overflow::Error { max: 2 }, 2, 3..=4, |outcome| {
        reads_what_was_queued(outcome);
        let lagged = outcome.count(Offer::Lagged);
        assert_eq!((outcome.lagged, outcome.closed), (lagged > 0, lagged > 0));
        for (event, offer) in &outcome.offers {
            let before = event.1.checked_sub(1).map(|number| outcome.offers[&(event.0, number)]);
            let ended = matches!(before, Some(Offer::Lagged | Offer::Closed));
            assert!(!ended || *offer == Offer::Closed, "{event:?} was {offer:?} after {before:?}");
        }
        lagged + outcome.count(Offer::Closed)
    });
}

#[test]
fn nothing_comes_once_a_queue_has_ended() {
    // How many were read before the queue ended, and after that look, where it had not.
    explore([(0, 1), (1, 0), (1, 1), (2, 0), (2, 1)], || {
        let queue = Arc::new(EventQueue::new(Overflow::Error { max: 1 }));
        let producers = [1, 2].map(|events| {
            let queue = queue.clone();
            thread::spawn(move || (0..events).filter(|_| queue.offer(Event::new(0, 0, &[], None)).is_queued()).count())
        });
        let read = std::iter::from_fn(|| queue.pop()).count();
        let ended = queue.has_ended();
        let queued: usize = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
        let rest = std::iter::from_fn(|| queue.pop()).count();
        assert_eq!(read + rest, queued);
        assert!(!ended || rest == 0, "{rest} came after the end");
        assert!(!queue.is_closed() || queue.has_ended());
        (read, rest)
    });
}

#[test]
fn drop_oldest_keeps_the_newest_and_counts_each_loss() {
    two_producers(Overflow::DropOldest { capacity: 2 }, 2, 3..=4, |outcome| {
        assert_eq!(outcome.read.len() + outcome.count(Offer::DroppedOldest), outcome.offers.len());
        let last = outcome.read.last().expect("the newest event is never the one to go");
        assert_eq!(last.1, EACH - 1, "an older event outlived its producer's newest");
        outcome.count(Offer::DroppedOldest)
    });
}

#[test]
fn drop_newest_keeps_what_waits_and_counts_each_loss() {
    two_producers(Overflow::DropNewest { capacity: 2 }, 2, 3..=4, |outcome| {
        reads_what_was_queued(outcome);
        assert_eq!(outcome.read.len() + outcome.count(Offer::DroppedNewest), outcome.offers.len());
        outcome.count(Offer::DroppedNewest)
    });
}

// ── registry ─────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_subscriber_that_stays_gets_everything_while_others_come_and_go() {
    // One that comes meanwhile hears a tail of what is being sent, and one that leaves hears a head. It leaves after the
    // other came: together they hear something.
    let heard = |came: &[u64], left: &[u64]| (came.to_vec(), left.to_vec());
    let outcomes = [heard(&[], &[1]), heard(&[2], &[]), heard(&[2], &[1]), heard(&[1, 2], &[]), heard(&[1, 2], &[1])];
    explore(outcomes, || {
        let broadcast = Arc::new(Broadcast::new(1));
        let stays = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let leaves = broadcast.subscribe(about(1), Overflow::Grow, polling());
        let producer = {
            let broadcast = broadcast.clone();
            thread::spawn(move || {
                broadcast.send(0, 1, &[], None);
                broadcast.send(0, 2, &[], None);
            })
        };
        let comes = broadcast.subscribe(everything(), Overflow::Grow, polling());
        broadcast.unsubscribe(&leaves);
        broadcast.send(0, 3, &[], None);
        producer.join().unwrap();

        let stayed = drain(&stays);
        let in_order: Vec<_> = stayed.iter().filter(|subject| **subject != 3).collect();
        assert_eq!((stayed.len(), in_order), (3, vec![&1, &2]));
        let mut came = drain(&comes);
        assert!(came.contains(&3));
        came.retain(|subject| *subject != 3);
        (came, drain(&leaves))
    });
}

#[test]
fn who_comes_hears_a_tail_and_who_leaves_a_head_of_several_kinds() {
    let both = || Filter::kinds(KindSet::first(2));
    let sending = |broadcast: &Arc<Broadcast>| {
        let broadcast = broadcast.clone();
        thread::spawn(move || [0, 1].map(|kind| broadcast.send(kind, kind.into(), &[], None)))
    };
    explore([vec![], vec![1], vec![0, 1]], move || {
        let broadcast = Arc::new(Broadcast::new(2));
        let producer = sending(&broadcast);
        let comes = broadcast.subscribe(both(), Overflow::Grow, polling());
        producer.join().unwrap();
        drain(&comes)
    });
    explore([vec![], vec![0], vec![0, 1]], move || {
        let broadcast = Arc::new(Broadcast::new(2));
        let leaves = broadcast.subscribe(both(), Overflow::Grow, polling());
        let producer = sending(&broadcast);
        // By its filter: where it ends its subscription, it is deaf before anything else changes.
        broadcast.set_filter(&leaves, Filter::kinds(KindSet::EMPTY));
        producer.join().unwrap();
        drain(&leaves)
    });
}

#[test]
fn a_change_of_filter_neither_misses_nor_repeats_an_event_that_both_filters_want() {
    explore([vec![1], vec![1, 2]], || {
        let broadcast = Arc::new(Broadcast::new(1));
        let subscriber = broadcast.subscribe(about(1), Overflow::Grow, polling());
        let producer = {
            let broadcast = broadcast.clone();
            thread::spawn(move || {
                assert_eq!(broadcast.send(0, 1, &[], None), 1);
                broadcast.send(0, 2, &[], None)
            })
        };
        broadcast.set_filter(&subscriber, everything());
        broadcast.set_filter(&subscriber, Filter { subjects: Some(vec![3, 1, 1]), ..everything() });
        assert_eq!(broadcast.send(0, 2, &[], None), 0, "the old filter still held");
        let receivers = producer.join().unwrap();
        let heard = drain(&subscriber);
        assert_eq!(heard.len(), 1 + receivers);
        heard
    });
}

#[test]
fn nothing_arrives_that_is_sent_after_unsubscribe_has_returned() {
    explore([(false, 0), (false, 1), (true, 0)], || {
        let broadcast = Arc::new(Broadcast::new(1));
        let subscriber = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let left = Arc::new(AtomicBool::new(false));
        let producer = {
            let (broadcast, left) = (broadcast.clone(), left.clone());
            thread::spawn(move || {
                let had_left = left.load(Ordering::Acquire);
                (had_left, broadcast.send(0, 1, &[], None))
            })
        };
        broadcast.unsubscribe(&subscriber);
        left.store(true, Ordering::Release);
        assert_eq!(broadcast.send(0, 2, &[], None), 0);
        let (had_left, receivers) = producer.join().unwrap();
        assert_eq!(drain(&subscriber).len(), receivers);
        (had_left, receivers)
    });
}

#[test]
fn a_subscriber_that_left_is_forgotten_whatever_else_changes_its_filter() {
    explore([()], || {
        let broadcast = Arc::new(Broadcast::new(1));
        let subscriber = broadcast.subscribe(about(1), Overflow::Grow, polling());
        let other = {
            let (broadcast, subscriber) = (broadcast.clone(), subscriber.clone());
            thread::spawn(move || broadcast.set_filter(&subscriber, everything()))
        };
        broadcast.unsubscribe(&subscriber);
        other.join().unwrap();
        assert!(subscriber.is_closed());
        assert_eq!(Arc::strong_count(&subscriber), 1, "the registry still holds a subscriber that ended");
    });
}

#[test]
fn close_ends_a_subscription_that_starts_at_the_same_time() {
    explore([(0, 0), (1, 0), (1, 1)], || {
        let broadcast = Arc::new(Broadcast::new(1));
        let earlier = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let other = {
            let broadcast = broadcast.clone();
            thread::spawn(move || broadcast.subscribe(everything(), Overflow::Grow, polling()))
        };
        let sender = {
            let broadcast = broadcast.clone();
            thread::spawn(move || broadcast.send(0, 1, &[], None))
        };
        broadcast.close();
        assert_eq!(broadcast.send(0, 2, &[], None), 0);
        let later = other.join().unwrap();
        let receivers = sender.join().unwrap();
        for subscriber in [&earlier, &later] {
            assert!(subscriber.is_closed());
            assert_eq!(Arc::strong_count(subscriber), 1, "the registry still holds a subscriber that ended");
        }
        let heard = (drain(&earlier).len(), drain(&later).len());
        assert_eq!(heard.0 + heard.1, receivers);
        heard
    });
}

// ── doorbell ─────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn no_wake_is_lost_while_producers_push_and_the_consumer_falls_asleep() {
    // How often the consumer slept.
    explore(0..=2, || {
        let broadcast = Arc::new(Broadcast::new(1));
        let sleeper = Sleeper::default();
        let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
        let subscriber = broadcast.subscribe(everything(), Overflow::Grow, Waiter::new(bell.clone(), 7));
        let producers: Vec<_> = (0..2)
            .map(|subject| {
                let broadcast = broadcast.clone();
                thread::spawn(move || broadcast.send(0, subject, &[], None))
            })
            .collect();

        let (mut read, mut slept) = (0, 0);
        while read < 2 {
            read += drain(&subscriber).len();
            if read < 2 && subscriber.wait() {
                // Slept for ever, and reported by loom as a deadlock, if a push had rung nothing.
                sleeper.sleep();
                slept += 1;
                assert_eq!(answer(&bell).unwrap_or(7), 7);
            }
        }
        producers.into_iter().for_each(|producer| assert_eq!(producer.join().unwrap(), 1));
        slept
    });
}

#[test]
fn one_doorbell_names_each_waiter_that_can_read_with_one_wake_pending_at_most() {
    // How many tokens rang.
    explore(0..=2, || {
        let broadcast = Arc::new(Broadcast::new(1));
        let sleeper = Sleeper::default();
        let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
        let subscribers = [0, 1]
            .map(|token| broadcast.subscribe(about(token), Overflow::Grow, Waiter::new(bell.clone(), token as u32)));
        let producers = [0, 1].map(|subject| {
            let broadcast = broadcast.clone();
            thread::spawn(move || broadcast.send(0, subject, &[], None))
        });

        // Looks at a queue again only when its token rang, so that a lost token is a deadlock, too.
        let mut rang = 0;
        let mut unread = vec![0, 1];
        let mut look = unread.clone();
        while !unread.is_empty() {
            for token in look.drain(..).filter(|token| !subscribers[*token as usize].wait()).collect::<Vec<_>>() {
                assert_eq!(drain(&subscribers[token as usize]), [token.into()]);
                unread.retain(|other| *other != token);
            }
            if !unread.is_empty() {
                sleeper.sleep();
                let rang_now = answer(&bell);
                rang += usize::from(rang_now.is_some());
                look.extend(rang_now.filter(|token| unread.contains(token)));
            }
        }
        producers.into_iter().for_each(|producer| assert_eq!(producer.join().unwrap(), 1));
        rang + bell.take_ready(&mut [0; 2])
    });
}

#[test]
fn a_consumer_with_little_room_for_tokens_gets_them_all_with_one_wake_pending_at_most() {
    // How many wakes it took, with room for one token of four at a time.
    explore(4..=6, || {
        let sleeper = Sleeper::default();
        let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
        let producers = [&[0, 1][..], &[2, 3]].map(|tokens| {
            let bell = bell.clone();
            thread::spawn(move || tokens.iter().filter(|token| bell.ring(**token)).count())
        });
        let mut rang = Vec::new();
        while rang.len() < 4 {
            sleeper.sleep();
            rang.extend(answer(&bell));
        }
        let woke: usize = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
        assert!(bell.wakes() >= woke as u64);
        rang.sort();
        assert_eq!(rang, [0, 1, 2, 3]);
        bell.wakes()
    });
}

#[test]
fn a_consumer_asleep_is_woken_by_the_failure_of_its_queue() {
    // How often it slept. A producer may find the queue closed while the other one is closing it.
    explore(0..=1, || {
        let broadcast = Arc::new(Broadcast::new(1));
        let sleeper = Sleeper::default();
        let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
        let waiter = Waiter::new(bell.clone(), 0);
        let subscriber = broadcast.subscribe(everything(), Overflow::Error { max: 1 }, waiter);
        let producer = {
            let broadcast = broadcast.clone();
            thread::spawn(move || broadcast.send(0, 0, &[], None))
        };
        // One of the three events has room.
        let mut queued = [1, 2].map(|subject| broadcast.send(0, subject, &[], None)).iter().sum::<usize>();
        let (mut read, mut slept) = (0, 0);
        while !subscriber.has_ended() {
            read += drain(&subscriber).len();
            if subscriber.wait() {
                sleeper.sleep();
                answer(&bell);
                slept += 1;
            }
        }
        queued += producer.join().unwrap();
        assert_eq!((read, queued), (1, 1));
        assert!(subscriber.is_lagged());
        slept
    });
}

#[test]
fn a_consumer_asleep_is_woken_by_the_end_of_its_subscription() {
    // Whether it slept.
    explore([false, true], || {
        let broadcast = Arc::new(Broadcast::new(1));
        let sleeper = Sleeper::default();
        let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
        let subscriber = broadcast.subscribe(everything(), Overflow::Grow, Waiter::new(bell.clone(), 0));
        let closer = {
            let broadcast = broadcast.clone();
            thread::spawn(move || broadcast.close())
        };
        let mut slept = false;
        while subscriber.wait() {
            sleeper.sleep();
            answer(&bell);
            slept = true;
        }
        assert!(subscriber.is_closed());
        closer.join().unwrap();
        slept
    });
}

// ── release ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn one_delivery_is_enough_to_hand_over_what_an_event_owns() {
    explore([()], || {
        let releases = Releases::default();
        let event = Event::new(0, 0, &[1], Some(&releases.owner()));
        let delivering = {
            let event = event.clone();
            thread::spawn(move || event.deliver())
        };
        let dropping = {
            let event = event.clone();
            thread::spawn(move || drop(event))
        };
        drop(event);
        delivering.join().unwrap();
        dropping.join().unwrap();
        releases.check([1], &[1]);
    });
}

#[test]
fn the_last_of_several_droppers_releases_once() {
    explore([()], || {
        let releases = Releases::default();
        let event = Event::new(0, 0, &[1], Some(&releases.owner()));
        let droppers = [event.clone(), event.clone()].map(|event| thread::spawn(move || drop(event)));
        drop(event);
        droppers.into_iter().for_each(|dropper| dropper.join().unwrap());
        releases.check([1], &[]);
    });
}

#[test]
fn what_one_subscriber_takes_another_may_discard() {
    // Whether one took it, and whether the other discarded it.
    let outcomes = [(false, false), (false, true), (true, false), (true, true)];
    explore(outcomes, || {
        let releases = Releases::default();
        let broadcast = Arc::new(Broadcast::new(1));
        let takes = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let discards = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let other = thread::spawn(move || {
            let event = discards.pop();
            let discarded = event.is_some();
            event.into_iter().for_each(|event| discards.discarded(event));
            (discards, discarded)
        });
        let producer = {
            let (broadcast, owner) = (broadcast.clone(), releases.owner());
            thread::spawn(move || broadcast.send(0, 0, &[1], Some(&owner)))
        };
        let took = takes.take().is_some();
        let (discards, discarded) = other.join().unwrap();
        assert_eq!(producer.join().unwrap(), 2);
        broadcast.unsubscribe(&takes);
        broadcast.unsubscribe(&discards);
        drop((takes, discards));
        releases.check([1], if took { &[1] } else { &[] });
        (took, discarded)
    });
}

#[test]
fn what_overflow_drops_is_released_and_what_is_read_is_not() {
    // What is delivered: one of the two, or both, where the consumer reads the first in time.
    for overflow in
        [Overflow::Error { max: 1 }, Overflow::DropOldest { capacity: 1 }, Overflow::DropNewest { capacity: 1 }]
    {
        explore([vec![1], vec![2], vec![2, 1]], move || {
            let releases = Releases::default();
            let broadcast = Arc::new(Broadcast::new(1));
            let subscriber = broadcast.subscribe(everything(), overflow, polling());
            let owner = releases.owner();
            let producer = {
                let (broadcast, owner) = (broadcast.clone(), owner.clone());
                thread::spawn(move || broadcast.send(0, 0, &[1], Some(&owner)))
            };
            broadcast.send(0, 0, &[2], Some(&owner));
            let mut delivered: Vec<_> = subscriber.take().map(|event| event.payload()[0]).into_iter().collect();
            producer.join().unwrap();
            delivered.extend(std::iter::from_fn(|| subscriber.take()).map(|event| event.payload()[0]));
            releases.check([1, 2], &delivered);
            let stats = broadcast.stats();
            assert_eq!((stats.matched, stats.queued), (stats.delivered + stats.dropped, 0));
            assert_eq!(stats.matched + stats.unwanted, 2);
            delivered
        });
    }
}

#[test]
fn an_event_sent_while_its_subscriber_leaves_is_delivered_or_released() {
    // Whether it was taken, and whether it was lost in the queue.
    explore([(false, false), (false, true), (true, false)], || {
        let releases = Releases::default();
        let broadcast = Arc::new(Broadcast::new(1));
        let subscriber = broadcast.subscribe(everything(), Overflow::Grow, polling());
        let owner = releases.owner();
        let producer = {
            let (broadcast, owner) = (broadcast.clone(), owner.clone());
            thread::spawn(move || broadcast.send(0, 0, &[1], Some(&owner)))
        };
        let consumer = thread::spawn(move || {
            let took = subscriber.take().is_some();
            drop(subscriber);
            took
        });
        broadcast.close();
        let took = consumer.join().unwrap();
        producer.join().unwrap();
        // The producer may have pushed after the last read: the subscriber's last reference went with the snapshot.
        releases.check([1], if took { &[1] } else { &[] });
        let stats = broadcast.stats();
        assert_eq!((stats.queued, stats.delivered, stats.published), (0, took.into(), 1));
        (took, stats.dropped == 1)
    });
}

// ── snapshot map ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn changes_of_a_snapshot_map_are_not_lost_and_not_seen_by_halves() {
    explore([0, 2], || {
        let map = Arc::new(SnapshotMap::new());
        let writers = [[1, 2], [3, 4]].map(|subjects| {
            let map = map.clone();
            thread::spawn(move || {
                map.change(|map| subjects.map(|subject| map.set(subject, Some(subject))));
            })
        });
        let seen = map.snapshot(|map| (map.get(1).copied(), map.get(2).copied()));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(map.snapshot(|map| map.len()), 4, "a change was lost");
        seen.0.iter().chain(&seen.1).count()
    });
}
