//! The table that other addons call.

use crate::{queue, stream};
use narrowcast_abi::{MAJOR, MINOR, Status, Table};
use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

static TABLE: Table = Table {
    major: MAJOR,
    minor: MINOR,
    version: VERSION.as_ptr(),
    message,
    queue_open: queue::open,
    queue_type: queue::kind,
    queue_put: queue::put,
    queue_close: queue::close,
    stream_open: stream::open,
    stream_write: stream::write,
    stream_end: stream::end,
    stream_close: stream::close,
};

/// The C interface of this process.
pub fn table() -> &'static Table {
    &TABLE
}

extern "C" fn message(status: Status) -> *const c_char {
    let text = match status {
        Status::OK => c"done",
        Status::INVALID_ARGUMENT => {
            c"an argument is invalid: a null or misaligned pointer, a length that is too large or no whole number of channels, \
              an unknown type or flag, more than 64 channels, a rate or channels that cannot be converted into the stream's, or \
              OWNED without an owner"
        }
        Status::CLOSED => c"JavaScript has closed it, or its thread has ended: stop putting events or samples into it",
        Status::NOT_FOUND => {
            c"no open queue or stream has this id or handle: keep a reference to the FfiQueue or AudioStream in JavaScript, \
              and use no handle after it was closed"
        }
        Status::LOCKED => c"another producer has this stream: one thread at a time may write to it",
        Status::PANIC => c"narrowcast panicked: please report it",
        _ => c"an unknown status",
    };
    text.as_ptr()
}
