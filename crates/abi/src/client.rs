//! The table's functions without a pointer.

use crate::table::{MAJOR, MINOR, OWNED, RawOwner, Status, Table};
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, ptr, slice};

/// narrowcast's table of functions, of a version that this crate can use.
#[derive(Clone, Copy)]
pub struct Interface(&'static Table);

/// The narrowcast that runs has another version of the interface than this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionMismatch {
    /// The version of narrowcast that runs.
    pub narrowcast: String,
    /// Its interface: major and minor version.
    pub found: (u32, u32),
}

impl fmt::Display for VersionMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { narrowcast, found: (major, minor) } = self;
        write!(
            f,
            "this addon was built for version {MAJOR}.{MINOR} of narrowcast's C interface, and narrowcast {narrowcast} has \
             version {major}.{minor}: build the addon with the narrowcast-abi of that narrowcast, or install the narrowcast \
             that it was built for"
        )
    }
}

impl std::error::Error for VersionMismatch {}

/// Why a call did nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What the function returned; not [`Status::OK`].
    pub status: Status,
    message: &'static CStr,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("status", &self.status).field("message", &self.message).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.to_string_lossy())
    }
}

impl std::error::Error for Error {}

/// Releases what payloads own. An event that was put by [`Queue::put_owned`] and that no subscription with `own: true` has read
/// is released once, on whichever thread drops it last. When the [`Queue`] and its events are gone, the owner is dropped.
pub trait Owner: Send + Sync + 'static {
    /// Releases what this payload owns. Must not block, and must not call Node-API. A panic is caught, and ends this call only.
    fn release(&self, kind: u32, payload: &[u8]);
}

impl Interface {
    /// The interface behind the pointer that the object wraps which `nativeInterface()` returned.
    ///
    /// # Safety
    /// The pointer is what `napi_unwrap` gave for an object that has the type tag [`TYPE_TAG`](crate::TYPE_TAG); or null.
    ///
    /// # Errors
    /// The narrowcast that runs has another version of the interface.
    pub unsafe fn from_raw(table: *const Table) -> Result<Self, VersionMismatch> {
        // SAFETY: narrowcast's table is static; the caller says that this is one.
        let Some(table) = (unsafe { table.as_ref() }) else {
            return Err(VersionMismatch { narrowcast: "(none)".into(), found: (0, 0) });
        };
        // Not always, once there is a minor version 1.
        #[allow(clippy::absurd_extreme_comparisons)]
        let is_older = table.minor < MINOR;
        if table.major != MAJOR || is_older {
            // SAFETY: in every version of the table, this is a static string that ends with a zero.
            let narrowcast = unsafe { CStr::from_ptr(table.version) }.to_string_lossy().into_owned();
            return Err(VersionMismatch { narrowcast, found: (table.major, table.minor) });
        }
        Ok(Self(table))
    }

    /// Opens the queue that has this id: `queue.id` of an `FfiQueue`.
    ///
    /// # Errors
    /// [`Status::NOT_FOUND`]; [`Status::CLOSED`].
    pub fn open_queue(self, id: u64) -> Result<Queue, Error> {
        self.open(id, None)
    }

    /// The same for events whose payloads own something, which `owner` knows how to release.
    ///
    /// # Errors
    /// As [`open_queue`](Self::open_queue); `owner` is dropped then.
    pub fn open_queue_with_owner<O: Owner>(self, id: u64, owner: O) -> Result<Queue, Error> {
        let context: *mut O = Box::into_raw(Box::new(owner));
        let raw =
            RawOwner { context: context.cast(), release: Some(release_with::<O>), dropped: Some(drop_owner::<O>) };
        self.open(id, Some(&raw)).inspect_err(|_| {
            // SAFETY: nothing was opened, so this is the only place that knows the owner.
            drop(unsafe { Box::from_raw(context) });
        })
    }

    fn open(self, id: u64, owner: Option<&RawOwner>) -> Result<Queue, Error> {
        let mut handle = 0;
        // SAFETY: both pointers are valid for the call, or null where that is allowed; the owner's functions take its context.
        let status = unsafe { (self.0.queue_open)(id, owner.map_or(ptr::null(), ptr::from_ref), &mut handle) };
        self.done(status, || Queue { interface: self, handle })
    }

    /// Becomes the producer of the stream that has this id: `stream.id` of an `AudioStream`. The rate, in Hz, and the channels are
    /// those of what will be written: where the stream has others, it is resampled, and mixed or spread. Until the [`Stream`] is
    /// dropped no other producer may write.
    ///
    /// # Errors
    /// [`Status::NOT_FOUND`]; [`Status::CLOSED`]; [`Status::LOCKED`] if it has a producer; [`Status::INVALID_ARGUMENT`] for a rate
    /// or channels that can't be converted into the stream's.
    pub fn open_stream(self, id: u64, sample_rate: u32, channels: u32) -> Result<Stream, Error> {
        let mut handle = 0;
        // SAFETY: the pointer is valid for the call.
        let status = unsafe { (self.0.stream_open)(id, sample_rate, channels, &mut handle) };
        self.done(status, || Stream { interface: self, handle })
    }

    fn done<T>(self, status: Status, value: impl FnOnce() -> T) -> Result<T, Error> {
        if status == Status::OK {
            return Ok(value());
        }
        // SAFETY: `message` returns a static string that ends with a zero, for every status.
        Err(Error { status, message: unsafe { CStr::from_ptr((self.0.message)(status)) } })
    }
}

unsafe extern "C" fn release_with<O: Owner>(context: *mut c_void, kind: u32, payload: *const c_void, length: usize) {
    // SAFETY: narrowcast passes the context that `open_queue_with_owner` gave it, which lives until `drop_owner`.
    let owner = unsafe { &*context.cast::<O>() };
    let payload = if length == 0 {
        &[]
    } else {
        // SAFETY: narrowcast passes a payload of this length, which lives during the call.
        unsafe { slice::from_raw_parts(payload.cast::<u8>(), length) }
    };
    // One that crossed into C would abort the process; the panic hook has reported it.
    let _ = catch_unwind(AssertUnwindSafe(|| owner.release(kind, payload)));
}

unsafe extern "C" fn drop_owner<O>(context: *mut c_void) {
    // SAFETY: the context is what `open_queue_with_owner` took out of a box, and narrowcast calls this once, as the last call.
    let owner = unsafe { Box::from_raw(context.cast::<O>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(owner)));
}

/// A queue of narrowcast's. Any number of threads may put events into it at the same time.
pub struct Queue {
    interface: Interface,
    handle: u64,
}

impl Queue {
    /// The number of a type of the queue.
    ///
    /// # Errors
    /// [`Status::INVALID_ARGUMENT`] if the queue has no such type.
    pub fn kind(&self, name: &str) -> Result<u32, Error> {
        let mut kind = 0;
        // SAFETY: the name is as long as it says, and the last pointer is valid for the call.
        let status = unsafe { (self.interface.0.queue_type)(self.handle, name.as_ptr().cast(), name.len(), &mut kind) };
        self.interface.done(status, || kind)
    }

    /// Sends an event to the subscriptions that want this type and this handle. Returns how many have it to read.
    ///
    /// # Errors
    /// [`Status::CLOSED`]; [`Status::INVALID_ARGUMENT`] if the queue has no such type, or the payload is too large.
    pub fn put(&self, kind: u32, handle: u64, payload: &[u8]) -> Result<u32, Error> {
        self.put_with(kind, handle, payload, 0)
    }

    /// The same for a payload that owns something: the event has it, unless an error is returned.
    ///
    /// # Errors
    /// As [`put`](Self::put); and [`Status::INVALID_ARGUMENT`] if the queue was opened without an owner.
    pub fn put_owned(&self, kind: u32, handle: u64, payload: &[u8]) -> Result<u32, Error> {
        self.put_with(kind, handle, payload, OWNED)
    }

    fn put_with(&self, kind: u32, handle: u64, payload: &[u8], flags: u32) -> Result<u32, Error> {
        let Self { interface, handle: queue } = self;
        let mut receivers = 0;
        let (bytes, length) = (payload.as_ptr().cast(), payload.len());
        // SAFETY: the payload is as long as it says, and the last pointer is valid for the call.
        let status = unsafe { (interface.0.queue_put)(*queue, kind, handle, bytes, length, flags, &mut receivers) };
        interface.done(status, || receivers)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        (self.interface.0.queue_close)(self.handle);
    }
}

/// The producer's side of an `AudioStream` of narrowcast's.
pub struct Stream {
    interface: Interface,
    handle: u64,
}

impl Stream {
    /// Appends interleaved samples, as many for each channel. They are copied.
    ///
    /// # Errors
    /// [`Status::CLOSED`]; [`Status::INVALID_ARGUMENT`] if there are not as many for each channel, or too many; and
    /// [`Status::LOCKED`] if another thread is writing to the stream at this moment.
    pub fn write(&self, samples: &[i16]) -> Result<(), Error> {
        // SAFETY: there are as many samples as it says.
        let status = unsafe { (self.interface.0.stream_write)(self.handle, samples.as_ptr(), samples.len()) };
        self.interface.done(status, || ())
    }

    /// No more samples will come: the reader gets what is buffered, and then the end.
    ///
    /// # Errors
    /// [`Status::CLOSED`] if it has ended already; [`Status::LOCKED`] as [`write`](Self::write).
    pub fn end(&self) -> Result<(), Error> {
        self.interface.done((self.interface.0.stream_end)(self.handle), || ())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        (self.interface.0.stream_close)(self.handle);
    }
}
