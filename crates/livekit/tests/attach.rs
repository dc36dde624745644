//! A process attached to a library with the engine's C ABI. There is one engine for each process, so this is one test.

#[allow(dead_code)]
#[path = "support/fake_engine.rs"]
mod fake_engine;
#[path = "support/livekit_spec.rs"]
mod livekit_spec;
#[path = "support/message.rs"]
#[allow(dead_code)]
mod message;
#[path = "support/stand_in.rs"]
mod stand_in;

use fake_engine::{capture_spec, kind, polling, video_spec};
use libloading::{Library, Symbol};
use message::Message;
use narrowcast_audio::{Format, PcmStream};
use narrowcast_core::{Doorbell, Filter, KindSet, Overflow, Waiter, Wake};
use narrowcast_livekit::wire::{self, Schema};
use narrowcast_livekit::{CaptureAnswers, Engine, Events, LoadError};
use std::path::Path;
use std::sync::Arc;

const ROOM: u32 = 1;

fn attach_for(events: Events, path: &Path) -> Result<&'static Engine, LoadError> {
    let schema = Schema::new(livekit_spec::livekit_spec()).unwrap();
    Engine::attach(path, schema, CaptureAnswers::new(capture_spec()), video_spec(), events)
}

fn attach(path: &Path) -> Result<&'static Engine, LoadError> {
    attach_for(Events::Here, path)
}

/// The test's side of the library.
struct StandIn(Library);

impl StandIn {
    fn open(path: &Path) -> Self {
        // SAFETY: a library of ours, whose initializers do nothing.
        Self(unsafe { Library::new(path) }.unwrap())
    }

    fn send(&self, message: Option<&[u8]>) {
        // SAFETY: the function has this signature.
        let send: Symbol<unsafe extern "C" fn(*const u8, usize)> = unsafe { self.0.get("stand_in_send") }.unwrap();
        let (pointer, len) = message.map_or((std::ptr::null(), 9), |message| (message.as_ptr(), message.len()));
        // SAFETY: the bytes are there during the call.
        unsafe { send(pointer, len) };
    }

    fn count(&self, name: &str) -> u64 {
        // SAFETY: functions by such a name have this signature, on a platform with 64 bits.
        let count: Symbol<extern "C" fn() -> u64> = unsafe { self.0.get(name) }.unwrap();
        count()
    }
}

fn room_event(room: u64) -> Vec<u8> {
    Message::new().at(&[ROOM, 1], room).0
}

#[test]
fn a_process_attaches_to_one_engine_and_hears_it_whatever_happens_in_the_callback() {
    let path = stand_in::library("engine", &[]);
    let other = stand_in::library("other_engine", &[]);
    let stand_in = StandIn::open(&path);
    assert!(Engine::get().is_none());

    // Where another client hears the engine, it keeps its callback.
    let engine = attach_for(Events::Elsewhere, &path).unwrap();
    assert!(std::ptr::eq(engine, Engine::get().unwrap()));
    assert!(Engine::listening().is_none() && !engine.is_listening());
    assert_eq!(stand_in.count("stand_in_initialized"), 0);

    assert!(std::ptr::eq(engine, attach(&path).unwrap()));
    assert!(std::ptr::eq(engine, Engine::listening().unwrap()));
    assert_eq!(stand_in.count("stand_in_initialized"), 1);

    // What the library sends arrives, on its thread.
    let filter = Filter::kinds(KindSet::EMPTY.with(kind(ROOM)));
    let subscriber = engine.broadcast().subscribe(filter.clone(), Overflow::Grow, polling());
    stand_in.send(Some(&room_event(5)));
    stand_in.send(None);
    stand_in.send(Some(&[]));
    assert_eq!(subscriber.take().map(|event| event.subject()), Some(5));
    let stats = engine.stats();
    assert_eq!((stats.received, stats.malformed, stats.panics), (2, 1, 0));

    // Requests and handles go to the library; of a request's answer nothing is left.
    assert!(!engine.abi().request(&[]), "refused");
    assert!(engine.abi().request(b"request"));
    assert_eq!((stand_in.count("stand_in_requests"), stand_in.count("stand_in_dropped")), (1, 77));
    assert!(engine.abi().drop_handle(5) && !engine.abi().drop_handle(5000));
    assert_eq!(stand_in.count("stand_in_dropped"), 5000);

    // Another engine would be a silent one, and a file that is none changes nothing.
    let error = attach(&other).map(drop).unwrap_err();
    let LoadError::Other { attached, asked } = &error else { panic!("{error:?}") };
    assert_eq!((attached, asked), (&path, &other));
    let text = error.to_string();
    assert!([&path, &other].iter().all(|path| text.contains(&path.display().to_string())), "{text}");
    assert!(matches!(attach(Path::new("/nowhere")), Err(LoadError::Other { .. })));
    assert_eq!(StandIn::open(&other).count("stand_in_initialized"), 0);

    // A panic stays in the callback. Attaching again takes the callback again, and counts go on.
    struct Panics;
    impl Wake for Panics {
        fn wake(&self) {
            panic!("the test's own");
        }
    }
    let bell = Arc::new(Doorbell::new(Box::new(Panics)));
    let waiting = engine.broadcast().subscribe(filter, Overflow::Grow, Waiter::new(bell, 0));
    assert!(waiting.wait());
    stand_in.send(Some(&room_event(6)));
    assert_eq!(engine.stats().panics, 1);
    assert!(std::ptr::eq(engine, attach_for(Events::Elsewhere, &path).unwrap()) && engine.is_listening());
    assert_eq!(stand_in.count("stand_in_initialized"), 1);
    assert!(std::ptr::eq(engine, attach(&path).unwrap()));
    assert_eq!(stand_in.count("stand_in_initialized"), 2);
    stand_in.send(Some(&room_event(7)));
    let heard: Vec<_> = std::iter::from_fn(|| subscriber.take()).map(|event| event.subject()).collect();
    assert_eq!(heard, [6, 7]);
    assert_eq!((engine.stats().received, engine.stats().panics), (4, 1));

    // The callback can be taken back at any time. A theft is counted once, whichever thread notices it.
    assert_eq!(engine.taken_back(), None);
    engine.take_back();
    assert_eq!((stand_in.count("stand_in_initialized"), engine.stats().stolen), (3, 0));
    assert!(engine.taken_back().is_some());
    assert_eq!([0, 0, 1].map(|counted| engine.count_theft(counted)), [true, false, true]);
    assert_eq!(engine.stats().stolen, 2);
    stand_in.send(Some(&room_event(8)));
    assert_eq!(subscriber.take().map(|event| event.subject()), Some(8));

    // Threads come and go: as long as one is there, streams go on.
    engine.join();
    engine.join();
    let format = Format { sample_rate: 16_000, channels: 1, frame_samples: 160 };
    engine.open_stream(9, Arc::new(PcmStream::new(format, 1600, polling())));
    engine.leave();
    assert!(engine.is_listening() && engine.stats().audio.streams == 1);
    engine.leave();
    assert!(!engine.is_listening() && Engine::listening().is_none() && engine.stats().audio.streams == 0);
    engine.join();
    assert!(engine.is_listening());
}
