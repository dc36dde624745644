//! The handles an event owns.

use super::*;

#[test]
fn every_handle_is_found_however_deep_and_repeated() {
    let schema = livekit();
    let event = connected();
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject), (kind(CONNECT), 1 << 40));
    let ids = vec![100, 101, 200, 201, 202, 300, 301, 302];
    assert_eq!(owned_ids(&schema, peek.kind, peek.body), (ids, Ok(())));
}

#[test]
fn each_path_of_the_real_schema_leads_to_its_id() {
    let schema = livekit();
    for (kind, case) in livekit_spec().cases.iter().enumerate() {
        for path in &case.owned {
            let body = Message::new().varint(1, 5).bytes(1000, b"unknown").at(path, 77);
            assert_eq!(owned_ids(&schema, kind as u8, &body.0), (vec![77], Ok(())), "{} {path:?}", case.name);
            let shorter = Message::new().at(&path[..path.len() - 1], 77);
            assert_eq!(owned_ids(&schema, kind as u8, &shorter.0), (vec![], Ok(())), "{} {path:?}", case.name);
        }
    }
}

#[test]
fn a_peek_says_when_there_is_nothing_to_look_for() {
    let schema = livekit();
    assert!(schema.peek(&connected().0).unwrap().may_own);
    assert!(schema.peek(&audio_frame(0).0).unwrap().may_own, "what is nested has not been looked at");
    let eos = Message::new().message(AUDIO, Message::new().varint(1, 7).message(3, Message::new()));
    assert!(!schema.peek(&eos.0).unwrap().may_own);
}

#[test]
fn id_zero_is_no_handle() {
    let schema = livekit();
    let body = Message::new().at(&[2, 1, 1, 1], 0);
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![], Ok(())));
    let overwritten = Message::new().varint(1, 8).varint(1, 0);
    let body = Message::new().message(2, Message::new().message(1, Message::new().message(1, overwritten)));
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![], Ok(())));
}

#[test]
fn in_one_message_the_last_id_counts_and_of_two_messages_both_do() {
    let schema = livekit();
    let handle = Message::new().varint(1, 8).bytes(2, b"").varint(1, 9);
    let buffer = Message::new().message(1, handle).message(1, Message::new().varint(1, 10));
    let body = Message::new().message(2, Message::new().message(1, buffer)).at(&[2, 1, 1, 1], 11);
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![9, 10, 11], Ok(())));
}

#[test]
fn ids_at_different_depths_of_one_message_are_told_apart() {
    let schema = Schema::new(spec(vec![case(1, &[&[2], &[3], &[4, 2], &[4, 5, 2]])])).unwrap();
    let inner = Message::new().at(&[5, 2], 23).varint(2, 22).varint(3, 99);
    let body = Message::new().varint(3, 21).message(4, inner).varint(2, 20).bytes(3, b"\x01").varint(4, 99);
    assert_eq!(owned_ids(&schema, 0, &body.0), (vec![20, 21, 22, 23], Ok(())));
}

#[test]
fn other_wire_types_are_stepped_over() {
    let schema = livekit();
    let handle = Message::new().fixed64(1).varint(1, 6).fixed32(1).group(1, Message::new().varint(1, 99));
    let buffer = Message::new().message(1, handle).varint(1, 99);
    let body = Message::new().group(2, Message::new().at(&[1, 1, 1], 99)).message(2, Message::new().message(1, buffer));
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![6], Ok(())));
}

#[test]
fn what_stands_ahead_of_a_fault_is_still_reported() {
    let schema = livekit();
    let handle = |bytes: &[u8]| {
        let handle = Message::new().varint(1, 8).raw(bytes);
        Message::new().at(&[2, 1, 1, 1], 7).message(2, Message::new().message(1, Message::new().message(1, handle)))
    };
    let body = handle(&[0x0f]).at(&[2, 1, 1, 1], 9);
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![7, 8], Err(WireError::Malformed)));
    let body = handle(&[0x08]).at(&[2, 1, 1, 1], 9);
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![7, 8], Err(WireError::Truncated)));
    let body = handle(&[]).raw(&[0x12, 0x7f]);
    assert_eq!(owned_ids(&schema, kind(AUDIO), &body.0), (vec![7, 8], Err(WireError::Truncated)));
}

#[test]
fn a_body_cut_off_anywhere_reports_no_more_than_it_held() {
    let schema = livekit();
    let event = connected();
    let peek = schema.peek(&event.0).unwrap();
    let (all, _) = owned_ids(&schema, peek.kind, peek.body);
    let mut most = 0;
    for len in 0..peek.body.len() {
        let (ids, _) = owned_ids(&schema, peek.kind, &peek.body[..len]);
        assert!(ids.iter().all(|id| all.contains(id)));
        // A message that is cut off has a length that reaches beyond the end: nothing of it is read.
        most = most.max(ids.len());
    }
    assert_eq!(most, 0);
}
