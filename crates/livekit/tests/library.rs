//! Files that are no engine: the error names the file, and says what to do.

#[allow(dead_code)]
#[path = "support/fake_engine.rs"]
mod fake_engine;
#[path = "support/livekit_spec.rs"]
mod livekit_spec;
#[allow(dead_code)]
#[path = "support/message.rs"]
mod message;
#[path = "support/stand_in.rs"]
mod stand_in;

use fake_engine::{capture_spec, video_spec};
use narrowcast_livekit::wire::{self, Schema};
use narrowcast_livekit::{CaptureAnswers, Engine, Events, LoadError};
use std::path::Path;

/// None of these tests attaches, so each finds a process that has not.
#[track_caller]
fn refused(path: &Path) -> LoadError {
    let schema = Schema::new(livekit_spec::livekit_spec()).unwrap();
    let error = Engine::attach(path, schema, CaptureAnswers::new(capture_spec()), video_spec(), Events::Here)
        .map(drop)
        .unwrap_err();
    assert!(Engine::get().is_none(), "attached all the same");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "does not name the file: {text}");
    assert!(text.contains("install @livekit/rtc-node"), "does not say what to do: {text}");
    error
}

#[track_caller]
fn cannot_be_opened(file: &Path) {
    let error = refused(file);
    let LoadError::Open { path, reason } = &error else { panic!("{error:?}") };
    assert_eq!(path, file);
    assert!(error.to_string().contains(reason), "{error}");
    assert!(!reason.is_empty());
}

#[test]
fn a_file_that_is_not_there() {
    cannot_be_opened(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere/engine.node"));
}

#[test]
fn a_file_that_is_no_library() {
    let text = Path::new(env!("CARGO_TARGET_TMPDIR")).join("text.node");
    std::fs::write(&text, "not a library").unwrap();
    cannot_be_opened(&text);
    cannot_be_opened(Path::new(env!("CARGO_TARGET_TMPDIR")));
}

#[test]
fn a_library_that_lacks_a_function_of_the_engine() {
    for (function, symbol) in [
        ("initialize", "livekit_ffi_initialize"),
        ("request", "livekit_ffi_request"),
        ("drop_handle", "livekit_ffi_drop_handle"),
    ] {
        let library = stand_in::library(&format!("without_{function}"), &[function]);
        let error = refused(&library);
        let LoadError::MissingSymbol { path, symbol: missing } = &error else { panic!("{error:?}") };
        assert_eq!((path, *missing), (&library, symbol));
        assert!(error.to_string().contains(symbol), "{error}");
    }
}
