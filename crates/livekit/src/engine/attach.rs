//! How a process gets to the engine that its bindings have loaded, and to the engine's callback.

use super::Engine;
use crate::capture::CaptureAnswers;
use crate::library::{Library, LoadError};
use crate::streams::VideoSpec;
use crate::wire::Schema;
use narrowcast_core::sync::Arc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

static ENGINE: OnceLock<Engine> = OnceLock::new();

/// The library that the process is attached to.
static ATTACHED: Mutex<Option<Attached>> = Mutex::new(None);

struct Attached {
    library: &'static Library,
    /// When the callback was last taken back.
    taken_back: Option<Instant>,
}

/// Who hears the engine's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// This crate: they are filtered natively.
    Here,
    /// The holder of the engine's callback: rtc-node's own client, where narrowcast is not installed.
    Elsewhere,
}

impl Engine {
    /// The engine that this process is attached to.
    pub fn get() -> Option<&'static Engine> {
        ENGINE.get()
    }

    /// The engine that this process is attached to, if its events come here.
    pub fn listening() -> Option<&'static Engine> {
        Self::get().filter(|engine| engine.is_listening())
    }

    /// Attaches to the engine in the library at `path`, which the application's bindings have loaded. With
    /// [`Events::Here`], takes over its callback, again if it was taken before; with [`Events::Elsewhere`], leaves it to
    /// its holder: the engine can be asked, and what it says is not heard.
    ///
    /// # Errors
    /// The library can't be opened, lacks a function of the engine's C ABI, or is another one than the process is
    /// attached to.
    pub fn attach(
        path: &Path,
        schema: Schema,
        captures: CaptureAnswers,
        video: VideoSpec,
        events: Events,
    ) -> Result<&'static Engine, LoadError> {
        let mut attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        let library = match &*attached {
            Some(Attached { library, .. }) if library.path() != path => {
                return Err(LoadError::Other { attached: library.path().into(), asked: path.into() });
            }
            Some(Attached { library, .. }) => *library,
            None => attached.insert(Attached { library: Library::load(path)?, taken_back: None }).library,
        };
        let engine = ENGINE.get_or_init(|| Engine::new(Arc::new(library), schema, captures, video, Events::Elsewhere));
        if events == Events::Here {
            // Before its first event, which may answer a thread that looks at this.
            engine.listening.store(true, Ordering::Release);
            library.initialize(on_event);
        }
        Ok(engine)
    }

    /// Load generators: an engine that can be asked and hears nothing, beside the one that the process is attached to. The
    /// numbers of its sources are others than that one's.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    #[cfg(feature = "load")]
    pub fn beside(
        path: &Path,
        schema: Schema,
        captures: CaptureAnswers,
        video: VideoSpec,
    ) -> Result<Engine, LoadError> {
        let library = Library::load(path)?;
        let mut engine = Engine::new(Arc::new(library), schema, captures, video, Events::Elsewhere);
        engine.request_ids = crate::request_ids::RequestIds::beside();
        Ok(engine)
    }

    /// A JavaScript thread hears the engine from now on. It has attached with [`Events::Here`].
    pub fn join(&self) {
        let _attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        self.threads.fetch_add(1, Ordering::Relaxed);
        self.listening.store(true, Ordering::Release);
    }

    /// A JavaScript thread that had joined hears the engine no more. With the last one, every stream that narrowcast has
    /// opened ends, also in threads that only read: a thread that opens one now is told, instead of waiting for ever.
    pub fn leave(&self) {
        let _attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        if self.threads.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.listening.store(false, Ordering::Release);
            self.end_streams();
        }
    }

    /// Sets the engine's callback once more. Where nothing had taken it, that changes nothing.
    pub fn take_back(&self) {
        let mut attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attached) = attached.as_mut() {
            attached.library.initialize(on_event);
            attached.taken_back = Some(Instant::now());
        }
    }

    /// How long ago the callback was last taken back.
    pub fn taken_back(&self) -> Option<Duration> {
        let attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        attached.as_ref()?.taken_back.map(|at| at.elapsed())
    }

    /// Counts a theft of the callback, which took place after `counted` had been counted: threads that notice the same one
    /// count it once. Returns whether this call did.
    pub fn count_theft(&self, counted: u64) -> bool {
        let _attached = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.stolen.get() == counted;
        if new {
            self.stolen.add(1);
        }
        new
    }
}

/// The engine's callback.
extern "C" fn on_event(message: *const u8, len: usize) {
    let Some(engine) = ENGINE.get() else { return };
    if message.is_null() {
        return;
    }
    // SAFETY: the engine passes `len` bytes that stay valid until this function returns.
    let message = unsafe { std::slice::from_raw_parts(message, len) };
    // A panic must not unwind into the engine.
    if catch_unwind(AssertUnwindSafe(|| engine.receive(message))).is_err() {
        engine.panics.add(1);
    }
}
