//! Arbitrary bytes as an event, and as the message of every case: no panic, no hang, no id more than the bytes can
//! hold, and the same answers as the plain reading in `tests/support/reference.rs`.
//!
//! `npm run fuzz -- peek`

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wire::{AudioEvent, Schema, SchemaSpec};

#[path = "../../livekit/tests/support/livekit_spec.rs"]
mod livekit_spec;
#[path = "../../livekit/tests/support/reference.rs"]
mod reference;
// The file and not the crate: the sanitizer then builds this and `prost`, and no engine, resampler or C.
#[allow(dead_code)]
#[path = "../../livekit/src/wire/mod.rs"]
mod wire;

static SPEC: LazyLock<SchemaSpec> = LazyLock::new(livekit_spec::livekit_spec);
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(SPEC.clone()).expect("the schema is valid"));

fuzz_target!(|bytes: &[u8]| {
    let peek = SCHEMA.peek(bytes);
    let found = peek.ok().map(|peek| (peek.kind, peek.subject, peek.body.to_vec()));
    assert_eq!(found, reference::peek(&SPEC, bytes), "{peek:?}");
    if let Ok(peek) = peek {
        assert!(peek.may_own || reference::owned(&SPEC.cases[usize::from(peek.kind)].owned, peek.body).0.is_empty());
        check_body(peek.kind, peek.body);
    }
    for kind in (0..=u8::MAX).filter(|&kind| SCHEMA.owns(kind)) {
        check_body(kind, bytes);
    }
});

fn check_body(kind: u8, body: &[u8]) {
    let mut ids = Vec::new();
    let result = SCHEMA.for_each_owned(kind, body, &mut |id| ids.push(id));
    // An id is two bytes at least, its key and itself.
    assert!(ids.len() <= body.len() / 2 && ids.iter().all(|&id| id != 0));
    let (mut expected, whole) = reference::owned(&SPEC.cases[usize::from(kind)].owned, body);
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!((ids, result.is_ok()), (expected, whole), "kind {kind}: {result:?}");

    if kind == SCHEMA.audio_kind() {
        let event = SCHEMA.audio_event(body);
        let expected = reference::audio(&SPEC.audio, body).map(|event| match event {
            Some(Some(info)) => AudioEvent::Frame(info),
            Some(None) => AudioEvent::Eos,
            None => AudioEvent::Other,
        });
        assert_eq!(event.map_err(|_| ()), expected, "{event:?}");
    }
}
