//! Frames and the end of an audio stream.

use super::*;

fn read(body: Message) -> Result<AudioEvent, WireError> {
    livekit().audio_event(&body.0)
}

fn frame(handle: u64, rate: u32) -> AudioEvent {
    AudioEvent::Frame(AudioFrameInfo { handle, sample_rate: rate, ..AudioFrameInfo::default() })
}

#[test]
fn a_frame_says_where_its_samples_are() {
    let schema = livekit();
    let event = audio_frame(1 << 41);
    let peek = schema.peek(&event.0).unwrap();
    assert_eq!((peek.kind, peek.subject), (schema.audio_kind(), 7));
    let expected = AudioFrameInfo {
        handle: 1 << 41,
        data_ptr: 0x7f00_1234_5678,
        num_channels: 1,
        sample_rate: 16_000,
        samples_per_channel: 160,
    };
    assert_eq!(schema.audio_event(peek.body), Ok(AudioEvent::Frame(expected)));
}

#[test]
fn the_end_and_what_is_neither() {
    assert_eq!(read(Message::new().varint(1, 7).bytes(3, b"")), Ok(AudioEvent::Eos));
    assert_eq!(read(Message::new().varint(1, 7).bytes(4, b"new")), Ok(AudioEvent::Other));
    assert_eq!(read(Message::new()), Ok(AudioEvent::Other));
    assert_eq!(read(Message::new().varint(2, 1).fixed32(3)), Ok(AudioEvent::Other), "wrong wire types");
    assert_eq!(read(Message::new().bytes(2, b"")), Ok(frame(0, 0)));
}

#[test]
fn a_frame_in_pieces_and_in_any_order_is_one_frame() {
    let body = Message::new()
        .at(&[2, 1, 2, 3], 8_000)
        .fixed64(2)
        .at(&[2, 1, 1, 1], 5)
        .varint(1, 7)
        .at(&[2, 1, 2, 3], 48_000)
        .at(&[2, 1, 3, 1], 99);
    assert_eq!(read(body), Ok(frame(5, 48_000)));
}

#[test]
fn of_frame_and_end_the_last_one_counts() {
    let body = Message::new().at(&[2, 1, 1, 1], 5).bytes(3, b"");
    assert_eq!(read(body.clone()), Ok(AudioEvent::Eos));
    assert_eq!(read(body.at(&[2, 1, 2, 3], 48_000)), Ok(frame(0, 48_000)), "nothing is left of the first frame");
}

#[test]
fn thirty_two_bit_fields_keep_the_low_half_as_protobuf_does() {
    assert_eq!(read(Message::new().at(&[2, 1, 2, 3], (7 << 32) | 48_000)), Ok(frame(0, 48_000)));
}

#[test]
fn a_frame_that_is_malformed_inside_is_an_error() {
    for path in [&[2][..], &[2, 1], &[2, 1, 1], &[2, 1, 2]] {
        let broken = |bytes: &[u8]| {
            path.iter().rev().fold(Message::new().raw(bytes), |message, &field| Message::new().message(field, message))
        };
        assert_eq!(read(broken(&[0x07])), Err(WireError::Malformed), "{path:?}");
        assert_eq!(read(broken(&[0x0a, 0x05])), Err(WireError::Truncated), "{path:?}");
        assert_eq!(read(broken(&[0x07]).bytes(3, b"")), Err(WireError::Malformed), "{path:?}");
    }
    assert_eq!(read(Message::new().raw(&[0x07])), Err(WireError::Malformed));
}
