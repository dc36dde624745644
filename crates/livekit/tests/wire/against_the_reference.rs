//! Generated and damaged messages, read here and by the reference: the same answers, and no panic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

type Asked = (SchemaSpec, Schema);

static LIVEKIT: LazyLock<Asked> = LazyLock::new(|| with_schema(livekit_spec()));
static SMALL: LazyLock<Asked> = LazyLock::new(|| with_schema(small_spec()));

fn with_schema(spec: SchemaSpec) -> Asked {
    let schema = Schema::new(spec.clone()).unwrap();
    (spec, schema)
}

/// Few field numbers, so that what is generated meets the schema often.
fn small_spec() -> SchemaSpec {
    let cases = vec![
        case(1, &[&[2, 1, 1], &[2, 2], &[3, 1], &[4]]),
        CaseSpec { subject: None, ..case(2, &[&[1], &[2], &[3, 3, 3], &[3, 2, 1]]) },
        CaseSpec { subject: Some(3), ..case(4, &[]) },
    ];
    let audio = AudioSpec { frame_received: 1, eos: 2, handle_id: 2, ..livekit_spec().audio };
    SchemaSpec { cases, audio: AudioSpec { case: 1, ..audio } }
}

#[derive(Clone, Debug)]
enum Part {
    Varint(u64),
    Bytes(Vec<u8>),
    Fixed32,
    Fixed64,
    Message(Vec<(u32, Part)>),
    Group(Vec<(u32, Part)>),
}

fn number() -> impl Strategy<Value = u32> + Clone {
    prop_oneof![20 => 1..=4_u32, 1 => 5..=47_u32, 1 => 1..1_u32 << 29]
}

fn parts() -> impl Strategy<Value = Vec<(u32, Part)>> {
    let leaf = prop_oneof![
        6 => (0..300_u64).prop_map(Part::Varint),
        1 => any::<u64>().prop_map(Part::Varint),
        1 => proptest::collection::vec(any::<u8>(), 0..6).prop_map(Part::Bytes),
        1 => Just(Part::Fixed32),
        1 => Just(Part::Fixed64),
    ];
    let part = leaf.prop_recursive(6, 60, 5, |inner| {
        let fields = proptest::collection::vec((number(), inner), 0..5);
        prop_oneof![8 => fields.clone().prop_map(Part::Message), 1 => fields.prop_map(Part::Group)]
    });
    proptest::collection::vec((number(), part), 0..6)
}

fn write(parts: &[(u32, Part)]) -> Message {
    parts.iter().fold(Message::new(), |message, (field, part)| match part {
        Part::Varint(value) => message.varint(*field, *value),
        Part::Bytes(bytes) => message.bytes(*field, bytes),
        Part::Fixed32 => message.fixed32(*field),
        Part::Fixed64 => message.fixed64(*field),
        Part::Message(parts) => message.message(*field, write(parts)),
        Part::Group(parts) => message.group(*field, write(parts)),
    })
}

/// Asks both everything: the bytes as an event, and as the body of each kind.
fn compare((spec, schema): &Asked, bytes: &[u8]) {
    let peek = schema.peek(bytes);
    let expected = reference::peek(spec, bytes);
    assert_eq!(peek.ok().map(|peek| (peek.kind, peek.subject, peek.body.to_vec())), expected);
    if peek == Err(WireError::Empty) {
        assert!(bytes.is_empty());
    }
    if let Ok(peek) = peek {
        let (ids, _) = owned_ids(schema, peek.kind, peek.body);
        assert!(peek.may_own || ids.is_empty(), "{peek:?} owns {ids:?}");
        compare_body(spec, schema, peek.kind, peek.body);
    }
    for kind in 0..spec.cases.len() as u8 {
        compare_body(spec, schema, kind, bytes);
    }
}

fn compare_body(spec: &SchemaSpec, schema: &Schema, kind: u8, body: &[u8]) {
    let (ids, result) = owned_ids(schema, kind, body);
    let (mut expected, whole) = reference::owned(&spec.cases[usize::from(kind)].owned, body);
    expected.sort_unstable();
    assert_eq!((ids, result.is_ok()), (expected, whole), "kind {kind}");
    if kind == schema.audio_kind() {
        let expected = reference::audio(&spec.audio, body).map(|event| match event {
            Some(Some(info)) => AudioEvent::Frame(info),
            Some(None) => AudioEvent::Eos,
            None => AudioEvent::Other,
        });
        assert_eq!(schema.audio_event(body).map_err(|_| ()), expected);
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Set(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Cut,
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, Edit)>> {
    let edit = prop_oneof![
        3 => any::<u8>().prop_map(Edit::Set),
        3 => (0..8_u8).prop_map(|bit| Edit::Flip(1 << bit)),
        2 => any::<u8>().prop_map(Edit::Insert),
        2 => Just(Edit::Remove),
        1 => Just(Edit::Cut),
    ];
    proptest::collection::vec((any::<prop::sample::Index>(), edit), 1..6)
}

fn edited(mut bytes: Vec<u8>, edits: &[(prop::sample::Index, Edit)]) -> Vec<u8> {
    for (at, edit) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match *edit {
            Edit::Set(value) => bytes[at] = value,
            Edit::Flip(bit) => bytes[at] ^= bit,
            Edit::Insert(value) => bytes.insert(at, value),
            Edit::Remove => drop(bytes.remove(at)),
            Edit::Cut => bytes.truncate(at),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        compare(&LIVEKIT, &bytes);
        compare(&SMALL, &bytes);
    }

    #[test]
    fn any_message(parts in parts()) {
        compare(&LIVEKIT, &write(&parts).0);
        compare(&SMALL, &write(&parts).0);
    }

    #[test]
    fn any_message_then_damaged(parts in parts(), edits in edits()) {
        let bytes = edited(write(&parts).0, &edits);
        compare(&LIVEKIT, &bytes);
        compare(&SMALL, &bytes);
    }

    #[test]
    fn real_events_then_damaged(frame in any::<bool>(), id in any::<u64>(), edits in edits()) {
        let event = if frame { audio_frame(id) } else { connected() };
        compare(&LIVEKIT, &event.0);
        compare(&LIVEKIT, &edited(event.0, &edits));
    }
}
