//! What `wire` finds in events built by hand, in events no engine would send, and in bytes that are no event at all.

use narrowcast_livekit::wire;
use wire::{AudioEvent, AudioFrameInfo, AudioSpec, CaseSpec, MAX_CASES, MAX_IDS, MAX_PATH};
use wire::{Schema, SchemaError, SchemaSpec, WireError};

mod against_the_reference;
mod audio;
#[path = "../support/livekit_spec.rs"]
mod livekit_spec;
#[path = "../support/message.rs"]
mod message;
mod owned;
mod peek;
#[path = "../support/reference.rs"]
mod reference;
mod schema;

use livekit_spec::livekit_spec;
use message::Message;

// Fields of `FfiEvent` that the tests name.
const ROOM: u32 = 1;
const TRACK: u32 = 2;
const AUDIO: u32 = 4;
const CONNECT: u32 = 5;
const DISCONNECT: u32 = 7;
const CAPTURE_AUDIO_FRAME: u32 = 13;
const LOGS: u32 = 18;

fn livekit() -> Schema {
    Schema::new(livekit_spec()).unwrap()
}

/// The kind of a field of `FfiEvent`.
fn kind(field: u32) -> u8 {
    livekit_spec().cases.iter().position(|case| case.field == field).unwrap() as u8
}

fn case(field: u32, owned: &[&[u32]]) -> CaseSpec {
    CaseSpec {
        field,
        name: format!("case{field}"),
        subject: Some(1),
        answer: false,
        owned: owned.iter().map(|path| path.to_vec()).collect(),
    }
}

/// A schema of the given cases; the first is the audio case.
fn spec(cases: Vec<CaseSpec>) -> SchemaSpec {
    let audio = AudioSpec { case: cases.first().map_or(1, |case| case.field), ..livekit_spec().audio };
    SchemaSpec { cases, audio }
}

fn owned_ids(schema: &Schema, kind: u8, body: &[u8]) -> (Vec<u64>, Result<(), WireError>) {
    let mut ids = Vec::new();
    let result = schema.for_each_owned(kind, body, &mut |id| ids.push(id));
    ids.sort_unstable();
    (ids, result)
}

/// As the engine writes it: stream handle 7, frame handle `id`, 160 mono samples at 16 kHz.
fn audio_frame(id: u64) -> Message {
    let info = Message::new().varint(1, 0x7f00_1234_5678).varint(2, 1).varint(3, 16_000).varint(4, 160);
    let frame = Message::new().message(1, Message::new().varint(1, id)).message(2, info);
    let event = Message::new().varint(1, 7).message(2, Message::new().message(1, frame));
    Message::new().message(AUDIO, event)
}

/// An answer to a connect request: a room (handle 100), the local participant (101), and two participants (200, 300)
/// with two tracks each (201, 202, 301, 302).
fn connected() -> Message {
    let owner = |id| Message::new().message(1, Message::new().varint(1, id)).bytes(2, b"info");
    let participant = |id| {
        let publications = Message::new().message(2, owner(id + 1)).message(2, owner(id + 2));
        Message::new().message(1, owner(id)).raw(&publications.0)
    };
    let result = Message::new().message(1, owner(100)).message(2, owner(101));
    let result = result.message(3, participant(200)).message(3, participant(300));
    Message::new().message(CONNECT, Message::new().varint(1, 1 << 40).message(3, result))
}
