//! `NativeSubscription`: what one subscriber has to read.

use crate::bigint::handle;
use crate::error::Result;
use crate::handles::{Handle, HandleTable, Release};
use crate::scratch::with_scratch;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use narrowcast_core::{Broadcast, Event, Filter, KindSet, Subscriber};
use std::cell::RefCell;
use std::sync::Arc;

const META: usize = EVENT_META as usize;

/// Numbers that describe one event in a scratch: kind and [`OWNS`], subject, bytes.
#[napi]
pub const EVENT_META: u32 = 3;

/// In an event's first number: it owns native handles, and JavaScript has to say whether it takes them. JavaScript reads the
/// number as two words, and the higher one is 1 then.
const OWNS: u64 = 1 << 32;

/// In what `subscriptionRead` returns, beside a number of events: there were no more, and the next one rings.
#[napi]
pub const EVENTS_ARMED: i32 = 1 << 30;

/// Returned by `subscriptionRead`: the subscription has ended, and all was read.
#[napi]
pub const EVENTS_ENDED: i32 = -1;

/// Returned by `subscriptionRead`: all was read, and the subscription has failed because it fell too far behind. What is
/// below that is minus the bytes that the next event needs.
#[napi]
pub const EVENTS_LAGGED: i32 = -2;

thread_local! {
    static SUBSCRIPTIONS: HandleTable<Inner> = HandleTable::new();
}

/// Behind `Subscription`.
#[napi]
pub struct NativeSubscription {
    inner: Handle<Inner>,
}

struct Inner {
    broadcast: Arc<Broadcast>,
    subscriber: Arc<Subscriber>,
    reader: RefCell<Reader>,
}

impl Release for Inner {
    fn release(&self) {
        self.broadcast.unsubscribe(&self.subscriber);
        let mut reader = self.reader.borrow_mut();
        reader.discard();
        if let Some(event) = reader.next.take() {
            self.subscriber.discarded(event);
        }
        self.subscriber.clear();
    }
}

/// How a subscription's events are read.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Where they are copied to.
    pub scratch: u32,
    /// Whether the reader takes over what they own. Otherwise it only sees them: what they own stays with another
    /// subscription that takes it, or is released.
    pub own: bool,
}

/// The consumer's side of a subscription.
struct Reader {
    subscriber: Arc<Subscriber>,
    reading: Reading,
    /// Taken from the queue, but too large for the scratch.
    next: Option<Event>,
    /// Copied to JavaScript, which has not said yet whether it takes what the event owns.
    held: Option<Event>,
}

impl Reader {
    fn read(&mut self, most: u32, wait: bool) -> i32 {
        self.discard();
        loop {
            match self.copy(most) {
                // No room even to describe an event: looking again would not end.
                None => return 0,
                Some(0) => {}
                // A reader that takes more than there are is about to wait: that spares the call that would find nothing.
                Some(count) if wait && count > 0 && (count as u32) < most && self.nothing_in_hand() => {
                    return if self.subscriber.wait() { count | EVENTS_ARMED } else { count };
                }
                Some(count) => return count,
            }
            if self.subscriber.has_ended() {
                return if self.subscriber.is_lagged() { EVENTS_LAGGED } else { EVENTS_ENDED };
            }
            if !wait || self.subscriber.wait() {
                return 0;
            }
        }
    }

    fn nothing_in_hand(&self) -> bool {
        self.next.is_none() && self.held.is_none()
    }

    /// What `subscription_read` returns if it is not 0; `None` where no event may be copied at all.
    fn copy(&mut self, most: u32) -> Option<i32> {
        let Self { subscriber, reading, next, held } = self;
        with_scratch(reading.scratch, |bytes, meta| {
            if most == 0 || meta.len() < META {
                return None;
            }
            let (mut count, mut used) = (0, 0);
            for meta in meta.chunks_exact_mut(META).take(most as usize) {
                let Some(event) = next.take().or_else(|| subscriber.pop()) else { break };
                let payload = event.payload();
                let Some(room) = bytes[used..].get_mut(..payload.len()) else {
                    let needed = payload.len();
                    *next = Some(event);
                    if count == 0 {
                        return Some(i32::try_from(needed).map_or(i32::MIN, |needed| -needed));
                    }
                    break;
                };
                room.copy_from_slice(payload);
                let takes = reading.own && event.owns();
                let owns = if takes { OWNS } else { 0 };
                meta.copy_from_slice(&[u64::from(event.kind()) | owns, event.subject(), payload.len() as u64]);
                used += payload.len();
                count += 1;
                if takes {
                    *held = Some(event);
                    break;
                }
                subscriber.discarded(event);
            }
            Some(count)
        })
    }

    fn keep(&mut self) {
        if let Some(event) = self.held.take() {
            self.subscriber.delivered(&event);
        }
    }

    fn discard(&mut self) {
        if let Some(event) = self.held.take() {
            self.subscriber.discarded(event);
        }
    }
}

/// Copies waiting events, at most `most`, one after another into the subscription's scratch, and describes each by three
/// numbers there: kind and whether it owns handles, subject, bytes. Returns how many it copied; if that are less than
/// `most`, and with `wait` the next one rings the doorbell from now on, `EVENTS_ARMED` more.
///
/// 0: none waits; with `wait`, the next one rings the doorbell from now on. `EVENTS_ENDED`: the subscription has ended.
/// `EVENTS_LAGGED`: it has failed, since it fell too far behind. Below that: the scratch is too small for the first event;
/// the bytes that it needs, negative.
///
/// For a subscription that takes what events own, an event with native handles comes last in what one call returns. It is
/// JavaScript's once that said `subscriptionKeep`; `subscriptionDiscard`, another read or the end of the subscription
/// release what it owns.
#[napi(catch_unwind)]
pub fn subscription_read(token: u32, most: u32, wait: bool) -> i32 {
    with_reader(token, |reader| reader.read(most, wait)).unwrap_or(EVENTS_ENDED)
}

/// Whether there is an event to read, or the end to see. If not, that rings the doorbell from now on.
#[napi(catch_unwind)]
pub fn subscription_readable(token: u32) -> bool {
    with_reader(token, |reader| reader.next.is_some() || !reader.subscriber.wait()).unwrap_or(true)
}

/// JavaScript takes what the last event owns.
#[napi(catch_unwind)]
pub fn subscription_keep(token: u32) {
    with_reader(token, Reader::keep);
}

/// JavaScript does not want the last event: what it owns is released, unless another subscriber takes it.
#[napi(catch_unwind)]
pub fn subscription_discard(token: u32) {
    with_reader(token, Reader::discard);
}

fn with_reader<T>(token: u32, work: impl FnOnce(&mut Reader) -> T) -> Option<T> {
    let inner = SUBSCRIPTIONS.with(|subscriptions| subscriptions.get(token))?;
    let result = work(&mut inner.reader.borrow_mut());
    Some(result)
}

impl NativeSubscription {
    /// Its side that events are put into.
    pub(crate) fn subscriber(&self) -> &Arc<Subscriber> {
        &self.inner.subscriber
    }

    pub(crate) fn new(token: u32, reading: Reading, broadcast: Arc<Broadcast>, subscriber: Arc<Subscriber>) -> Self {
        let reader = Reader { subscriber: subscriber.clone(), reading, next: None, held: None };
        let inner = Inner { broadcast, subscriber, reader: RefCell::new(reader) };
        Self { inner: Handle::listed(&SUBSCRIPTIONS, token, inner) }
    }
}

#[napi]
impl NativeSubscription {
    /// What the doorbell calls this subscription.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.inner.token()
    }

    /// Changes what this subscription hears, from now on.
    #[napi(catch_unwind)]
    pub fn set_filter(&self, kinds: Vec<u32>, handles: Option<Vec<BigInt>>) -> Result<()> {
        self.inner.broadcast.set_filter(&self.inner.subscriber, filter(&kinds, handles.as_deref())?);
        Ok(())
    }

    /// Events that wait.
    #[napi(getter, catch_unwind)]
    pub fn size(&self) -> u32 {
        self.inner.subscriber.len() as u32 + u32::from(self.inner.reader.borrow().next.is_some())
    }

    /// Events lost to overflow.
    #[napi(getter, catch_unwind)]
    pub fn dropped(&self) -> f64 {
        self.inner.subscriber.dropped() as f64
    }

    /// Whether the subscription has ended. Events may still wait.
    #[napi(getter, catch_unwind)]
    pub fn closed(&self) -> bool {
        self.inner.subscriber.is_closed()
    }

    /// Ends the subscription. What waits stays readable.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inner.broadcast.unsubscribe(&self.inner.subscriber);
    }

    /// Ends the subscription and drops what waits.
    #[napi(catch_unwind)]
    pub fn abandon(&self) {
        self.inner.release();
    }
}

/// The filter of these kinds and subjects.
pub fn filter(kinds: &[u32], handles: Option<&[BigInt]>) -> Result<Filter> {
    let kinds = kinds.iter().fold(KindSet::EMPTY, |set, kind| set.with((*kind).try_into().unwrap_or(u8::MAX)));
    let subjects = handles.map(|handles| handles.iter().map(handle).collect::<Result<_>>()).transpose()?;
    Ok(Filter { kinds, subjects })
}
