//! The table, as it lies in memory: the same as in `include/narrowcast.h`, where each function is described.

use std::ffi::{c_char, c_void};

/// Interfaces of different major versions have nothing in common but where the versions are.
pub const MAJOR: u32 = 1;

/// Goes up with each function that is added at the end.
pub const MINOR: u32 = 0;

/// What the object has that `nativeInterface()` returns: the two words of a `napi_type_tag`.
pub const TYPE_TAG: [u64; 2] = [0x6e61_7272_6f77_6361, 0x7374_2e6e_6174_6976];

/// Most bytes of a payload.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// Most samples of one write.
pub const MAX_SAMPLES: usize = 16 << 20;

/// Most channels of what is written into a stream.
pub const MAX_CHANNELS: u32 = 64;

/// A flag of [`Table::queue_put`]: the payload owns something that the queue's owner knows how to release.
pub const OWNED: u32 = 1;

/// What a function of the table returns: one of the associated constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Status(pub i32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// An argument that can't be.
    pub const INVALID_ARGUMENT: Self = Self(1);
    /// JavaScript has closed the queue or stream, or the thread that read the stream has ended.
    pub const CLOSED: Self = Self(2);
    /// No open queue or stream has this id, or this handle.
    pub const NOT_FOUND: Self = Self(3);
    /// Another producer has the stream, or another thread is writing to it at this moment.
    pub const LOCKED: Self = Self(4);
    /// A defect of narrowcast.
    pub const PANIC: Self = Self(5);
}

/// `narrowcast_owner`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawOwner {
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Releases what a payload owns. It is an error if this is missing.
    pub release: Option<unsafe extern "C" fn(*mut c_void, u32, *const c_void, usize)>,
    /// The last call.
    pub dropped: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// `narrowcast_interface`.
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    /// [`MAJOR`] of the narrowcast that runs.
    pub major: u32,
    /// [`MINOR`] of the narrowcast that runs.
    pub minor: u32,
    /// The version of narrowcast.
    pub version: *const c_char,
    /// A sentence about a status.
    pub message: extern "C" fn(Status) -> *const c_char,
    /// Opens a queue by its id.
    pub queue_open: unsafe extern "C" fn(u64, *const RawOwner, *mut u64) -> Status,
    /// The number of a type.
    pub queue_type: unsafe extern "C" fn(u64, *const c_char, usize, *mut u32) -> Status,
    /// Sends an event.
    pub queue_put: unsafe extern "C" fn(u64, u32, u64, *const c_void, usize, u32, *mut u32) -> Status,
    /// Gives a queue's handle back.
    pub queue_close: extern "C" fn(u64) -> Status,
    /// Becomes the producer of a stream, by its id.
    pub stream_open: unsafe extern "C" fn(u64, u32, u32, *mut u64) -> Status,
    /// Appends samples.
    pub stream_write: unsafe extern "C" fn(u64, *const i16, usize) -> Status,
    /// Ends a stream.
    pub stream_end: extern "C" fn(u64) -> Status,
    /// Gives a stream's handle back.
    pub stream_close: extern "C" fn(u64) -> Status,
}

// SAFETY: it is never changed, its functions may be called from any thread, and `version` is a static string.
unsafe impl Sync for Table {}
