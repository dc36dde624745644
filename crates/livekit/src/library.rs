//! The engine's own library: its C ABI, in the file that the application's bindings loaded.

use crate::abi::Abi;
use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::{fmt, ptr};

/// Called by the engine with an encoded `FfiEvent`, on its own threads.
pub(crate) type Callback = extern "C" fn(*const u8, usize);

/// The functions of the engine's C ABI. Signatures: livekit/rust-sdks, `livekit-ffi/src/cabi.rs`.
pub struct Library {
    path: PathBuf,
    initialize: unsafe extern "C" fn(Callback, bool, *const c_char, *const c_char),
    request: unsafe extern "C" fn(*const u8, usize, *mut *const u8, *mut usize) -> u64,
    drop_handle: unsafe extern "C" fn(u64) -> bool,
}

/// Why the engine can't be used.
#[derive(Debug)]
pub enum LoadError {
    /// The file can't be opened as a library.
    Open {
        /// The file.
        path: PathBuf,
        /// What the system's loader said.
        reason: String,
    },
    /// The library is no engine, or one with another C ABI.
    MissingSymbol {
        /// The file.
        path: PathBuf,
        /// The function that is missing.
        symbol: &'static str,
    },
    /// The process is attached to another engine, which can't be left.
    Other {
        /// The engine in use.
        attached: PathBuf,
        /// The engine asked for.
        asked: PathBuf,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, reason } => {
                write!(
                    f,
                    "cannot open LiveKit's engine {}: {reason}; reinstall @livekit/rtc-node, which brings the engine for \
                     this platform",
                    path.display()
                )
            }
            Self::MissingSymbol { path, symbol } => write!(
                f,
                "{} has no function {symbol}: it is not an engine that narrowcast knows; install @livekit/rtc-node \
                 0.13.25 or newer",
                path.display()
            ),
            Self::Other { attached, asked } => write!(
                f,
                "this process uses LiveKit's engine {}; it cannot use {} as well: make the application load one copy \
                 of @livekit/rtc-ffi-bindings",
                attached.display(),
                asked.display()
            ),
        }
    }
}

impl std::error::Error for LoadError {}

impl Library {
    /// Opens the engine. It stays loaded until the process ends: its threads call us at any time.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, LoadError> {
        let open = |error: libloading::Error| LoadError::Open { path: path.into(), reason: error.to_string() };
        // SAFETY: the bindings have loaded this very file, so its initializers ran already.
        let library: &'static libloading::Library =
            Box::leak(Box::new(unsafe { libloading::Library::new(path) }.map_err(open)?));
        macro_rules! symbol {
            ($name:literal) => {{
                // SAFETY: a function of this name has this signature in every engine so far (see `Library`).
                let symbol = unsafe { library.get($name) };
                *symbol.map_err(|_| LoadError::MissingSymbol { path: path.into(), symbol: $name })?
            }};
        }
        Ok(Box::leak(Box::new(Self {
            path: path.into(),
            initialize: symbol!("livekit_ffi_initialize"),
            request: symbol!("livekit_ffi_request"),
            drop_handle: symbol!("livekit_ffi_drop_handle"),
        })))
    }

    /// The engine's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `callback` the one that the engine calls.
    pub(crate) fn initialize(&self, callback: Callback) {
        const SDK: &CStr = c"node";
        const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
        // Logs are captured: otherwise the engine prints them itself, failed requests with their tokens included.
        // SAFETY: both strings are static, the callback is a function, and calling this again is allowed.
        unsafe { (self.initialize)(callback, true, SDK.as_ptr(), VERSION.as_ptr()) };
    }
}

impl Abi for &'static Library {
    fn drop_handle(&self, handle: u64) -> bool {
        // SAFETY: takes any number, from any thread.
        let known = unsafe { (self.drop_handle)(handle) };
        #[cfg(feature = "ledger")]
        crate::ledger::forget(handle);
        known
    }

    fn request(&self, request: &[u8]) -> bool {
        let (mut answer, mut len) = (ptr::null(), 0);
        // SAFETY: the engine reads `request` during the call only, and sets both out pointers, to memory that belongs to
        // the handle it returns; that answer is not looked at.
        let handle = unsafe { (self.request)(request.as_ptr(), request.len(), &mut answer, &mut len) };
        if handle == 0 {
            return false;
        }
        self.drop_handle(handle);
        true
    }
}
