//! `NativeSubscription`: what one subscriber has to read.
//!
//! What is called for each event is a function that takes a token: a method of a class costs ten times as much before it
//! does anything.

use crate::error::Result;
use crate::ffi_queue::filter;
use crate::js_thread::{Release, belongs_here, left};
use crate::scratch::with_scratch;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use narrowcast_core::{Broadcast, Event, Subscriber};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Numbers that describe one event in a scratch: kind and [`OWNS`], subject, bytes.
const META: usize = 3;

/// In an event's first number: it owns native handles, and JavaScript has to say whether it takes them.
const OWNS: u64 = 1 << 32;

/// In what [`subscription_read`] returns, beside a number of events: there were no more, and the next one rings.
const ARMED: i32 = 1 << 30;

/// Returned by [`subscription_read`]: the subscription has ended, and all was read.
const ENDED: i32 = -1;

/// Returned by [`subscription_read`]: all was read, and the subscription has failed because it fell too far behind.
const LAGGED: i32 = -2;

thread_local! {
    /// This thread's subscriptions by their tokens.
    static READERS: RefCell<FxHashMap<u32, Rc<RefCell<Reader>>>> = RefCell::default();
}

/// Behind `Subscription`.
#[napi]
pub struct NativeSubscription {
    token: u32,
    inner: Arc<Inner>,
    reader: Rc<RefCell<Reader>>,
}

struct Inner {
    broadcast: Arc<Broadcast>,
    subscriber: Arc<Subscriber>,
}

impl Release for Inner {
    fn release(&self) {
        self.broadcast.unsubscribe(&self.subscriber);
        self.subscriber.clear();
    }
}

/// The consumer's side of a subscription.
struct Reader {
    subscriber: Arc<Subscriber>,
    scratch: u32,
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
                // Whoever takes more than there are is about to wait: that spares the call that would find nothing.
                Some(count) if wait && count > 0 && (count as u32) < most && self.nothing_in_hand() => {
                    return if self.subscriber.wait() { count | ARMED } else { count };
                }
                Some(count) => return count,
            }
            // Looked at in this order: what came before the end is then visible.
            if self.subscriber.is_closed() {
                if !self.subscriber.is_empty() {
                    continue;
                }
                return if self.subscriber.is_lagged() { LAGGED } else { ENDED };
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
        let Self { subscriber, scratch, next, held } = self;
        with_scratch(*scratch, |bytes, meta| {
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
                let owns = if event.owns() { OWNS } else { 0 };
                meta.copy_from_slice(&[u64::from(event.kind()) | owns, event.subject(), payload.len() as u64]);
                used += payload.len();
                count += 1;
                if event.owns() {
                    *held = Some(event);
                    break;
                }
                subscriber.delivered(&event);
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
/// `most`, and with `wait` the next one rings the doorbell from now on, 2^30 more.
///
/// 0: none waits; with `wait`, the next one rings the doorbell from now on. -1: the subscription has ended. -2: it has
/// failed, since it fell too far behind. Below that: the scratch is too small for the first event; the bytes that it
/// needs, negative.
///
/// An event that owns native handles comes last in what one call returns. It is JavaScript's once that said
/// `subscriptionKeep`; `subscriptionDiscard`, another read or the end of the subscription release what it owns.
#[napi(catch_unwind)]
pub fn subscription_read(token: u32, most: u32, wait: bool) -> i32 {
    with_reader(token, |reader| reader.read(most, wait)).unwrap_or(ENDED)
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
    let reader = READERS.with_borrow(|readers| readers.get(&token).cloned())?;
    let result = work(&mut reader.borrow_mut());
    Some(result)
}

impl NativeSubscription {
    /// Its side that events are put into.
    pub(crate) fn subscriber(&self) -> &Arc<Subscriber> {
        &self.inner.subscriber
    }

    pub(crate) fn new(token: u32, scratch: u32, broadcast: Arc<Broadcast>, subscriber: Arc<Subscriber>) -> Self {
        let reader = Reader { subscriber: subscriber.clone(), scratch, next: None, held: None };
        let reader = Rc::new(RefCell::new(reader));
        READERS.with_borrow_mut(|readers| readers.insert(token, reader.clone()));
        let inner = Arc::new(Inner { broadcast, subscriber });
        let release: Arc<dyn Release> = inner.clone();
        belongs_here(token, Arc::downgrade(&release));
        Self { token, inner, reader }
    }
}

#[napi]
impl NativeSubscription {
    /// What the doorbell calls this subscription.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
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
        self.inner.subscriber.len() as u32 + u32::from(self.reader.borrow().next.is_some())
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
        left(self.token);
    }

    /// Ends the subscription and drops what waits.
    #[napi(catch_unwind)]
    pub fn abandon(&self) {
        self.close();
        let mut reader = self.reader.borrow_mut();
        reader.discard();
        if let Some(event) = reader.next.take() {
            self.inner.subscriber.discarded(event);
        }
        self.inner.subscriber.clear();
    }
}

impl Drop for NativeSubscription {
    fn drop(&mut self) {
        // Gone already where the thread itself ends.
        let _ = READERS.try_with(|readers| readers.borrow_mut().remove(&self.token));
        self.abandon();
    }
}
