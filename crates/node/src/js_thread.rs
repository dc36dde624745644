//! One JavaScript thread: its doorbell, and what native code holds on its behalf.

use crate::error::{Code, Result, error, from_napi};
use crate::wake::{JsWake, Timing, WakeFunction, WakeThrottle};
use napi::Env;
use napi::bindgen_prelude::{Function, Uint32ArraySlice};
use napi_derive::napi;
use narrowcast_core::{Doorbell, Waiter};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;
use std::sync::Arc;
use std::time::Duration;

/// Something native that belongs to a JavaScript thread, and must let go when the thread's environment ends: before its
/// JavaScript objects are finalized, and whether or not they are.
pub trait Release {
    /// Stops what feeds it, and drops the native handles it has. Called once or more, on its own thread.
    fn release(&self);
}

/// This thread's doorbells and belongings.
#[derive(Default)]
struct JsThread {
    /// Some for each copy of narrowcast's JavaScript in the thread: an application and a package that it uses may bring
    /// one each.
    bells: Vec<Bell>,
    last_token: u32,
    belongings: HashMap<u32, Weak<dyn Release>>,
}

#[derive(Clone)]
struct Bell {
    doorbell: Arc<Doorbell>,
    throttle: Arc<WakeThrottle>,
}

thread_local! {
    static THREAD: RefCell<Option<JsThread>> = const { RefCell::new(None) };
}

/// Makes a doorbell, and returns its number: `handler` is called, once for any number of events, when something that
/// waits with this doorbell has something to read; not before `pause_us` have passed since it last answered, and, where a
/// burst is to be expected, `delay_us` after its first one, both in µs.
#[napi(catch_unwind)]
pub fn open_doorbell(env: Env, handler: Function<(), ()>, pause_us: u32, delay_us: u32) -> Result<u32> {
    let wake: WakeFunction = handler.build_threadsafe_function().weak::<true>().build().map_err(from_napi)?;
    enter(env)?;
    THREAD.with(|slot| {
        let mut slot = slot.borrow_mut();
        let thread = slot.as_mut().ok_or_else(ending)?;
        let [pause, delay] = [pause_us, delay_us].map(|us| Duration::from_micros(us.into()));
        let throttle = WakeThrottle::new(wake, Timing { pause, delay });
        let doorbell = Arc::new(Doorbell::new(Box::new(JsWake(throttle.clone()))));
        thread.bells.push(Bell { doorbell, throttle });
        Ok(thread.bells.len() as u32 - 1)
    })
}

/// Notes this thread, whose belongings are released when its environment ends. To be called before it gets any.
pub fn enter(env: Env) -> Result<()> {
    if THREAD.with(|slot| slot.borrow().is_some()) {
        return Ok(());
    }
    env.add_env_cleanup_hook((), |()| release_belongings()).map_err(from_napi)?;
    THREAD.with(|slot| *slot.borrow_mut() = Some(JsThread::default()));
    Ok(())
}

/// In what `answerDoorbell` returns, beside a number of tokens: the wake had waited for more than 100 ms, and
/// `doorbellStall` tells how long.
#[napi]
pub const DOORBELL_STALLED: u32 = 1 << 16;

/// Writes the tokens of what is ready to `tokens`, and returns how many. `woken`: in answer to a wake, once for each; what
/// there was no room for gets a wake of its own. `DOORBELL_STALLED` more: this thread was blocked.
#[napi(catch_unwind)]
pub fn answer_doorbell(doorbell: u32, mut tokens: Uint32ArraySlice, woken: bool) -> u32 {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let tokens = unsafe { tokens.as_mut() };
    let Some(Bell { doorbell, throttle }) = bell(doorbell) else { return 0 };
    if !woken {
        return doorbell.poll(tokens) as u32;
    }
    let stalled = throttle.answers();
    let rang = doorbell.take_ready(tokens) as u32;
    throttle.found(rang);
    if stalled { rang + DOORBELL_STALLED } else { rang }
}

/// How long this thread was blocked, see `answerDoorbell`.
#[napi(object)]
pub struct NativeStall {
    /// From when the wake was due to its answer, in ms.
    pub waited_ms: f64,
    /// From the answer before to when the wake was due, in ms.
    pub quiet_ms: f64,
}

/// The last stall that `answerDoorbell` told of.
#[napi(catch_unwind)]
pub fn doorbell_stall(doorbell: u32) -> NativeStall {
    let (waited, quiet) = bell(doorbell).map(|Bell { throttle, .. }| throttle.stall()).unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    NativeStall { waited_ms: ms(waited), quiet_ms: ms(quiet) }
}

/// Has this thread answer the doorbell once more, in a callback scope of its own: Node runs microtasks and `nextTick`
/// callbacks before it.
#[napi(catch_unwind)]
pub fn ring_again(doorbell: u32) {
    if let Some(Bell { doorbell, .. }) = bell(doorbell) {
        doorbell.ring_again();
    }
}

/// How often this thread was woken.
#[napi(catch_unwind)]
pub fn thread_wakes() -> f64 {
    let wakes = |thread: &JsThread| thread.bells.iter().map(|bell| bell.doorbell.wakes()).sum::<u64>() as f64;
    THREAD.with(|slot| slot.borrow().as_ref().map_or(0.0, wakes))
}

/// A waiter that rings one of this thread's doorbells.
pub fn new_waiter(doorbell: u32) -> Result<Waiter> {
    let Bell { doorbell, .. } = bell(doorbell).ok_or_else(ending)?;
    Ok(Waiter::new(doorbell, new_token()?))
}

/// A number for something that belongs to this thread.
pub fn new_token() -> Result<u32> {
    THREAD.with(|slot| {
        let mut slot = slot.borrow_mut();
        let thread = slot.as_mut().ok_or_else(ending)?;
        // After 4 billion streams the numbers start again, long after their first owners are gone.
        thread.last_token = thread.last_token.wrapping_add(1);
        Ok(thread.last_token)
    })
}

fn bell(doorbell: u32) -> Option<Bell> {
    THREAD.with(|slot| slot.borrow().as_ref()?.bells.get(doorbell as usize).cloned())
}

fn ending() -> napi::Error<Code> {
    error(Code::Closed, "this thread's environment is ending: nothing can be opened any more")
}

/// Notes that `belonging` has to be released when this thread's environment ends.
pub fn belongs_here(token: u32, belonging: Weak<dyn Release>) {
    THREAD.with(|slot| {
        if let Some(thread) = slot.borrow_mut().as_mut() {
            thread.belongings.insert(token, belonging);
        }
    });
}

/// Forgets a belonging that was released.
pub fn left(token: u32) {
    // The thread is gone already where it itself ends.
    let _ = THREAD.try_with(|slot| slot.borrow_mut().as_mut().map(|thread| thread.belongings.remove(&token)));
}

fn release_belongings() {
    let thread = THREAD.with(|slot| slot.borrow_mut().take());
    for belonging in thread.into_iter().flat_map(|thread| thread.belongings.into_values()) {
        if let Some(belonging) = belonging.upgrade() {
            belonging.release();
        }
    }
}
