//! Random programs on one thread, against a plain model of what a broadcast promises. After every step all of it must
//! agree: what waits, in order; every count; what was released; who was woken.

#![cfg(not(loom))]

use narrowcast_core::{
    Broadcast, Doorbell, Event, Filter, Kind, KindSet, Overflow, Owner, Stats, Subscriber, Token, Waiter, Wake,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Kinds of the broadcast. Events and filters also come with one that it does not have.
const KINDS: Kind = 4;
/// Most tokens that one answer takes.
const SLOTS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Subscribe(Filter, Overflow),
    Unsubscribe(usize),
    SetFilter(usize, Filter),
    Send {
        kind: Kind,
        subject: u64,
        owned: bool,
    },
    Take(usize),
    /// Takes an event that is settled by a later step, or never.
    Hold(usize),
    Settle(Settlement),
    Clear(usize),
    Wait(usize),
    Answer,
    /// The consumer's reference goes, with or without leaving first.
    Forget(usize),
    Close,
}

#[derive(Clone, Copy, Debug)]
enum Settlement {
    Delivered,
    Discarded,
}

fn filters() -> impl Strategy<Value = Filter> {
    let kinds = prop::collection::vec(0..=KINDS, 0..5);
    let subjects = prop::option::of(prop::collection::vec(0u64..5, 0..6));
    (kinds, subjects)
        .prop_map(|(kinds, subjects)| Filter { kinds: kinds.into_iter().fold(KindSet::EMPTY, KindSet::with), subjects })
}

fn overflows() -> impl Strategy<Value = Overflow> {
    prop_oneof![
        (1usize..6).prop_map(|max| Overflow::Error { max }),
        Just(Overflow::Grow),
        (1usize..4).prop_map(|capacity| Overflow::DropOldest { capacity }),
        (1usize..4).prop_map(|capacity| Overflow::DropNewest { capacity }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let who = || 0usize..8;
    let settlement = prop_oneof![Just(Settlement::Delivered), Just(Settlement::Discarded)];
    prop_oneof![
        20 => (filters(), overflows()).prop_map(|(filter, overflow)| Step::Subscribe(filter, overflow)),
        10 => who().prop_map(Step::Unsubscribe),
        10 => (who(), filters()).prop_map(|(who, filter)| Step::SetFilter(who, filter)),
        80 => (0..=KINDS, 0u64..5, any::<bool>()).prop_map(|(kind, subject, owned)| Step::Send { kind, subject, owned }),
        30 => who().prop_map(Step::Take),
        15 => who().prop_map(Step::Hold),
        12 => settlement.prop_map(Step::Settle),
        5 => who().prop_map(Step::Clear),
        25 => who().prop_map(Step::Wait),
        10 => Just(Step::Answer),
        5 => who().prop_map(Step::Forget),
        1 => Just(Step::Close),
    ]
}

/// What an event is known by: its number, which is also its payload.
type Number = u64;

/// The model of one subscriber.
struct Expected {
    filter: Filter,
    overflow: Overflow,
    waits: VecDeque<Number>,
    dropped: u64,
    closed: bool,
    lagged: bool,
    armed: bool,
    /// Whether the broadcast, and whether the consumer, has a reference to it.
    registered: bool,
    held: bool,
}

/// The model of one event.
struct Sent {
    copies: usize,
    delivered: bool,
    owned: bool,
}

#[derive(Default)]
struct Model {
    subscribers: Vec<Expected>,
    events: Vec<Sent>,
    stats: Stats,
    closed: bool,
    /// Those who rang, by step: which subscriber hears of an event first is not promised.
    rang: VecDeque<Vec<Token>>,
    wake_pending: bool,
    /// Wakes of the thread: those of the broadcast, and those that the doorbell sends because of too few slots.
    wakes: u64,
}

impl Model {
    fn ring(&mut self, who: usize) {
        if std::mem::take(&mut self.subscribers[who].armed) {
            self.rang.back_mut().expect("a step began").push(who as Token);
            if !std::mem::replace(&mut self.wake_pending, true) {
                self.wakes += 1;
                self.stats.wakes += 1;
            }
        }
    }

    fn send(&mut self, kind: Kind, subject: u64, owned: bool) -> usize {
        let number = self.events.len() as Number;
        self.events.push(Sent { copies: 0, delivered: false, owned });
        let (mut matched, mut receivers) = (0, 0);
        for who in 0..self.subscribers.len() {
            let subscriber = &mut self.subscribers[who];
            if kind >= KINDS || subscriber.closed || !subscriber.filter.matches(kind, subject) {
                continue;
            }
            matched += 1;
            let waiting = subscriber.waits.len();
            let (queued, lost) = match subscriber.overflow {
                Overflow::Error { max } if waiting == max => {
                    (subscriber.lagged, subscriber.closed) = (true, true);
                    (false, true)
                }
                Overflow::DropNewest { capacity } if waiting == capacity => (false, true),
                Overflow::DropOldest { capacity } if waiting == capacity => {
                    let oldest = subscriber.waits.pop_front().expect("a full queue");
                    self.events[oldest as usize].copies -= 1;
                    (true, true)
                }
                _ => (true, false),
            };
            if queued {
                receivers += 1;
                subscriber.waits.push_back(number);
                self.events[number as usize].copies += 1;
            }
            subscriber.dropped += u64::from(lost);
            self.stats.dropped += u64::from(lost);
            if queued || subscriber.closed {
                self.ring(who);
            }
        }
        self.stats.matched += matched;
        self.stats.published += 1;
        self.stats.unwanted += u64::from(matched == 0);
        receivers
    }

    fn clear(&mut self, who: usize) {
        let subscriber = &mut self.subscribers[who];
        let lost = subscriber.waits.len() as u64;
        subscriber.waits.drain(..).for_each(|number| self.events[number as usize].copies -= 1);
        subscriber.dropped += lost;
        self.stats.dropped += lost;
    }

    fn end(&mut self, who: usize) {
        self.subscribers[who].closed = true;
        self.subscribers[who].registered = false;
        self.ring(who);
        self.drop_unreferenced(who);
    }

    fn drop_unreferenced(&mut self, who: usize) {
        if !self.subscribers[who].registered && !self.subscribers[who].held {
            self.clear(who);
        }
    }

    fn settle(&mut self, number: Number, settlement: Settlement) {
        let event = &mut self.events[number as usize];
        event.copies -= 1;
        event.delivered |= matches!(settlement, Settlement::Delivered);
        self.stats.delivered += 1;
    }

    /// The events that must have been released by now, once each.
    fn released(&self) -> BTreeMap<Number, usize> {
        let gone = |event: &Sent| event.owned && event.copies == 0 && !event.delivered;
        let numbers = self.events.iter().enumerate().filter(|(_, event)| gone(event));
        numbers.map(|(number, _)| (number as Number, 1)).collect()
    }
}

#[derive(Default)]
struct Releases(Mutex<BTreeMap<Number, usize>>);

impl Owner for Releases {
    fn release(&self, _: Kind, payload: &[u8]) {
        *self.0.lock().expect("no panic").entry(number(payload)).or_default() += 1;
    }
}

fn number(payload: &[u8]) -> Number {
    Number::from_le_bytes(payload.try_into().expect("8 bytes"))
}

#[derive(Clone, Default)]
struct Wakes(Arc<AtomicU64>);

impl Wake for Wakes {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    model: Model,
    broadcast: Broadcast,
    subscribers: Vec<Option<Arc<Subscriber>>>,
    unsettled: VecDeque<(usize, Event)>,
    releases: Arc<Releases>,
    bell: Arc<Doorbell>,
    wakes: Wakes,
}

impl World {
    fn new() -> Self {
        let wakes = Wakes::default();
        Self {
            model: Model::default(),
            broadcast: Broadcast::new(KINDS.into()),
            subscribers: Vec::new(),
            unsettled: VecDeque::new(),
            releases: Arc::default(),
            bell: Arc::new(Doorbell::new(Box::new(wakes.clone()))),
            wakes,
        }
    }

    fn subscriber(&self, who: usize) -> Option<(usize, Arc<Subscriber>)> {
        let who = who.checked_rem(self.subscribers.len())?;
        Some((who, self.subscribers[who].clone()?))
    }

    /// Takes a step in both worlds; where a subscriber is meant that the consumer forgot, there is nothing to do.
    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.model.rang.push_back(Vec::new());
        match step {
            Step::Subscribe(filter, overflow) => {
                let waiter = Waiter::new(self.bell.clone(), self.subscribers.len() as Token);
                self.subscribers.push(Some(self.broadcast.subscribe(filter.clone(), overflow, waiter)));
                self.model.subscribers.push(Expected {
                    filter,
                    overflow,
                    waits: VecDeque::new(),
                    dropped: 0,
                    closed: self.model.closed,
                    lagged: false,
                    armed: false,
                    registered: !self.model.closed,
                    held: true,
                });
            }
            Step::Unsubscribe(who) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                self.broadcast.unsubscribe(&subscriber);
                self.model.end(who);
            }
            Step::SetFilter(who, filter) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                self.broadcast.set_filter(&subscriber, filter.clone());
                self.model.subscribers[who].filter = filter;
            }
            Step::Send { kind, subject, owned } => {
                let payload = (self.model.events.len() as Number).to_le_bytes();
                let owner: Arc<dyn Owner> = self.releases.clone();
                let receivers = self.broadcast.send(kind, subject, &payload, owned.then_some(&owner));
                prop_assert_eq!(receivers, self.model.send(kind, subject, owned));
            }
            Step::Take(who) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                let took = subscriber.take().map(|event| number(event.payload()));
                prop_assert_eq!(took, self.model.subscribers[who].waits.pop_front());
                took.into_iter().for_each(|number| self.model.settle(number, Settlement::Delivered));
            }
            Step::Hold(who) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                let event = subscriber.pop();
                let took = event.as_ref().map(|event| number(event.payload()));
                prop_assert_eq!(took, self.model.subscribers[who].waits.pop_front());
                self.unsettled.extend(event.map(|event| (who, event)));
            }
            Step::Settle(settlement) => {
                let Some((who, event)) = self.unsettled.pop_front() else { return Ok(()) };
                self.settle(who, event, settlement);
            }
            Step::Clear(who) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                subscriber.clear();
                self.model.clear(who);
            }
            Step::Wait(who) => {
                let Some((who, subscriber)) = self.subscriber(who) else { return Ok(()) };
                let expected = &mut self.model.subscribers[who];
                expected.armed = expected.waits.is_empty() && !expected.closed;
                prop_assert_eq!(subscriber.wait(), expected.armed);
            }
            Step::Answer => {
                let mut tokens = [Token::MAX; SLOTS];
                let count = self.bell.take_ready(&mut tokens);
                for token in &tokens[..count] {
                    self.model.rang.retain(|step| !step.is_empty());
                    let step = self.model.rang.front_mut().expect("a token that rang");
                    let place = step.iter().position(|other| other == token);
                    step.remove(place.expect("a token that rang before others"));
                }
                self.model.rang.retain(|step| !step.is_empty());
                prop_assert!(count == SLOTS || self.model.rang.is_empty(), "a token was left behind");
                self.model.wake_pending = !self.model.rang.is_empty();
                self.model.wakes += u64::from(self.model.wake_pending);
            }
            Step::Forget(who) => {
                let Some(who) = who.checked_rem(self.subscribers.len()) else { return Ok(()) };
                // Its unsettled events go first: the test has no way to settle them afterwards.
                while let Some(index) = self.unsettled.iter().position(|(other, _)| *other == who) {
                    let (who, event) = self.unsettled.remove(index).expect("found above");
                    self.settle(who, event, Settlement::Discarded);
                }
                self.subscribers[who] = None;
                self.model.subscribers[who].held = false;
                self.model.drop_unreferenced(who);
            }
            Step::Close => {
                self.broadcast.close();
                self.model.closed = true;
                for who in 0..self.model.subscribers.len() {
                    if self.model.subscribers[who].registered {
                        self.model.end(who);
                    }
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, who: usize, event: Event, settlement: Settlement) {
        let subscriber = self.subscribers[who].as_ref().expect("settled before its subscriber is forgotten");
        self.model.settle(number(event.payload()), settlement);
        match settlement {
            Settlement::Delivered => subscriber.delivered(&event),
            Settlement::Discarded => subscriber.discarded(event),
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let model = &self.model;
        for (subscriber, expected) in self.subscribers.iter().zip(&model.subscribers) {
            let Some(subscriber) = subscriber else { continue };
            prop_assert_eq!(subscriber.len(), expected.waits.len());
            prop_assert_eq!(subscriber.is_empty(), expected.waits.is_empty());
            prop_assert_eq!(subscriber.dropped(), expected.dropped);
            prop_assert_eq!(subscriber.is_closed(), expected.closed);
            prop_assert_eq!(subscriber.is_lagged(), expected.lagged);
        }
        let waiting: usize = model.subscribers.iter().map(|subscriber| subscriber.waits.len()).sum();
        let stats = self.broadcast.stats();
        let expected = Stats {
            queued: (waiting + self.unsettled.len()) as u64,
            subscribers: model.subscribers.iter().filter(|subscriber| !subscriber.closed).count() as u64,
            ..model.stats
        };
        prop_assert_eq!(stats, expected);
        prop_assert_eq!(stats.matched, stats.delivered + stats.dropped + stats.queued);
        prop_assert_eq!(self.wakes.0.load(Ordering::Relaxed), model.wakes);
        prop_assert_eq!(self.bell.wakes(), model.wakes);
        prop_assert_eq!(&*self.releases.0.lock().expect("no panic"), &model.released());
        Ok(())
    }

    /// Everything goes: what was never delivered is released.
    fn end(mut self) -> Result<(), TestCaseError> {
        while let Some((who, event)) = self.unsettled.pop_front() {
            self.settle(who, event, Settlement::Delivered);
        }
        self.subscribers.clear();
        drop(self.broadcast);
        for who in 0..self.model.subscribers.len() {
            self.model.clear(who);
        }
        prop_assert_eq!(&*self.releases.0.lock().expect("no panic"), &self.model.released());
        prop_assert_eq!(Arc::strong_count(&self.releases), 1, "an event still has its owner");
        prop_assert_eq!(Arc::strong_count(&self.bell), 1, "a subscriber still has its doorbell");
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_broadcast_does_what_its_model_does(program in prop::collection::vec(steps(), 0..250)) {
        let mut world = World::new();
        for step in program {
            world.take(step)?;
            world.check()?;
        }
        world.end()?;
    }
}
