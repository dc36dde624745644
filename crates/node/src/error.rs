//! Errors with the codes that TypeScript's `NarrowcastError` has.

use napi::Error;
use std::fmt::Display;

/// The `code` of an error. The list and its meaning: `src/errors.ts`.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    InvalidArgument,
    Closed,
    NotFound,
    Locked,
    EngineNotFound,
    EngineIncompatible,
    EngineNotInstalled,
    OutOfThreads,
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::Closed => "CLOSED",
            Self::NotFound => "NOT_FOUND",
            Self::Locked => "LOCKED",
            Self::EngineNotFound => "ENGINE_NOT_FOUND",
            Self::EngineIncompatible => "ENGINE_INCOMPATIBLE",
            Self::EngineNotInstalled => "ENGINE_NOT_INSTALLED",
            Self::OutOfThreads => "OUT_OF_THREADS",
        }
    }
}

impl From<napi::Status> for Code {
    fn from(_: napi::Status) -> Self {
        // What Node-API itself refuses is an argument of the wrong type.
        Self::InvalidArgument
    }
}

/// What a function returns that can fail with one of our codes.
pub type Result<T> = std::result::Result<T, Error<Code>>;

/// An error that says what was wrong and what to do.
pub fn error(code: Code, reason: impl Into<String>) -> Error<Code> {
    Error::new(code, reason.into())
}

/// `INVALID_ARGUMENT`, in the words of the crate that refused what it was given.
pub fn refused(reason: impl Display) -> Error<Code> {
    error(Code::InvalidArgument, reason.to_string())
}

/// An error that Node-API returned, with a code of narrowcast's.
pub fn from_napi(error: Error) -> Error<Code> {
    Error::new(Code::InvalidArgument, error.reason.clone())
}

/// The system let no thread be started.
pub fn no_thread(reason: std::io::Error) -> napi::Error<Code> {
    error(
        Code::OutOfThreads,
        format!(
            "the thread that plays audio could not be started: {reason}. End what uses so many threads or so much memory, or \
             raise the limit (`ulimit -u`, `pids.max`), then try again"
        ),
    )
}
