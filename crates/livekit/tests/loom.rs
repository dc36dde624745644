//! Frames on their way into streams that are being opened, in every interleaving within loom's bounds.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test -p narrowcast-livekit --release --test loom
//! ```
//!
//! A stream's frames come on a thread of its own, one after the other, and the first ones before whoever asked for the
//! stream has registered it. `Limbo` is explored alone and as `AudioTap` uses it.

#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};
use narrowcast_audio::{Format, PcmStream};
use narrowcast_core::sync::Arc;
use narrowcast_core::{Doorbell, Event, Kind, Owner, Waiter, Wake};
use narrowcast_livekit::wire::{AudioEvent, AudioFrameInfo};
use narrowcast_livekit::{Abi, AudioTap, Limbo, Tap};
use std::collections::BTreeMap;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound.get_or_insert(3);
    builder.check(model);
}

/// The handle of a stream's `number`th frame.
fn frame_handle(stream: u64, number: u8) -> u64 {
    stream * 100 + u64::from(number)
}

/// How often each handle was dropped.
#[derive(Clone, Default)]
struct Handles(StdArc<StdMutex<BTreeMap<u64, usize>>>);

impl Handles {
    fn count(&self, handle: u64) -> usize {
        self.0.lock().unwrap().get(&handle).copied().unwrap_or(0)
    }

    fn owner(&self) -> Arc<dyn Owner> {
        let owner: StdArc<dyn Owner> = StdArc::new(self.clone());
        Arc::from_std(owner)
    }

    fn abi(&self) -> Arc<dyn Abi> {
        let abi: StdArc<dyn Abi> = StdArc::new(self.clone());
        Arc::from_std(abi)
    }
}

impl Abi for Handles {
    fn drop_handle(&self, handle: u64) -> bool {
        *self.0.lock().unwrap().entry(handle).or_default() += 1;
        true
    }

    fn request(&self, _: &[u8]) -> bool {
        false
    }
}

/// What an event of these tests owns is its frame's handle.
impl Owner for Handles {
    fn release(&self, kind: Kind, payload: &[u8]) {
        self.drop_handle(frame_handle(kind.into(), payload[0]));
    }
}

fn event(stream: u64, number: u8, owner: &Arc<dyn Owner>) -> Event {
    Event::new(stream as Kind, stream, &[number], Some(owner))
}

// ── limbo ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const STREAMS: u64 = 3;

/// A limbo between callback threads and the threads that open streams 1 and 2, which AudioTap would be; what nobody is
/// registered for is lost here, as it is foreign there.
struct Router {
    limbo: Limbo,
    registered: [AtomicBool; STREAMS as usize],
    /// Stream and number of each event, in the order in which they got there.
    arrived: StdMutex<Vec<(u64, u8)>>,
    lost: StdMutex<Vec<(u64, u8)>>,
    handles: Handles,
    owner: Arc<dyn Owner>,
}

impl Router {
    fn new(capacity: usize) -> Arc<Self> {
        let handles = Handles::default();
        Arc::new(Self {
            limbo: Limbo::new(capacity),
            registered: std::array::from_fn(|_| AtomicBool::new(false)),
            arrived: StdMutex::default(),
            lost: StdMutex::default(),
            owner: handles.owner(),
            handles,
        })
    }

    /// A callback thread.
    fn receive(&self, stream: u64, number: u8) {
        // In this order: registered, then idle.
        if self.limbo.is_idle() {
            self.arrive(stream, number);
        } else {
            self.limbo.hold(event(stream, number, &self.owner), |event| self.route(event));
        }
    }

    fn route(&self, event: Event) {
        self.arrive(event.subject(), event.payload()[0]);
        event.deliver();
    }

    fn arrive(&self, stream: u64, number: u8) {
        let registered = self.registered[stream as usize].load(Ordering::Acquire);
        let log = if registered { &self.arrived } else { &self.lost };
        log.lock().unwrap().push((stream, number));
    }

    /// Asks for a stream, of which so many frames come at once; then registers it.
    fn open(this: &Arc<Self>, stream: u64, frames: u8) -> JoinHandle<()> {
        this.limbo.expect();
        // The request: what the engine sends for it is sent after `expect`.
        let callbacks = thread::spawn({
            let router = this.clone();
            move || (1..=frames).for_each(|number| router.receive(stream, number))
        });
        this.registered[stream as usize].store(true, Ordering::Release);
        this.limbo.settled(|event| this.route(event));
        callbacks
    }

    fn arrived_of(&self, stream: u64) -> Vec<u8> {
        self.arrived.lock().unwrap().iter().filter(|(other, _)| *other == stream).map(|(_, number)| *number).collect()
    }

    /// Every frame of these streams arrived, in order; nothing is left in the limbo.
    fn all_arrived(&self, streams: &[(u64, u8)]) {
        assert_eq!(*self.lost.lock().unwrap(), []);
        for &(stream, frames) in streams {
            assert_eq!(self.arrived_of(stream), Vec::from_iter(1..=frames), "of stream {stream}");
        }
        assert!(self.limbo.is_idle(), "something is left in the limbo");
        assert_eq!(self.limbo.dropped(), 0);
        assert_eq!(*self.handles.0.lock().unwrap(), BTreeMap::new(), "what was delivered was released, too");
    }
}

#[test]
fn frames_that_come_before_their_stream_is_registered_arrive_first_and_in_order() {
    explore(|| {
        let router = Router::new(8);
        Router::open(&router, 1, 3).join().unwrap();
        router.all_arrived(&[(1, 3)]);
    });
}

#[test]
fn two_streams_opened_at_once_lose_nothing() {
    explore(|| {
        let router = Router::new(8);
        let other = thread::spawn({
            let router = router.clone();
            move || Router::open(&router, 2, 1)
        });
        let callbacks = Router::open(&router, 1, 1);
        other.join().unwrap().join().unwrap();
        callbacks.join().unwrap();
        router.all_arrived(&[(1, 1), (2, 1)]);
    });
}

#[test]
fn a_stream_opened_while_the_limbo_empties_loses_nothing() {
    explore(|| {
        let router = Router::new(8);
        let first = Router::open(&router, 1, 2);
        let second = Router::open(&router, 2, 1);
        first.join().unwrap();
        second.join().unwrap();
        router.all_arrived(&[(1, 2), (2, 1)]);
    });
}

// ── audio tap ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The sample at index n is n.
static SAMPLES: [i16; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// A callback as `Engine` has it, but for the broadcast.
struct Callback {
    tap: AudioTap,
    foreign: StdMutex<Vec<(u64, u8)>>,
    handles: Handles,
    owner: Arc<dyn Owner>,
}

fn frame(stream: u64, number: u8) -> AudioEvent {
    AudioEvent::Frame(AudioFrameInfo {
        handle: frame_handle(stream, number),
        data_ptr: &raw const SAMPLES[usize::from(number)] as u64,
        num_channels: 1,
        sample_rate: 100,
        samples_per_channel: 1,
    })
}

/// A stream of frames of one sample.
fn pcm_stream() -> Arc<PcmStream> {
    struct Never;
    impl Wake for Never {
        fn wake(&self) {
            panic!("nobody waits");
        }
    }
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(Never))), 0);
    Arc::new(PcmStream::new(Format { sample_rate: 100, channels: 1, frame_samples: 1 }, 8, waiter))
}

fn drain(stream: &PcmStream) -> Vec<i16> {
    let mut samples = vec![0; 8];
    let count = stream.read(&mut samples).samples;
    samples.truncate(count);
    samples
}

impl Callback {
    fn new() -> Arc<Self> {
        let handles = Handles::default();
        Arc::new(Self {
            tap: AudioTap::new(handles.abi()),
            foreign: StdMutex::default(),
            owner: handles.owner(),
            handles,
        })
    }

    fn receive(&self, stream: u64, number: u8) {
        let held = || event(stream, number, &self.owner);
        if self.tap.receive(stream, frame(stream, number), held, |event| self.receive_held(event)) == Tap::Foreign {
            self.foreign.lock().unwrap().push((stream, number));
        }
    }

    fn receive_held(&self, event: Event) {
        let (stream, number) = (event.subject(), event.payload()[0]);
        if self.tap.receive_held(stream, frame(stream, number)) == Tap::Foreign {
            self.foreign.lock().unwrap().push((stream, number));
        }
        event.deliver();
    }

    fn open(this: &Arc<Self>, stream: u64, pcm: Arc<PcmStream>, frames: u8) -> JoinHandle<()> {
        this.tap.expect();
        let callbacks = thread::spawn({
            let callback = this.clone();
            move || (1..=frames).for_each(|number| callback.receive(stream, number))
        });
        this.tap.open(stream, pcm);
        this.tap.settled(|event| this.receive_held(event));
        callbacks
    }
}

#[test]
fn a_stream_of_the_engine_gets_its_frames_from_the_first_one_on() {
    explore(|| {
        let callback = Callback::new();
        let pcm = pcm_stream();
        Callback::open(&callback, 1, pcm.clone(), 2).join().unwrap();
        assert_eq!(*callback.foreign.lock().unwrap(), []);
        assert_eq!(drain(&pcm), [1, 2]);
        for number in 1..=2 {
            assert_eq!(callback.handles.count(frame_handle(1, number)), 1);
        }
    });
}
