//! The engine's C ABI, and functions by which a test says what the engine does. Compiled by `stand_in.rs`.

#![allow(unexpected_cfgs)]

use std::ffi::{CStr, c_char};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

type Callback = extern "C" fn(*const u8, usize);

static CALLBACK: Mutex<Option<Callback>> = Mutex::new(None);
static INITIALIZED: AtomicUsize = AtomicUsize::new(0);
static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The handle of every answer to a request.
const ANSWER: u64 = 77;

#[cfg(not(without_initialize))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livekit_ffi_initialize(
    callback: Callback,
    capture_logs: bool,
    sdk: *const c_char,
    version: *const c_char,
) {
    // SAFETY: strings, says the ABI.
    let (sdk, version) = unsafe { (CStr::from_ptr(sdk), CStr::from_ptr(version)) };
    assert!(capture_logs && sdk == c"node" && version.to_bytes().contains(&b'.'));
    *CALLBACK.lock().unwrap() = Some(callback);
    INITIALIZED.fetch_add(1, Ordering::SeqCst);
}

/// Refuses an empty request.
#[cfg(not(without_request))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livekit_ffi_request(
    request: *const u8,
    len: usize,
    answer: *mut *const u8,
    answer_len: *mut usize,
) -> u64 {
    // SAFETY: what the ABI says of its arguments.
    unsafe {
        if len == 0 {
            return 0;
        }
        assert_eq!(std::slice::from_raw_parts(request, len), b"request");
        static BYTES: [u8; 3] = [1, 2, 3];
        *answer = BYTES.as_ptr();
        *answer_len = BYTES.len();
    }
    REQUESTS.fetch_add(1, Ordering::SeqCst);
    ANSWER
}

/// Knows handles below 1000.
#[cfg(not(without_drop_handle))]
#[unsafe(no_mangle)]
pub extern "C" fn livekit_ffi_drop_handle(handle: u64) -> bool {
    DROPPED.store(handle, Ordering::SeqCst);
    handle < 1000
}

/// Calls the callback, on a thread of the library's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stand_in_send(message: *const u8, len: usize) {
    let callback = CALLBACK.lock().unwrap().expect("initialized");
    let message = message as usize;
    std::thread::spawn(move || callback(message as *const u8, len)).join().unwrap();
}

/// How often the library was initialized.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_initialized() -> usize {
    INITIALIZED.load(Ordering::SeqCst)
}

/// How many requests were taken.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_requests() -> usize {
    REQUESTS.load(Ordering::SeqCst)
}

/// The handle that was dropped last.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_dropped() -> u64 {
    DROPPED.load(Ordering::SeqCst)
}
