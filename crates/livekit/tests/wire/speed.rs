//! How long an event takes.

use std::hint::black_box;
use std::time::Instant;

use super::*;

/// `cargo test --release -p narrowcast-livekit --test wire -- --ignored --nocapture`
#[test]
#[ignore = "measures; run it alone and in release mode"]
fn time_per_event() {
    let schema = livekit();
    let capture = Message::new().message(CAPTURE_AUDIO_FRAME, Message::new().varint(1, (1 << 40) + 12_345));
    let frame = audio_frame(123_456);
    let body = schema.peek(&frame.0).unwrap().body;
    let connected = connected();
    let log = Message::new().bytes(LOGS, &[0x61; 400]);
    let ids = |kind, body: &[u8]| {
        let mut sum = 0;
        schema.for_each_owned(kind, body, &mut |id| sum += id).unwrap();
        sum
    };
    let (audio, connect) = (kind(AUDIO), kind(CONNECT));
    let connect_body = schema.peek(&connected.0).unwrap().body;
    let peek = |event: &Message| schema.peek(black_box(&event.0)).unwrap().subject;

    let nothing = nanoseconds(|| black_box(&frame.0).len());
    println!("the loop itself            {nothing:6.1} ns, included below");
    println!("peek, capture answer       {:6.1} ns", nanoseconds(|| peek(&capture)));
    println!("peek, audio frame          {:6.1} ns", nanoseconds(|| peek(&frame)));
    println!("peek, connect              {:6.1} ns", nanoseconds(|| peek(&connected)));
    println!("peek, log                  {:6.1} ns", nanoseconds(|| peek(&log)));
    println!("audio_event                {:6.1} ns", nanoseconds(|| schema.audio_event(black_box(body))));
    println!("owned, audio frame, 1 id   {:6.1} ns", nanoseconds(|| ids(audio, black_box(body))));
    println!("owned, connect, 8 ids      {:6.1} ns", nanoseconds(|| ids(connect, black_box(connect_body))));
    println!("reference, audio frame     {:6.1} ns", {
        let spec = livekit_spec();
        nanoseconds(|| reference::peek(&spec, black_box(&frame.0)))
    });
}

/// The best of many short runs: what else the machine does only ever adds.
fn nanoseconds<T>(mut f: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 2_000;
    let mut best = f64::MAX;
    for _ in 0..1_000 {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(f());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
    }
    best
}
