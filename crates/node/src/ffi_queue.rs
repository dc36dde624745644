//! `NativeQueue`: a filtered broadcast, shared by every thread that opens it.

use crate::bigint::handle;
use crate::error::{Code, Result, error};
use crate::js_thread::new_waiter;
use crate::subscription::{NativeSubscription, Reading, filter};
use napi::bindgen_prelude::{BigInt, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_core::{ALL_GROUPS, Broadcast, KindSet, Overflow, Stats};
use narrowcast_interface::Queue;
use std::sync::Arc;

/// What a subscription asks for; checked in TypeScript.
#[napi(object)]
pub struct NativeSubscribeOptions {
    /// The doorbell that rings while the subscription is waited for.
    pub doorbell: u32,
    /// Where its events are copied to when they are read.
    pub scratch: u32,
    /// Kinds: indices into the queue's types.
    pub kinds: Vec<u32>,
    /// Subjects; absent: all.
    pub handles: Option<Vec<BigInt>>,
    /// `error`, `grow`, `drop-oldest` or `drop-newest`.
    pub overflow: String,
    /// Events that may wait: the bound of the overflow policy.
    pub capacity: u32,
    /// The group that its thread is, in the engine's queue; absent: it hears what concerns any.
    pub group: Option<u32>,
    /// Whether its reader takes over what events own. Absent: no.
    pub own: Option<bool>,
}

/// What a queue counted; see `FfiQueue.stats()`.
#[napi(object)]
pub struct NativeQueueStats {
    /// Events sent.
    pub published: f64,
    /// Copies read by a subscriber.
    pub delivered: f64,
    /// Events that no subscription wanted.
    pub unwanted: f64,
    /// Copies lost.
    pub dropped: f64,
    /// Copies that wait.
    pub queued: f64,
    /// Wakes of JavaScript threads.
    pub wakes: f64,
    /// Subscriptions that have not ended.
    pub subscribers: f64,
}

impl From<Stats> for NativeQueueStats {
    fn from(stats: Stats) -> Self {
        Self {
            published: stats.published as f64,
            delivered: stats.delivered as f64,
            unwanted: stats.unwanted as f64,
            dropped: stats.dropped as f64,
            queued: stats.queued as f64,
            wakes: stats.wakes as f64,
            subscribers: stats.subscribers as f64,
        }
    }
}

/// Behind `FfiQueue`.
#[napi]
pub struct NativeQueue {
    queue: Arc<Queue>,
}

impl From<Arc<Queue>> for NativeQueue {
    fn from(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

#[napi]
impl NativeQueue {
    /// A queue of its own, for events of these types.
    #[napi(constructor, catch_unwind)]
    pub fn new(types: Vec<String>) -> Result<Self> {
        if types.len() > KindSet::CAPACITY {
            return Err(error(
                Code::InvalidArgument,
                format!("a queue has at most {} types, not {}", KindSet::CAPACITY, types.len()),
            ));
        }
        let broadcast = Arc::new(Broadcast::new(types.len()));
        Ok(Queue::publish(types, broadcast).into())
    }

    /// The queue with this id, from any thread; it must have these types.
    #[napi(factory, catch_unwind)]
    pub fn open(id: BigInt, types: Vec<String>) -> Result<Self> {
        let id = handle(&id)?;
        let queue = Queue::get(id).ok_or_else(|| {
            error(
                Code::NotFound,
                format!("no queue has the id {id}: keep a reference to it in the thread that made it"),
            )
        })?;
        if queue.types() != types {
            return Err(error(
                Code::InvalidArgument,
                format!("the queue {id} has other types: open it with the same ones, in the same order"),
            ));
        }
        Ok(queue.into())
    }

    /// The queue's process-wide id.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> BigInt {
        self.queue.id().into()
    }

    /// Sends an event; returns to how many subscribers it went.
    #[napi(catch_unwind)]
    pub fn put(&self, kind: u32, payload: Uint8ArraySlice, subject: BigInt) -> Result<u32> {
        let broadcast = self.queue.broadcast();
        if broadcast.is_closed() {
            return Err(error(Code::Closed, "the queue is closed: put events into an open one"));
        }
        let kind = kind.try_into().ok().filter(|kind| usize::from(*kind) < broadcast.kinds());
        let kind = kind.ok_or_else(|| error(Code::InvalidArgument, "the queue has no such type"))?;
        Ok(broadcast.send(kind, handle(&subject)?, &payload, None) as u32)
    }

    /// Adds a subscription whose events this thread reads.
    #[napi(catch_unwind)]
    pub fn subscribe(&self, options: NativeSubscribeOptions) -> Result<NativeSubscription> {
        let capacity = options.capacity.max(1) as usize;
        let overflow = match options.overflow.as_str() {
            "error" => Overflow::Error { max: capacity },
            "grow" => Overflow::Grow,
            "drop-oldest" => Overflow::DropOldest { capacity },
            "drop-newest" => Overflow::DropNewest { capacity },
            other => return Err(error(Code::InvalidArgument, format!("there is no overflow policy {other:?}"))),
        };
        let filter = filter(&options.kinds, options.handles.as_deref())?;
        let waiter = new_waiter(options.doorbell)?;
        let token = waiter.token();
        let broadcast = self.queue.broadcast().clone();
        let subscriber = broadcast.subscribe_as(options.group.unwrap_or(ALL_GROUPS), filter, overflow, waiter);
        let reading = Reading { scratch: options.scratch, own: options.own.unwrap_or(false) };
        Ok(NativeSubscription::new(token, reading, broadcast, subscriber))
    }

    /// What the queue counted so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeQueueStats {
        self.queue.broadcast().stats().into()
    }

    /// Whether the queue is closed.
    #[napi(getter, catch_unwind)]
    pub fn closed(&self) -> bool {
        self.queue.broadcast().is_closed()
    }

    /// Ends all subscriptions.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.queue.broadcast().close();
    }
}
