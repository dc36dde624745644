//! `NativeRingBuffer`: samples from one thread of JavaScript to another, in fixed memory.
//!
//! A ring has two sides, the producer's and the consumer's. The first view that uses a side has it, until the view is
//! closed or collected or its thread's environment ends: then another one may take it, from another thread, too. Taking
//! a side and leaving it synchronize, as [`PcmRing`] asks for.

use crate::bigint::handle;
use crate::error::{Code, Result, error, from_napi, refused};
use crate::handles::{Handle, Release};
use crate::js_thread::enter;
use crate::raw_fn::{Argument, Call, function_of};
use napi::bindgen_prelude::{BigInt, Env, ObjectFinalize, Unknown};
use napi::sys;
use napi_derive::napi;
use narrowcast_audio::{Overflow, PcmRing};
use narrowcast_interface::SharedTable;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Rings by their id, for threads that open one.
static RINGS: SharedTable<Ring> = SharedTable::new();
static NEXT_VIEW: AtomicU64 = AtomicU64::new(1);

/// What a ring's function can be asked to do: its first argument. The second is an array, or a number of samples.
#[napi]
pub enum NativeRingCall {
    /// Writes the array's samples.
    Write,
    /// Reads into the array.
    Read,
    /// As `Read`, and leaves the samples where they are.
    Peek,
    /// Throws away a number of samples.
    Skip,
    /// Throws away all samples.
    Clear,
    /// Samples that wait.
    Size,
    /// Samples that were lost.
    Dropped,
    /// 1 if the ring is closed.
    Closed,
}

/// What a ring's function returns instead of a number of samples.
#[napi]
pub enum NativeRingRefusal {
    /// The ring is closed, and takes no more.
    Closed = -1,
    /// Another view has this side.
    Locked = -2,
    /// The samples are no Int16Array, or the number of samples no number.
    Type = -3,
}

impl From<NativeRingRefusal> for i64 {
    fn from(refusal: NativeRingRefusal) -> Self {
        refusal as i64
    }
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

    /// Whether the side is this view's, from now on if no view had it.
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
    /// Offers samples. Returns how many were stored, or a refusal.
    fn write(&self, samples: &[i16]) -> i64 {
        if self.closed() {
            return NativeRingRefusal::Closed.into();
        }
        // Nothing to write needs no side: an array that was detached looks like this, too.
        if samples.is_empty() {
            return 0;
        }
        if !self.ring.producer.take(self.number) {
            return NativeRingRefusal::Locked.into();
        }
        self.ring.pcm.write(samples) as i64
    }

    /// Calls `work` with room for samples; it returns how many of them it used. Refuses if another view is the consumer.
    fn read(&self, target: &mut [i16], work: impl FnOnce(&PcmRing, &mut [i16]) -> usize) -> i64 {
        if target.is_empty() { 0 } else { self.consume(|ring| work(ring, target)) }
    }

    /// Calls `work`, which returns a number of samples. Refuses if another view is the consumer.
    fn consume(&self, work: impl FnOnce(&PcmRing) -> usize) -> i64 {
        if !self.ring.consumer.take(self.number) {
            return NativeRingRefusal::Locked.into();
        }
        work(&self.ring.pcm) as i64
    }

    fn closed(&self) -> bool {
        // Acquire: see `NativeRingBuffer::close`.
        self.ring.closed.load(Ordering::Acquire)
    }
}

impl Call for View {
    const NAME: &CStr = c"ring";

    fn call(&self, [what, value]: [Argument; 2]) -> std::result::Result<i64, String> {
        const WRITE: u32 = NativeRingCall::Write as u32;
        const READ: u32 = NativeRingCall::Read as u32;
        const PEEK: u32 = NativeRingCall::Peek as u32;
        const SKIP: u32 = NativeRingCall::Skip as u32;
        const CLEAR: u32 = NativeRingCall::Clear as u32;
        const SIZE: u32 = NativeRingCall::Size as u32;
        const DROPPED: u32 = NativeRingCall::Dropped as u32;
        const CLOSED: u32 = NativeRingCall::Closed as u32;
        const INT16: i32 = sys::TypedarrayType::int16_array;
        let wrong_type = Ok(NativeRingRefusal::Type.into());
        let Some(what) = what.number() else { return wrong_type };
        Ok(match what {
            WRITE | READ | PEEK => {
                let Some(array) = value.typed_array().filter(|array| array.kind == INT16) else { return wrong_type };
                if what == WRITE {
                    // SAFETY: they are 16-bit integers, and JavaScript, which alone could change or read them, waits for
                    // this call. `TypedArray` is none whose memory is shared with other threads.
                    return Ok(self.write(unsafe { array.samples() }));
                }
                // SAFETY: as above.
                let target = unsafe { array.samples_mut() };
                self.read(
                    target,
                    |ring, target| if what == READ { ring.read(target).samples } else { ring.peek(target) },
                )
            }
            SKIP => {
                let Some(samples) = value.number() else { return wrong_type };
                self.consume(|ring| ring.skip(samples as usize))
            }
            CLEAR => self.consume(PcmRing::clear),
            SIZE => self.ring.pcm.len() as i64,
            DROPPED => self.ring.pcm.dropped() as i64,
            CLOSED => self.closed().into(),
            _ => return wrong_type,
        })
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
    view: Handle<View>,
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
        let pcm = PcmRing::new(capacity as usize, 1, overflow).map_err(refused)?;
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
        // Each view keeps all of the memory. Otherwise a forgotten one looks like a few bytes to the collector, and stays.
        let accounted = (ring.pcm.capacity() as i64).saturating_mul(2);
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let view = Handle::new(View { number: NEXT_VIEW.fetch_add(1, Ordering::Relaxed), ring })?;
        Ok(Self { view, accounted })
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

    /// The function that does what is done often. It returns a number of samples, or a refusal.
    #[napi(catch_unwind, ts_return_type = "(what: NativeRingCall, value?: unknown) => number")]
    pub fn function(&self, env: &Env) -> Result<Unknown<'static>> {
        function_of(env, self.view.object()).map_err(from_napi)
    }

    /// Ends the ring for all its views. What is in it stays readable, for the next reader.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        // Release: what this view wrote is there for those who see the end.
        self.view.ring.closed.store(true, Ordering::Release);
        Release::release(&*self.view);
    }
}

impl ObjectFinalize for NativeRingBuffer {
    fn finalize(self, env: Env) -> napi::Result<()> {
        // Its function may live on for a while, but JavaScript has lost it.
        drop(self.view);
        env.adjust_external_memory(-self.accounted)?;
        Ok(())
    }
}
