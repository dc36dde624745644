//! `NativeVideoStream`: what lets the engine feed a subscription with video frames, and closes its stream.

use crate::bigint::handle;
use crate::error::{Result, from_napi};
use crate::js_thread::{Release, belongs_here, left, new_token};
use crate::livekit::listening_engine;
use crate::subscription::NativeSubscription;
use napi::bindgen_prelude::{BigInt, Function};
use napi_derive::napi;
use narrowcast_core::Subscriber;
use narrowcast_livekit::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Behind `VideoStream`, beside its subscription.
#[napi]
pub struct NativeVideoStream {
    token: u32,
    inner: Arc<Inner>,
    reader: Arc<Subscriber>,
}

#[derive(Default)]
struct Inner {
    /// The engine's stream, or 0.
    handle: AtomicU64,
}

impl Release for Inner {
    fn release(&self) {
        let handle = self.handle.swap(0, Ordering::AcqRel);
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
        let token = new_token()?;
        let inner = Arc::new(Inner::default());
        let release: Arc<dyn Release> = inner.clone();
        belongs_here(token, Arc::downgrade(&release));
        Ok(Self { token, inner, reader: reader.subscriber().clone() })
    }

    /// Feeds the subscription from the engine. `request` asks the engine for a stream and returns its handle, which this
    /// owns from then on, or 0 if there is none; frames that come before `request` has returned are not lost.
    #[napi(catch_unwind)]
    pub fn open(&self, request: Function<(), BigInt>) -> Result<()> {
        let engine = listening_engine()?;
        let _expecting = engine.expect_video();
        let handle = handle(&request.call(()).map_err(from_napi)?)?;
        if handle != 0 {
            self.inner.handle.store(handle, Ordering::Release);
            engine.open_video(handle, self.reader.clone());
        }
        Ok(())
    }

    /// Closes the engine's stream. Frames that are on their way are released.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inner.release();
        left(self.token);
    }
}

impl Drop for NativeVideoStream {
    fn drop(&mut self) {
        self.close();
    }
}
