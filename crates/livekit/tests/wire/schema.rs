//! What a schema accepts, and how it numbers the kinds.

use super::*;

#[test]
fn a_kind_is_the_position_of_its_case() {
    let spec = livekit_spec();
    let schema = livekit();
    assert_eq!(schema.kinds(), spec.cases.len());
    assert!(schema.kinds() >= 45, "FfiEvent had 45 cases when this was written");
    for (position, case) in spec.cases.iter().enumerate() {
        let kind = position as u8;
        assert_eq!(schema.name(kind), Some(case.name.as_str()));
        assert_eq!(schema.owns(kind), !case.owned.is_empty(), "{}", case.name);
        assert_eq!(schema.is_answer(kind), case.answer, "{}", case.name);
        let event = Message::new().bytes(case.field, &[]);
        assert_eq!(schema.peek(&event.0).unwrap().kind, kind, "{}", case.name);
    }
    assert_eq!(schema.name(schema.audio_kind()), Some("audioStreamEvent"));
}

#[test]
fn kinds_follow_the_spec_and_not_the_field_numbers() {
    // Field numbers in no order, on both sides of where the array ends, and up to the largest there is.
    let fields: Vec<u32> = (0..MAX_CASES as u32)
        .map(|n| match n % 4 {
            0 => 200 - n,
            1 => 1023 - n,
            2 => 1022 + n,
            _ => (1 << 29) - n - 1 + 3,
        })
        .collect();
    let schema = Schema::new(spec(fields.iter().map(|&field| case(field, &[])).collect())).unwrap();
    assert_eq!(schema.kinds(), MAX_CASES);
    for (position, &field) in fields.iter().enumerate() {
        let event = Message::new().message(field, Message::new().varint(1, 42));
        let peek = schema.peek(&event.0).unwrap();
        assert_eq!((usize::from(peek.kind), peek.subject), (position, 42), "field {field}");
    }
    for field in [2, 1021, 1025, 5000, (1 << 29) - 2] {
        assert!(!fields.contains(&field));
        let event = Message::new().bytes(field, &[]);
        assert_eq!(schema.peek(&event.0), Err(WireError::UnknownCase(field)));
    }
}

#[test]
fn a_number_that_is_no_kind_is_answered_not_panicked_at() {
    let schema = livekit();
    for kind in [schema.kinds() as u8, u8::MAX] {
        assert_eq!(schema.name(kind), None);
        assert!(!schema.owns(kind) && !schema.is_answer(kind));
        assert_eq!(owned_ids(&schema, kind, &[0xff]), (vec![], Ok(())));
    }
}

fn error(cases: Vec<CaseSpec>) -> SchemaError {
    Schema::new(spec(cases)).unwrap_err()
}

#[test]
fn field_numbers_outside_protobufs_range_are_refused() {
    for field in [0, 1 << 29, u32::MAX] {
        assert!(matches!(error(vec![case(field, &[])]), SchemaError::FieldNumber { field: f, .. } if f == field));
        let subject = CaseSpec { subject: Some(field), ..case(1, &[]) };
        assert!(matches!(error(vec![subject]), SchemaError::FieldNumber { field: f, .. } if f == field));
        let path = case(1, &[&[1, field, 1]]);
        assert!(matches!(error(vec![path]), SchemaError::FieldNumber { field: f, .. } if f == field));
    }
    assert!(Schema::new(spec(vec![case((1 << 29) - 1, &[])])).is_ok());
}

#[test]
fn two_cases_with_one_field_are_refused() {
    for field in [3, 5000] {
        let twin = CaseSpec { name: "twin".to_owned(), ..case(field, &[]) };
        let cases = vec![case(field, &[]), case(4, &[]), case(5001, &[]), twin];
        let Err(SchemaError::DuplicateField { field: f, what }) = Schema::new(spec(cases)) else { panic!() };
        assert_eq!((f, what.as_str()), (field, "case \"twin\""));
    }
}

#[test]
fn a_case_too_many_is_refused() {
    let cases = |count: usize| (1..=count as u32).map(|field| case(field, &[])).collect::<Vec<_>>();
    assert!(Schema::new(spec(cases(MAX_CASES))).is_ok());
    assert_eq!(error(cases(MAX_CASES + 1)), SchemaError::TooManyCases(MAX_CASES + 1));
    assert_eq!(error(cases(1000)), SchemaError::TooManyCases(1000));
}

#[test]
fn names_are_neither_empty_nor_shared() {
    let named = |field, name: &str| CaseSpec { name: name.to_owned(), ..case(field, &[]) };
    assert_eq!(error(vec![named(1, "")]), SchemaError::Name { name: String::new(), field: 1 });
    let shared = vec![named(1, "room"), named(2, "track"), named(3, "room")];
    assert_eq!(error(shared), SchemaError::Name { name: "room".to_owned(), field: 3 });
}

#[test]
fn an_answer_must_say_where_its_async_id_is() {
    let answer = CaseSpec { subject: None, answer: true, ..case(1, &[]) };
    assert_eq!(error(vec![answer]), SchemaError::AnswerWithoutSubject("case1".to_owned()));
}

#[test]
fn owned_paths_must_be_ones_that_can_be_followed() {
    let problem = |owned: &[&[u32]]| match error(vec![case(1, owned)]) {
        SchemaError::Path { name, path, problem } => {
            assert_eq!((name.as_str(), Some(path.as_slice())), ("case1", owned.last().copied()));
            problem
        }
        other => panic!("{other}"),
    };
    assert_eq!(problem(&[&[]]), "is empty");
    assert_eq!(problem(&[&[1; MAX_PATH + 1]]), "is too long");
    assert_eq!(problem(&[&[2, 1], &[2, 1]]), "repeats or continues another one");
    assert_eq!(problem(&[&[2], &[2, 1]]), "repeats or continues another one");
    assert_eq!(problem(&[&[2, 1], &[2]]), "ends within another one");
    let siblings: Vec<[u32; 2]> = (1..=MAX_IDS as u32 + 1).map(|id| [3, id]).collect();
    let siblings: Vec<&[u32]> = siblings.iter().map(|path| path.as_slice()).collect();
    assert_eq!(problem(&siblings), "is one id too many for its message");

    let body = Message::new().at(&[1; MAX_PATH], 9).at(&[3, 1], 10).at(&[3, MAX_IDS as u32], 11);
    let mut owned = siblings;
    owned.pop();
    owned.push(&[1; MAX_PATH]);
    let schema = Schema::new(spec(vec![case(1, &owned)])).unwrap();
    assert_eq!(owned_ids(&schema, 0, &body.0), (vec![9, 10, 11], Ok(())));
}

#[test]
fn the_audio_fields_must_fit_together() {
    let audio = livekit_spec().audio;
    let error = |audio| Schema::new(SchemaSpec { audio, ..livekit_spec() }).unwrap_err();
    assert_eq!(error(AudioSpec { case: 6, ..audio }), SchemaError::AudioCase(6));
    assert_eq!(error(AudioSpec { case: 0, ..audio }), SchemaError::AudioCase(0));
    for clash in [
        AudioSpec { eos: audio.frame_received, ..audio },
        AudioSpec { info: audio.handle, ..audio },
        AudioSpec { samples_per_channel: audio.data_ptr, ..audio },
    ] {
        assert!(matches!(error(clash), SchemaError::DuplicateField { .. }));
    }
    for outside in [AudioSpec { frame: 0, ..audio }, AudioSpec { handle_id: 1 << 29, ..audio }] {
        assert!(matches!(error(outside), SchemaError::FieldNumber { .. }));
    }
    assert_eq!(Schema::new(spec(vec![])).unwrap_err(), SchemaError::AudioCase(1));
}

#[test]
fn errors_name_the_value_at_fault() {
    let twin = CaseSpec { name: "twin".to_owned(), ..case(3, &[]) };
    for (error, expected) in [
        (error(vec![case(3, &[]), twin]), "case \"twin\" has field number 3, which another"),
        (error(vec![case(0, &[])]), "case \"case0\" has field number 0, outside 1 to 536870911"),
        (error(vec![case(1, &[&[2, 1], &[2]])]), "case \"case1\": owned path [2] ends within another one"),
        (error(vec![]), "field 1, is not among the cases"),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
}
