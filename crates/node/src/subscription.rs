//! `NativeSubscription`: what one subscriber has to read.

use crate::error::Result;
use crate::ffi_queue::filter;
use crate::js_thread::{Release, belongs_here, left};
use napi::bindgen_prelude::{BigInt, BigUint64ArraySlice, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_core::{Broadcast, Event, Subscriber};
use std::sync::Arc;

/// Numbers that describe one event in `meta`: kind and [`OWNS`], subject, bytes.
const META: usize = 3;

/// In an event's first number: it owns native handles, and JavaScript has to say whether it takes them.
const OWNS: u64 = 1 << 32;

/// Behind `Subscription`.
#[napi]
pub struct NativeSubscription {
    token: u32,
    inner: Arc<Inner>,
    /// Taken from the queue, but too large for the bytes that JavaScript gave.
    next: Option<Event>,
    /// Copied to JavaScript, which has not said yet whether it takes what the event owns.
    held: Option<Event>,
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

impl NativeSubscription {
    pub(crate) fn new(token: u32, broadcast: Arc<Broadcast>, subscriber: Arc<Subscriber>) -> Self {
        let inner = Arc::new(Inner { broadcast, subscriber });
        let release: Arc<dyn Release> = inner.clone();
        belongs_here(token, Arc::downgrade(&release));
        Self { token, inner, next: None, held: None }
    }
}

#[napi]
impl NativeSubscription {
    /// What the doorbell calls this subscription.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// Copies waiting events one after another into `bytes`, and describes each by three numbers in `meta`. Returns how
    /// many events it copied; or, where `bytes` is too small for the first one, how many bytes that needs, negative.
    ///
    /// An event that owns native handles comes last in what one call returns. It is JavaScript's once that said
    /// `keep()`; `discard()`, another `read` or the end of the subscription release what it owns.
    #[napi(catch_unwind)]
    pub fn read(&mut self, mut bytes: Uint8ArraySlice, mut meta: BigUint64ArraySlice) -> i32 {
        self.discard();
        // SAFETY: only this thread's JavaScript has the arrays, and it waits for this call to return.
        let (bytes, meta) = unsafe { (bytes.as_mut(), meta.as_mut()) };
        let subscriber = &self.inner.subscriber;
        let (mut count, mut used) = (0, 0);
        for meta in meta.chunks_exact_mut(META) {
            let Some(event) = self.next.take().or_else(|| subscriber.pop()) else { break };
            let payload = event.payload();
            let Some(room) = bytes[used..].get_mut(..payload.len()) else {
                let needed = payload.len();
                self.next = Some(event);
                if count == 0 {
                    return i32::try_from(needed).map_or(i32::MIN, |needed| -needed);
                }
                break;
            };
            room.copy_from_slice(payload);
            let owns = if event.owns() { OWNS } else { 0 };
            meta.copy_from_slice(&[u64::from(event.kind()) | owns, event.subject(), payload.len() as u64]);
            used += payload.len();
            count += 1;
            if event.owns() {
                self.held = Some(event);
                break;
            }
            subscriber.delivered(&event);
        }
        count
    }

    /// JavaScript takes what the last event owns.
    #[napi(catch_unwind)]
    pub fn keep(&mut self) {
        if let Some(event) = self.held.take() {
            self.inner.subscriber.delivered(&event);
        }
    }

    /// JavaScript does not want the last event: what it owns is released, unless another subscriber takes it.
    #[napi(catch_unwind)]
    pub fn discard(&mut self) {
        if let Some(event) = self.held.take() {
            self.inner.subscriber.discarded(event);
        }
    }

    /// From now on, the next event rings the doorbell. False: there is something to see already.
    #[napi(catch_unwind)]
    pub fn wait(&self) -> bool {
        self.next.is_none() && self.inner.subscriber.wait()
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
        self.inner.subscriber.len() as u32 + u32::from(self.next.is_some())
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

    /// Whether it ended because it fell too far behind.
    #[napi(getter, catch_unwind)]
    pub fn lagged(&self) -> bool {
        self.inner.subscriber.is_lagged()
    }

    /// Ends the subscription. What waits stays readable.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inner.broadcast.unsubscribe(&self.inner.subscriber);
        left(self.token);
    }

    /// Ends the subscription and drops what waits.
    #[napi(catch_unwind)]
    pub fn abandon(&mut self) {
        self.close();
        self.discard();
        if let Some(event) = self.next.take() {
            self.inner.subscriber.discarded(event);
        }
        self.inner.subscriber.clear();
    }
}

impl Drop for NativeSubscription {
    fn drop(&mut self) {
        self.abandon();
    }
}
