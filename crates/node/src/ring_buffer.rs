//! `NativeRingBuffer`: samples from one thread of JavaScript to another, in fixed memory.
//!
//! What is called for each frame is in [`ring_function`](crate::ring_function).
//!
//! A ring has two sides, the producer's and the consumer's. The first view that uses a side has it, until the view is
//! closed or collected or its thread's environment ends: then another one may take it, from another thread, too. Taking
//! a side and leaving it synchronize, as [`PcmRing`] asks for.

use crate::bigint::handle;
use crate::error::{Code, Result, error, from_napi};
use crate::js_thread::{Release, belongs_here, enter, left, new_token};
use crate::ring_function::function_on;
use crate::shared_table::SharedTable;
use napi::Env;
use napi::bindgen_prelude::{BigInt, ObjectFinalize, Unknown};
use napi_derive::napi;
use narrowcast_audio::{Overflow, PcmRing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Rings by their id, for threads that open one.
static RINGS: SharedTable<Ring> = SharedTable::new();
static NEXT_VIEW: AtomicU64 = AtomicU64::new(1);

/// What is returned instead of a number of samples. `src/ring-buffer.ts` makes errors of them.
pub mod refused {
    /// The ring is closed, and takes no more.
    pub const CLOSED: i64 = -1;
    /// Another view has this side.
    pub const LOCKED: i64 = -2;
    /// The samples are no Int16Array, or the number of samples no number.
    pub const TYPE: i64 = -3;
}

/// What all views of a ring share.
struct Ring {
    id: u64,
    pcm: PcmRing,
    closed: AtomicBool,
    producer: Side,
    consumer: Side,
}

impl Drop for Ring {
    fn drop(&mut self) {
        RINGS.remove(self.id);
    }
}

/// Which view has one side of a ring; 0: none.
struct Side(AtomicU64);

impl Side {
    const fn free() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether the side is this view's, from now on if it was nobody's.
    fn take(&self, view: u64) -> bool {
        // Only the view's own thread has stored its number: what it finds there needs no order.
        self.0.load(Ordering::Relaxed) == view
            // Acquire: all that the last one did here is finished.
            || self.0.compare_exchange(0, view, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the side back, if it is this view's.
    fn leave(&self, view: u64) {
        let _ = self.0.compare_exchange(view, 0, Ordering::Release, Ordering::Relaxed);
    }
}

/// A ring, as one object of one JavaScript thread sees it.
pub struct View {
    number: u64,
    ring: Arc<Ring>,
}

impl View {
    /// Offers samples. Returns how many were stored, [`refused::CLOSED`] or [`refused::LOCKED`].
    pub fn write(&self, samples: &[i16]) -> i64 {
        if self.closed() {
            return refused::CLOSED;
        }
        // Nothing to write needs no side: an array that was detached looks like this, too.
        if samples.is_empty() {
            return 0;
        }
        if self.ring.producer.take(self.number) { self.ring.pcm.write(samples) as i64 } else { refused::LOCKED }
    }

    /// Calls `work` with room for samples, of which it returns how many it used; unless another view is the consumer:
    /// [`refused::LOCKED`].
    pub fn read(&self, target: &mut [i16], work: impl FnOnce(&PcmRing, &mut [i16]) -> usize) -> i64 {
        if target.is_empty() { 0 } else { self.consume(|ring| work(ring, target)) }
    }

    /// Calls `work`, which returns a number of samples, unless another view is the consumer: [`refused::LOCKED`].
    pub fn consume(&self, work: impl FnOnce(&PcmRing) -> usize) -> i64 {
        if self.ring.consumer.take(self.number) { work(&self.ring.pcm) as i64 } else { refused::LOCKED }
    }

    pub fn size(&self) -> i64 {
        self.ring.pcm.len() as i64
    }

    pub fn dropped(&self) -> i64 {
        self.ring.pcm.dropped() as i64
    }

    pub fn closed(&self) -> bool {
        // Acquire: see `NativeRingBuffer::close`.
        self.ring.closed.load(Ordering::Acquire)
    }
}

impl Release for View {
    fn release(&self) {
        self.ring.producer.leave(self.number);
        self.ring.consumer.leave(self.number);
    }
}

/// Behind `RingBuffer`: one view of a ring.
#[napi(custom_finalize)]
pub struct NativeRingBuffer {
    token: u32,
    view: Arc<View>,
    /// What the garbage collector was told of the ring's memory, in bytes.
    accounted: i64,
}

#[napi]
impl NativeRingBuffer {
    /// A ring of its own, for `capacity` samples.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, capacity: f64, drop_oldest: bool) -> Result<Self> {
        // A capacity that is no mistake.
        if capacity > f64::from(1 << 28) {
            return Err(error(Code::InvalidArgument, format!("a ring of {capacity} samples is too large")));
        }
        let overflow = if drop_oldest { Overflow::DropOldest } else { Overflow::Reject };
        let pcm = PcmRing::new(capacity as usize, 1, overflow)
            .map_err(|refused| error(Code::InvalidArgument, refused.to_string()))?;
        let closed = AtomicBool::new(false);
        let ring = RINGS.publish(|id| Ring { id, pcm, closed, producer: Side::free(), consumer: Side::free() });
        Self::view(env, ring)
    }

    /// The ring with this id, from any thread.
    #[napi(factory, catch_unwind)]
    pub fn open(env: Env, id: BigInt) -> Result<Self> {
        let id = handle(&id)?;
        let ring = RINGS.get(id).ok_or_else(|| {
            error(Code::NotFound, format!("no ring has the id {id}: keep a reference to it in the thread that made it"))
        })?;
        Self::view(env, ring)
    }

    fn view(env: Env, ring: Arc<Ring>) -> Result<Self> {
        enter(env)?;
        let token = new_token()?;
        // Each view keeps all of the memory. Otherwise a forgotten one looks like a few bytes to the collector, and stays.
        let accounted = (ring.pcm.capacity() as i64).saturating_mul(2);
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let view = Arc::new(View { number: NEXT_VIEW.fetch_add(1, Ordering::Relaxed), ring });
        let release: Arc<dyn Release> = view.clone();
        belongs_here(token, Arc::downgrade(&release));
        Ok(Self { token, view, accounted })
    }

    /// The ring's process-wide id.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> BigInt {
        self.view.ring.id.into()
    }

    /// Samples that fit.
    #[napi(getter, catch_unwind)]
    pub fn capacity(&self) -> f64 {
        self.view.ring.pcm.capacity() as f64
    }

    /// The function that does what is done often: `ASK` of `src/ring-buffer.ts` lists what, and `REFUSED` what it returns
    /// instead of a number of samples.
    #[napi(catch_unwind, ts_return_type = "(what: number, value?: unknown) => number")]
    pub fn function(&self, env: &Env) -> Result<Unknown<'static>> {
        function_on(env.raw(), self.view.clone()).map_err(from_napi)
    }

    /// Ends the ring for all its views. What is in it stays readable, by whoever reads next.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        // Release: what this view wrote is there for those who see the end.
        self.view.ring.closed.store(true, Ordering::Release);
        self.view.release();
    }
}

impl ObjectFinalize for NativeRingBuffer {
    fn finalize(self, env: Env) -> napi::Result<()> {
        // Its function may live on for a while, but nobody has it.
        self.view.release();
        left(self.token);
        env.adjust_external_memory(-self.accounted)?;
        Ok(())
    }
}
