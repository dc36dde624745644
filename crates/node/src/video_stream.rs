//! `NativeVideoStream`: what lets the engine feed a subscription with video frames, and closes its stream.

use crate::bigint::handle;
use crate::error::{Result, from_napi};
use crate::handles::{Handle, Release};
use crate::livekit::listening_engine;
use crate::subscription::NativeSubscription;
use napi::bindgen_prelude::{BigInt, Function};
use napi_derive::napi;
use narrowcast_core::Subscriber;
use narrowcast_livekit::Engine;
use std::cell::Cell;
use std::sync::Arc;

/// Behind `VideoStream`, beside its subscription.
#[napi]
pub struct NativeVideoStream {
    inner: Handle<Inner>,
    reader: Arc<Subscriber>,
}

#[derive(Default)]
struct Inner {
    /// The engine's stream, or 0.
    handle: Cell<u64>,
}

impl Release for Inner {
    fn release(&self) {
        let handle = self.handle.take();
        if let (true, Some(engine)) = (handle != 0, Engine::get()) {
            engine.close_video(handle);
        }
    }
}

#[napi]
impl NativeVideoStream {
    /// A stream for `reader`, a subscription of the engine's queue of video frames.
    #[napi(constructor, catch_unwind)]
    pub fn new(reader: &NativeSubscription) -> Result<Self> {
        Ok(Self { inner: Handle::new(Inner::default())?, reader: reader.subscriber().clone() })
    }

    /// Feeds the subscription from the engine. `request` asks the engine for a stream and returns its handle, which this
    /// owns from then on, or 0 if there is none; frames that come before `request` has returned are not lost.
    #[napi(catch_unwind)]
    pub fn open(&self, request: Function<(), BigInt>) -> Result<()> {
        let engine = listening_engine()?;
        let _expecting = engine.expect_video();
        let handle = handle(&request.call(()).map_err(from_napi)?)?;
        if handle != 0 {
            self.inner.handle.set(handle);
            engine.open_video(handle, self.reader.clone());
        }
        Ok(())
    }

    /// Closes the engine's stream. Frames that are on their way are released.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inner.release();
    }
}
