//! The real primitives on real threads: what loom's stand-ins leave out. Bounded by counts, never by time: the limits
//! below only turn a hang into a failure.

#![cfg(not(loom))]

use narrowcast_core::{
    Broadcast, Doorbell, Event, Filter, Kind, KindSet, Overflow, Owner, Subscriber, Token, Waiter, Wake,
};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

const PRODUCERS: u64 = 4;
const EVENTS: u64 = 40_000;
const CONSUMERS: usize = 2;
const SUBSCRIBERS: usize = 100;
const KINDS: Kind = 16;
const SUBJECTS: u64 = 64;
/// Each this-manieth event owns something.
const OWNED: u64 = 5;
/// No thread waits longer than this for another.
const LIMIT: Duration = Duration::from_secs(60);

/// Event `number` of a producer: its kind and subject. Any fixed mix will do.
fn shape(producer: u64, number: u64) -> (Kind, u64) {
    let mixed = (producer * EVENTS + number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    ((mixed % u64::from(KINDS)) as Kind, mixed / u64::from(KINDS) % SUBJECTS)
}

fn payload(producer: u64, number: u64) -> [u8; 8] {
    (producer * EVENTS + number).to_le_bytes()
}

fn identity(event: &Event) -> (u64, u64) {
    let index = u64::from_le_bytes(event.payload().try_into().expect("8 bytes"));
    (index / EVENTS, index % EVENTS)
}

/// For each event, how often it was released, and whether anybody took it.
struct Ledger {
    released: Box<[AtomicU8]>,
    taken: Box<[AtomicBool]>,
}

impl Ledger {
    fn new() -> Self {
        let events = 0..PRODUCERS * EVENTS;
        Self {
            released: events.clone().map(|_| AtomicU8::new(0)).collect(),
            taken: events.map(|_| AtomicBool::new(false)).collect(),
        }
    }

    fn took(&self, (producer, number): (u64, u64)) {
        self.taken[(producer * EVENTS + number) as usize].store(true, Ordering::Relaxed);
    }

    fn check(&self) {
        for (index, (released, taken)) in self.released.iter().zip(&self.taken).enumerate() {
            let owned = (index as u64 % EVENTS).is_multiple_of(OWNED);
            let expected = u8::from(owned && !taken.load(Ordering::Relaxed));
            assert_eq!(released.load(Ordering::Relaxed), expected, "releases of event {index}");
        }
    }
}

impl Owner for Ledger {
    fn release(&self, _: Kind, payload: &[u8]) {
        let index = u64::from_le_bytes(payload.try_into().expect("8 bytes"));
        self.released[index as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// What one subscriber read: the numbers of each producer's events.
struct Reading {
    filter: Filter,
    /// Every so many events, one is discarded and not taken.
    discards: usize,
    read: [Vec<u64>; PRODUCERS as usize],
    count: usize,
}

impl Reading {
    fn new(filter: Filter, discards: usize) -> Self {
        Self { filter, discards, read: Default::default(), count: 0 }
    }

    fn drain(&mut self, subscriber: &Subscriber, ledger: &Ledger) {
        while let Some(event) = subscriber.pop() {
            let (producer, number) = identity(&event);
            assert_eq!((event.kind(), event.subject()), shape(producer, number), "not the event that was sent");
            self.read[producer as usize].push(number);
            self.count += 1;
            if self.count.is_multiple_of(self.discards) {
                subscriber.discarded(event);
            } else {
                subscriber.delivered(&event);
                ledger.took((producer, number));
            }
        }
    }

    /// The events of a producer that pass the filter.
    fn wanted(&self, producer: u64) -> impl Iterator<Item = u64> {
        (0..EVENTS).filter(move |number| {
            let (kind, subject) = shape(producer, *number);
            self.filter.matches(kind, subject)
        })
    }
}

/// The consumer thread's side of a doorbell.
#[derive(Clone, Default)]
struct Sleeper(Arc<(Mutex<u32>, Condvar)>);

impl Wake for Sleeper {
    fn wake(&self) {
        let mut pending = self.0.0.lock().expect("no panic");
        *pending += 1;
        assert_eq!(*pending, 1, "a wake was sent while one was pending");
        self.0.1.notify_one();
    }
}

impl Sleeper {
    fn sleep(&self) {
        let pending = self.0.0.lock().expect("no panic");
        let (mut pending, timeout) =
            self.0.1.wait_timeout_while(pending, LIMIT, |pending| *pending == 0).expect("no panic");
        assert!(!timeout.timed_out(), "never woken");
        *pending = 0;
    }
}

/// A mix of everything that can be asked for.
fn filter_of(subscriber: u64) -> Filter {
    let kind = (subscriber % u64::from(KINDS)) as Kind;
    let kinds = KindSet::EMPTY.with(kind).with((kind * 7 + 3) % KINDS);
    match subscriber % 10 {
        0 if subscriber < 20 => Filter::kinds(KindSet::first(KINDS.into())),
        1 => Filter::kinds(KindSet::EMPTY.with(kind)),
        2 => Filter { kinds, subjects: Some(vec![]) },
        3 => Filter::kinds(KindSet::EMPTY),
        4 | 5 => Filter {
            kinds: KindSet::first(KINDS.into()),
            subjects: Some(vec![subscriber % SUBJECTS, subscriber * 3 % SUBJECTS, subscriber % SUBJECTS, 1 << 50]),
        },
        _ => Filter { kinds, subjects: Some((0..subscriber % 9).map(|i| (subscriber + i * 5) % SUBJECTS).collect()) },
    }
}

/// A subscriber, and what its consumer read.
type Listener = (Arc<Subscriber>, Reading);

/// Reads its subscribers until all have ended, asleep whenever none has anything to read.
fn consume(mut listeners: Vec<Listener>, bell: &Doorbell, sleeper: &Sleeper, ledger: &Ledger) -> Vec<Listener> {
    let mut live = vec![true; listeners.len()];
    let mut look: Vec<usize> = (0..listeners.len()).collect();
    while live.contains(&true) {
        // Looks again only where a token rang: a token that is lost is a hang, and noticed.
        for index in look.drain(..) {
            let (subscriber, reading) = &mut listeners[index];
            while live[index] && !subscriber.wait() {
                live[index] = !subscriber.is_closed();
                reading.drain(subscriber, ledger);
            }
        }
        if live.contains(&true) {
            sleeper.sleep();
            let mut tokens: [Token; 16] = [0; 16];
            let count = bell.take_ready(&mut tokens);
            look.extend(tokens[..count].iter().map(|token| *token as usize));
        }
    }
    listeners
}

/// Comes, reads a little and goes, again and again, until the producers are done.
fn come_and_go(broadcast: &Broadcast, ledger: &Ledger, done: &AtomicBool, who: u64) -> u64 {
    let mut heard = 0;
    // The count bounds it; the flag only saves time.
    for round in 0..20_000u64 {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let filter = filter_of(round * 7 + who);
        let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(Sleeper::default()))), 0);
        let subscriber = broadcast.subscribe(filter.clone(), Overflow::Grow, waiter);
        let mut reading = Reading::new(filter, 3);
        for _ in 0..round % 50 {
            reading.drain(&subscriber, ledger);
            thread::yield_now();
        }
        if round % 3 == 0 {
            // A subscriber that changes its filter to the same one misses nothing by it.
            broadcast.set_filter(&subscriber, reading.filter.clone());
            reading.drain(&subscriber, ledger);
        }
        if round % 4 != 0 {
            broadcast.unsubscribe(&subscriber);
            reading.drain(&subscriber, ledger);
        } else {
            // What waits is lost with it, and released.
            broadcast.unsubscribe(&subscriber);
        }
        heard += reading.count as u64;
        for producer in 0..PRODUCERS {
            let read = &reading.read[producer as usize];
            let Some(first) = read.first() else { continue };
            let expected = reading.wanted(producer).skip_while(|number| number < first);
            assert!(read.iter().copied().eq(expected.take(read.len())), "a gap, or out of order, while subscribed");
        }
    }
    heard
}

#[test]
fn four_producers_reach_a_hundred_subscribers_in_order_while_others_come_and_go() {
    let broadcast = Arc::new(Broadcast::new(KINDS.into()));
    let ledger = Arc::new(Ledger::new());
    let done = Arc::new(AtomicBool::new(false));
    let receivers = AtomicU64::new(0);

    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|consumer| {
            let sleeper = Sleeper::default();
            let bell = Arc::new(Doorbell::new(Box::new(sleeper.clone())));
            let subscribers: Vec<_> = (0..SUBSCRIBERS / CONSUMERS)
                .map(|index| {
                    let filter = filter_of((index * CONSUMERS + consumer) as u64);
                    let overflow = match index % 8 {
                        1 => Overflow::DropOldest { capacity: 16 },
                        2 => Overflow::DropNewest { capacity: 16 },
                        3 => Overflow::Error { max: (PRODUCERS * EVENTS) as usize },
                        _ => Overflow::Grow,
                    };
                    let waiter = Waiter::new(bell.clone(), index as Token);
                    let reading = Reading::new(filter.clone(), 2 + index % 3);
                    (broadcast.subscribe(filter, overflow, waiter), reading)
                })
                .collect();
            let ledger = ledger.clone();
            thread::spawn(move || consume(subscribers, &bell, &sleeper, &ledger))
        })
        .collect();
    let visitors: Vec<_> = (0..2)
        .map(|who| {
            let (broadcast, ledger, done) = (broadcast.clone(), ledger.clone(), done.clone());
            thread::spawn(move || come_and_go(&broadcast, &ledger, &done, who))
        })
        .collect();
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let (broadcast, receivers) = (&broadcast, &receivers);
            let owner: Arc<dyn Owner> = ledger.clone();
            scope.spawn(move || {
                let mut sum = 0;
                for number in 0..EVENTS {
                    let (kind, subject) = shape(producer, number);
                    let owner = (number % OWNED == 0).then_some(&owner);
                    sum += broadcast.send(kind, subject, &payload(producer, number), owner);
                }
                receivers.fetch_add(sum as u64, Ordering::Relaxed);
            });
        }
    });
    done.store(true, Ordering::Relaxed);
    let visited: u64 = visitors.into_iter().map(|visitor| visitor.join().expect("a visitor heard all it should")).sum();
    assert!(visited > 0, "no visitor heard anything");
    broadcast.close();

    // The new ones, which no receiver has.
    let mut refused = 0;
    for consumer in consumers {
        for (index, (subscriber, reading)) in consumer.join().expect("a consumer was woken").into_iter().enumerate() {
            let lossless = !matches!(index % 8, 1 | 2);
            refused += if index % 8 == 2 { subscriber.dropped() } else { 0 };
            let mut wanted = 0;
            for producer in 0..PRODUCERS {
                let read = &reading.read[producer as usize];
                if lossless {
                    assert!(read.iter().copied().eq(reading.wanted(producer)), "an event lost, twice or out of order");
                } else {
                    assert!(read.is_sorted_by(|a, b| a < b), "out of order or twice");
                    wanted += reading.wanted(producer).count();
                }
            }
            assert!(
                lossless && subscriber.dropped() == 0 || reading.count as u64 + subscriber.dropped() == wanted as u64
            );
            assert!(!subscriber.is_lagged());
        }
    }
    let stats = broadcast.stats();
    assert_eq!((stats.published, stats.queued, stats.subscribers), (PRODUCERS * EVENTS, 0, 0));
    assert_eq!(stats.matched, receivers.load(Ordering::Relaxed) + refused);
    assert_eq!(stats.matched, stats.delivered + stats.dropped);
    assert!(stats.wakes < stats.matched / 2, "{} wakes for {} events", stats.wakes, stats.matched);
    ledger.check();
}
