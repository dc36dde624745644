//! What the engine's callback costs for an event without a subscriber, with the guard against a panic that it has. Prints a JSON line
//! for each case: the rounds' ns per event. Run by `npm run bench -- broadcast`.

#[path = "../tests/support/livekit_spec.rs"]
mod livekit_spec;
#[path = "../tests/support/message.rs"]
#[allow(dead_code)]
mod message;
use narrowcast_livekit::wire;

use message::Message;
use narrowcast_core::{Doorbell, Filter, KindSet, Overflow, Waiter, Wake};
use narrowcast_livekit::{Abi, CaptureAnswers, CaptureSpec, Engine, Events, VideoSpec};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 30;
const EVENTS: u32 = 100_000;

/// An engine that drops handles for nothing: what the real one does with them is its own.
struct NoEngine;

impl Abi for NoEngine {
    fn drop_handle(&self, handle: u64) -> bool {
        black_box(handle) != 0
    }
    fn request(&self, _: &[u8]) -> bool {
        true
    }
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

fn main() {
    let sid_changed = Message::new().at(&[1], 7).message(24, Message::new().bytes(1, b"RM_1234567890"));
    let room_event = Message::new().message(1, sid_changed).0;
    // Handle, pointer, channels, rate and samples of a frame, as the engine encodes them.
    let info = Message::new().varint(1, 0x7f12_3456_7890).varint(2, 1).varint(3, 16_000).varint(4, 160);
    let frame = Message::new().at(&[1, 1], 123_456).message(2, info);
    let frame_event =
        Message::new().message(4, Message::new().varint(1, 99).message(2, Message::new().message(1, frame))).0;

    for subscribers in [1, 10_000] {
        let engine = engine();
        let bell = Arc::new(Doorbell::new(Box::new(NoWake)));
        let wants_other_rooms = |number: u64| {
            let filter = Filter { kinds: KindSet::EMPTY.with(0), subjects: Some(vec![1_000 + number]) };
            engine.broadcast().subscribe(filter, Overflow::Grow, Waiter::new(bell.clone(), number as u32))
        };
        let _subscribers: Vec<_> = (0..subscribers).map(wants_other_rooms).collect();
        print(&format!("unwanted/native/{subscribers}"), || call(&engine, &room_event));
        assert_eq!(engine.stats().events.matched, 0);
    }
    let engine = engine();
    print("unwanted/release", || call(&engine, &frame_event));
    assert_eq!(engine.stats().events.matched, 0);
}

/// What the callback does, which only a library that is loaded can call.
#[inline(never)]
fn call(engine: &Engine, message: &[u8]) {
    let message = black_box(message);
    assert!(catch_unwind(AssertUnwindSafe(|| engine.receive(message))).is_ok());
}

fn engine() -> Engine {
    let schema = wire::Schema::new(livekit_spec::livekit_spec()).expect("the schema of the installed package");
    let captures = CaptureSpec {
        request: 27,
        source_handle: 1,
        buffer: 2,
        request_async_id: 3,
        data_ptr: 1,
        num_channels: 2,
        sample_rate: 3,
        samples_per_channel: 4,
        clear: 32,
        clear_source: 1,
        answer: 11,
        error: 2,
    };
    let video = VideoSpec { kind: u8::MAX, eos: 0 };
    Engine::new(Arc::new(NoEngine), schema, CaptureAnswers::new(captures), video, Events::Here)
}

fn print(case: &str, mut event: impl FnMut()) {
    let round = |_| {
        let start = Instant::now();
        for _ in 0..EVENTS {
            event();
        }
        format!("{:.2}", start.elapsed().as_nanos() as f64 / f64::from(EVENTS))
    };
    let rounds: Vec<_> = (0..ROUNDS).map(round).collect();
    println!("{{\"case\":\"{case}\",\"ours\":[{}]}}", rounds.join(","));
}
