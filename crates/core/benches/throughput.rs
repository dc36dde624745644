//! The core alone beside the field's own channels: one thread sends, and one, four or sixteen others receive, each all
//! that it wants. Prints a JSON line for each case: ns per event sent, round by round, ours and each peer's in turn.
//! Run by `npm run bench -- broadcast`.
//!
//! - `core/all/N`: every subscriber wants every event. Peers: tokio's `broadcast` (one queue, shared), and a crossbeam
//!   channel for each subscriber with the sender sending to each.
//! - `core/filtered/N`: every subscriber wants the events about one of 64 subjects. Neither peer has a filter: their
//!   receivers get everything, and look.
//!
//! Receivers poll, and yield while there is nothing: what it costs to wake a sleeping thread is the system's, and with
//! more threads than cores would be all that is seen. How often ours wakes is another case, `wakes/burst`.

use narrowcast_core::{Broadcast, Doorbell, Filter, KindSet, Overflow, Waiter, Wake, sync};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

const ROUNDS: usize = 7;
const SUBJECTS: u64 = 64;
const PAYLOAD: [u8; 100] = [7; 100];

/// What an event is in the peers' queues: shared like ours.
#[derive(Clone)]
struct Event {
    subject: u64,
    payload: Arc<[u8]>,
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

fn main() {
    for filtered in [false, true] {
        for subscribers in [1, 4, 16] {
            let events = 400_000 / subscribers;
            let mut rounds: [Vec<f64>; 3] = Default::default();
            for _ in 0..ROUNDS {
                for (rounds, run) in rounds.iter_mut().zip([ours, tokio, crossbeam]) {
                    rounds.push(run(subscribers, events, filtered));
                }
            }
            let [ours, tokio, crossbeam] = rounds.map(|rounds| format!("{rounds:.2?}"));
            let name = if filtered { "filtered" } else { "all" };
            println!(
                "{{\"case\":\"core/{name}/{subscribers}\",\"ours\":{ours},\"tokio\":{tokio},\"crossbeam\":{crossbeam}}}"
            );
        }
    }
}

/// How many of `events` a subscriber wants.
fn wanted(subscriber: u64, events: u64, filtered: bool) -> u64 {
    if !filtered {
        return events;
    }
    (0..events).filter(|number| number % SUBJECTS == subscriber).count() as u64
}

fn per_event(start: Instant, events: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / events as f64
}

fn ours(subscribers: u64, events: u64, filtered: bool) -> f64 {
    let broadcast = Broadcast::new(1);
    let bell = sync::Arc::new(Doorbell::new(Box::new(NoWake)));
    let mine = |number: u64| {
        let filter = Filter { kinds: KindSet::first(1), subjects: filtered.then(|| vec![number]) };
        broadcast.subscribe(filter, Overflow::Grow, Waiter::new(bell.clone(), number as u32))
    };
    let queues: Vec<_> = (0..subscribers).map(mine).collect();
    let start = Instant::now();
    thread::scope(|scope| {
        for (number, queue) in queues.into_iter().enumerate() {
            scope.spawn(move || {
                for _ in 0..wanted(number as u64, events, filtered) {
                    let event = poll(|| queue.take());
                    assert_eq!(event.payload()[0], 7);
                }
            });
        }
        scope.spawn(|| {
            for number in 0..events {
                broadcast.send(0, number % SUBJECTS, &PAYLOAD, None);
            }
        });
    });
    per_event(start, events)
}

fn tokio(subscribers: u64, events: u64, filtered: bool) -> f64 {
    // Large enough that no receiver lags: ours loses nothing either.
    let (sender, _) = tokio::sync::broadcast::channel::<Event>(events as usize);
    let receivers: Vec<_> = (0..subscribers).map(|_| sender.subscribe()).collect();
    let start = Instant::now();
    thread::scope(|scope| {
        for (number, mut receiver) in receivers.into_iter().enumerate() {
            scope.spawn(move || {
                for _ in 0..events {
                    look(&poll(|| receiver.try_recv().ok()), number, filtered);
                }
            });
        }
        scope.spawn(move || {
            for number in 0..events {
                let _ = sender.send(event(number));
            }
        });
    });
    per_event(start, events)
}

fn crossbeam(subscribers: u64, events: u64, filtered: bool) -> f64 {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..subscribers).map(|_| crossbeam_channel::unbounded::<Event>()).unzip();
    let start = Instant::now();
    thread::scope(|scope| {
        for (number, receiver) in receivers.into_iter().enumerate() {
            scope.spawn(move || {
                for _ in 0..events {
                    look(&poll(|| receiver.try_recv().ok()), number, filtered);
                }
            });
        }
        scope.spawn(move || {
            for number in 0..events {
                let event = event(number);
                for sender in &senders {
                    let _ = sender.send(event.clone());
                }
            }
        });
    });
    per_event(start, events)
}

fn event(number: u64) -> Event {
    Event { subject: number % SUBJECTS, payload: PAYLOAD.as_slice().into() }
}

/// What a receiver without a native filter does.
fn look(event: &Event, receiver: usize, filtered: bool) {
    if !filtered || event.subject == receiver as u64 {
        assert_eq!(event.payload[0], 7);
    }
}

fn poll<T>(mut receive: impl FnMut() -> Option<T>) -> T {
    loop {
        match receive() {
            Some(event) => return event,
            None => thread::yield_now(),
        }
    }
}
