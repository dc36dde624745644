//! Case, subject and body.

use super::*;

#[test]
fn finds_case_subject_and_body() {
    let schema = livekit();
    let body = Message::new().varint(1, u64::MAX).bytes(2, b"nope");
    let event = Message::new().message(CAPTURE_AUDIO_FRAME, body.clone());
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject, peek.body), (kind(CAPTURE_AUDIO_FRAME), u64::MAX, body.0.as_slice()));
}

#[test]
fn the_subject_may_stand_anywhere_and_the_last_one_counts() {
    let schema = livekit();
    let body = Message::new().bytes(3, &[1; 300]).varint(1, 1).fixed32(9).varint(2, 5).varint(1, 3).bytes(2, b"x");
    assert_eq!(schema.peek(&Message::new().message(DISCONNECT, body).0).unwrap().subject, 3);
}

#[test]
fn no_subject_is_zero() {
    let schema = livekit();
    let subject = |field, body: Message| schema.peek(&Message::new().message(field, body).0).unwrap().subject;
    assert_eq!(subject(DISCONNECT, Message::new()), 0, "not in the event");
    assert_eq!(subject(LOGS, Message::new().varint(1, 5)), 0, "not in the schema");
    assert_eq!(subject(DISCONNECT, Message::new().bytes(1, b"\x05").fixed64(1)), 0, "not an integer");
    assert_eq!(subject(DISCONNECT, Message::new().bytes(2, b"\x08\x05")), 0, "not in this message");
}

#[test]
fn fields_that_are_no_case_are_stepped_over() {
    let schema = livekit();
    let body = Message::new().varint(1, 5);
    let group = Message::new().fixed32(1).group(2, Message::new().bytes(DISCONNECT, b"")).varint(3, 1);
    let event = Message::new()
        .varint(6, 300)
        .fixed32(900)
        .fixed64(1 << 20)
        .group(6, group.clone())
        .bytes(6, &[0xff; 200])
        .message(DISCONNECT, body.clone())
        .group(DISCONNECT, group)
        .varint(DISCONNECT, 1)
        .fixed32(DISCONNECT)
        .bytes(47, b"newer");
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject, peek.body), (kind(DISCONNECT), 5, body.0.as_slice()));
}

#[test]
fn the_last_case_wins() {
    let schema = livekit();
    let with = |subject| Message::new().varint(1, subject);
    let event = Message::new().message(ROOM, with(1)).message(DISCONNECT, with(2)).message(ROOM, with(3));
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject), (kind(ROOM), 3));
    let event = event.message(TRACK, with(4)).varint(ROOM, 9);
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject), (kind(TRACK), 0));
}

#[test]
fn an_event_of_no_known_case_says_which_field_it_had() {
    let schema = livekit();
    assert_eq!(schema.peek(&[]), Err(WireError::Empty));
    assert_eq!(schema.peek(&Message::new().bytes(6, b"").0), Err(WireError::UnknownCase(6)));
    assert_eq!(schema.peek(&Message::new().bytes(6, b"").bytes(99, b"").0), Err(WireError::UnknownCase(99)));
    assert_eq!(schema.peek(&Message::new().varint(ROOM, 1).0), Err(WireError::UnknownCase(ROOM)));
}

#[test]
fn an_event_cut_off_anywhere_is_truncated() {
    let schema = livekit();
    let frame = audio_frame(1 << 41).0;
    let connected = connected().0;
    let tail = Message::new().fixed32(99).fixed64(99).varint(99, u64::MAX).bytes(2000, &[3; 200]);
    let with_tail = [&connected[..], &tail.0].concat();
    for (event, case_len) in [(&frame, frame.len()), (&connected, connected.len()), (&with_tail, connected.len())] {
        let whole = schema.peek(event).unwrap();
        for len in 1..event.len() {
            match schema.peek(&event[..len]) {
                Err(error) => assert_eq!(error, WireError::Truncated, "after {len} bytes"),
                // Cut between two fields of the tail.
                Ok(peek) => assert!(peek == whole && len >= case_len, "after {len} bytes"),
            }
        }
    }
    let body = Message::new().raw(b"\x08");
    assert_eq!(schema.peek(&Message::new().message(DISCONNECT, body).0), Err(WireError::Truncated));
}

#[test]
fn what_is_no_message_is_malformed() {
    let schema = livekit();
    let over_64_bits = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
    // Field 7 if only the low half of the key were kept.
    let over_32_bit_key = [0xb8, 0x80, 0x80, 0x80, 0x10, 0x00];
    let endless = [&[0x08][..], &[0x80; 20]].concat();
    let stray_end = [0x0c];
    let other_end = [0x0b, 0x14];
    for bytes in
        [&[0x00, 0x00][..], &[0x0e], &[0x0f], &over_64_bits, &over_32_bit_key, &endless, &stray_end, &other_end]
    {
        assert_eq!(schema.peek(bytes), Err(WireError::Malformed), "{bytes:x?}");
        let body = Message::new().varint(1, 5).raw(bytes);
        let event = Message::new().message(DISCONNECT, body);
        assert_eq!(schema.peek(&event.0), Err(WireError::Malformed), "in a body: {bytes:x?}");
        let trailing = Message::new().message(DISCONNECT, Message::new()).raw(bytes);
        assert_eq!(schema.peek(&trailing.0), Err(WireError::Malformed), "after a case: {bytes:x?}");
    }
}

#[test]
fn a_length_beyond_memory_is_truncated() {
    let schema = livekit();
    for len in [1, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX] {
        // A length-delimited field that starts like this, with nothing behind it.
        let mut event = Message::new().varint(DISCONNECT, len).0;
        event[0] |= 2;
        assert_eq!(schema.peek(&event), Err(WireError::Truncated), "length {len}");
    }
}

#[test]
fn groups_are_skipped_and_cannot_exhaust_the_stack() {
    let schema = livekit();
    let nested = |depth: usize| {
        let bytes = [vec![0x33; depth], vec![0x34; depth]].concat();
        Message::new().raw(&bytes).message(DISCONNECT, Message::new().varint(1, 5))
    };
    assert_eq!(schema.peek(&nested(99).0).map(|peek| peek.subject), Ok(5));
    assert_eq!(schema.peek(&nested(101).0), Err(WireError::Malformed));
    assert_eq!(schema.peek(&nested(5_000_000).0), Err(WireError::Malformed));
}

#[test]
fn what_is_nested_is_not_looked_at() {
    let schema = livekit();
    let event = Message::new().message(DISCONNECT, Message::new().varint(1, 5).bytes(3, &[0xff; 50]));
    assert_eq!(schema.peek(&event.0).unwrap().subject, 5);
    assert_eq!(schema.peek(&Message::new().bytes(LOGS, &[0xff; 50]).0).unwrap().kind, kind(LOGS));
}
