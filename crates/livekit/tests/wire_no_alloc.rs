//! Every event of the engine's passes through `wire` on the engine's own threads: it must not allocate there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use narrowcast_livekit::wire;
use wire::{AudioEvent, Schema};

#[path = "support/livekit_spec.rs"]
mod livekit_spec;
#[path = "support/message.rs"]
mod message;

use message::Message;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands every call on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the system allocator's too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above, and `pointer` came from `alloc`, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    f();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn reading_an_event_allocates_nothing() {
    let schema = Schema::new(livekit_spec::livekit_spec()).unwrap();
    let frame = Message::new().varint(1, 7).at(&[2, 1, 1, 1], 9).at(&[2, 1, 2, 1], 1 << 46);
    let event =
        Message::new().fixed32(99).fixed64(97).bytes(96, b"x").group(98, Message::new().varint(1, 1)).message(4, frame);
    let unknown = Message::new().bytes(6, b"");
    let mut ids = 0;
    let count = allocations(|| {
        let peek = schema.peek(&event.0).unwrap();
        schema.for_each_owned(peek.kind, peek.body, &mut |id| ids += id).unwrap();
        assert!(matches!(schema.audio_event(peek.body), Ok(AudioEvent::Frame(_))));
        assert!(schema.peek(&unknown.0).is_err());
        assert!(schema.peek(&[]).is_err());
        assert!(schema.peek(&event.0[..event.0.len() - 1]).is_err());
    });
    assert_eq!((ids, count), (9, 0));
    assert_ne!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 0, "the counter counts");
}
