//! Frames on their way into streams that are being opened, in every interleaving within loom's bounds.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test -p narrowcast-livekit --release --test loom
//! ```
//!
//! A stream's frames come on a thread of its own, one after the other, and the first ones before the caller that asked for the
//! stream has registered it. `EarlyEvents` is explored alone and as `Streams` uses it.

#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};
use narrowcast_audio::{Format, PcmStream};
use narrowcast_core::sync::Arc;
use narrowcast_core::{Doorbell, Event, Kind, Owner, Waiter, Wake};
use narrowcast_livekit::wire::{AudioEvent, AudioFrameInfo};
use narrowcast_livekit::{Abi, AudioSink, EarlyEvents, Streams};
use std::collections::BTreeMap;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

/// Explores a model with at most so many preemptions, or `LOOM_MAX_PREEMPTIONS` if that is less: a model of three threads
/// has millions of interleavings with three.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = Some(builder.preemption_bound.map_or(preemptions, |bound| bound.min(preemptions)));
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

fn event(stream: u64, number: u8, owner: Option<&Arc<dyn Owner>>) -> Event {
    Event::new(stream as Kind, stream, &[number], owner)
}

// ── early events ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Early events between callback threads and the threads that open streams 1 and 2. Whose an event is gets decided as
/// `Streams` does it: what no stream is registered for is foreign, for good.
struct Router {
    early: EarlyEvents,
    registered: [AtomicBool; 3],
    /// Stream and number of each event, in the order in which they got there.
    arrived: StdMutex<Vec<(u64, u8)>>,
    foreign: StdMutex<Vec<(u64, u8)>>,
}

impl Router {
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            early: EarlyEvents::new(capacity),
            registered: Default::default(),
            arrived: StdMutex::default(),
            foreign: StdMutex::default(),
        })
    }

    fn receive(&self, stream: u64, number: u8, owner: Option<&Arc<dyn Owner>>) {
        if self.early.is_idle() {
            self.arrive(stream, number);
        } else {
            self.early.hold(event(stream, number, owner), |event| self.route(event));
        }
    }

    fn route(&self, event: Event) {
        self.arrive(event.subject(), event.payload()[0]);
        event.deliver();
    }

    fn arrive(&self, stream: u64, number: u8) {
        let registered = self.registered[stream as usize].load(Ordering::Acquire);
        let log = if registered { &self.arrived } else { &self.foreign };
        log.lock().unwrap().push((stream, number));
    }

    fn register(&self, stream: u64) {
        self.registered[stream as usize].store(true, Ordering::Release);
    }

    fn settled(&self) {
        self.early.registered(|event| self.route(event));
    }

    /// A callback thread: a stream's first frames, one after the other.
    fn callbacks(this: &Arc<Self>, stream: u64, frames: u8) -> JoinHandle<()> {
        let this = this.clone();
        thread::spawn(move || (1..=frames).for_each(|number| this.receive(stream, number, None)))
    }

    /// Asks for a stream, while so many of its frames come; registers it.
    fn open(this: &Arc<Self>, stream: u64, frames: u8) -> JoinHandle<()> {
        this.early.expect();
        let callbacks = Self::callbacks(this, stream, frames);
        this.register(stream);
        this.settled();
        callbacks
    }

    /// Asks for a stream whose first frame comes while the request is being made; registers it.
    fn open_with_a_frame_at_once(&self, stream: u64) {
        self.early.expect();
        self.receive(stream, 1, None);
        self.register(stream);
        self.settled();
    }

    /// Every frame of these streams arrived, in order; no early event is left.
    fn all_arrived(&self, streams: &[(u64, u8)]) {
        assert_eq!(*self.foreign.lock().unwrap(), []);
        let arrived = self.arrived.lock().unwrap();
        for &(stream, frames) in streams {
            let of_stream: Vec<_> = arrived.iter().filter(|(other, _)| *other == stream).collect();
            assert!(of_stream.iter().map(|(_, number)| *number).eq(1..=frames), "of stream {stream}: {of_stream:?}");
        }
        assert!(self.early.is_idle(), "something is left among the early events");
        assert_eq!(self.early.dropped(), 0);
    }
}

#[test]
fn frames_that_come_before_their_stream_is_registered_arrive_first_and_in_order() {
    explore(3, || {
        let router = Router::new(8);
        Router::open(&router, 1, 3).join().unwrap();
        router.all_arrived(&[(1, 3)]);
    });
}

#[test]
fn a_stream_that_is_being_opened_while_early_events_are_routed_loses_nothing() {
    explore(3, || {
        let router = Router::new(8);
        let callbacks = Router::open(&router, 1, 1);
        router.open_with_a_frame_at_once(2);
        callbacks.join().unwrap();
        router.all_arrived(&[(1, 1), (2, 1)]);
    });
}

#[test]
fn two_threads_that_open_streams_lose_nothing() {
    explore(3, || {
        let router = Router::new(8);
        let other = thread::spawn({
            let router = router.clone();
            move || router.open_with_a_frame_at_once(2)
        });
        let callbacks = Router::open(&router, 1, 1);
        other.join().unwrap();
        callbacks.join().unwrap();
        router.all_arrived(&[(1, 1), (2, 1)]);
    });
}

#[test]
fn the_frames_of_two_streams_opened_together_all_arrive() {
    explore(2, || {
        let router = Router::new(8);
        router.early.expect();
        let callbacks = [1, 2].map(|stream| Router::callbacks(&router, stream, 2));
        router.register(1);
        router.register(2);
        router.settled();
        callbacks.into_iter().for_each(|callbacks| callbacks.join().unwrap());
        router.all_arrived(&[(1, 2), (2, 2)]);
    });
}

#[test]
fn where_the_request_fails_what_waited_is_foreign_and_in_order() {
    explore(3, || {
        let router = Router::new(8);
        router.early.expect();
        let callbacks = Router::callbacks(&router, 1, 3);
        router.settled();
        callbacks.join().unwrap();
        assert_eq!(*router.foreign.lock().unwrap(), [(1, 1), (1, 2), (1, 3)]);
        assert!(router.early.is_idle());
    });
}

#[test]
fn early_events_without_room_drop_the_oldest_frames_release_and_count_them() {
    explore(3, || {
        let router = Router::new(1);
        let handles = Handles::default();
        router.early.expect();
        let callbacks = thread::spawn({
            let (router, owner) = (router.clone(), handles.owner());
            move || {
                router.receive(1, 1, Some(&owner));
                router.receive(1, 2, Some(&owner));
                // The end of stream 1 owns nothing, and is never dropped.
                router.receive(1, 3, None);
                router.receive(2, 1, Some(&owner));
            }
        });
        router.register(1);
        router.register(2);
        router.settled();
        callbacks.join().unwrap();

        let arrived = router.arrived.lock().unwrap();
        let first: Vec<_> = arrived.iter().filter(|(stream, _)| *stream == 1).collect();
        assert!(first.is_sorted() && first.last() == Some(&&(1, 3)), "{arrived:?}");
        for (stream, number) in [(1, 1), (1, 2), (2, 1)] {
            let expected = usize::from(!arrived.contains(&(stream, number)));
            assert_eq!(handles.count(frame_handle(stream, number)), expected, "releases of frame {number} of {stream}");
        }
        assert_eq!(router.early.dropped(), 4 - arrived.len() as u64);
        assert!(router.early.is_idle());
    });
}

// ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The sample at index n is n.
static SAMPLES: [i16; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// A callback as `Engine` has it, but for the broadcast.
struct Callback {
    streams: Streams<AudioSink>,
    /// What the broadcast gets: the end of each stream, and what belongs to no stream of ours.
    broadcast: StdMutex<Vec<(u64, u8)>>,
    handles: Handles,
    owner: Arc<dyn Owner>,
}

/// The frame with this number, or the end: 0.
fn audio(stream: u64, number: u8) -> AudioEvent {
    if number == 0 {
        return AudioEvent::Eos;
    }
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
            panic!("no thread waits");
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
            streams: Streams::new(handles.abi(), 4096),
            broadcast: StdMutex::default(),
            owner: handles.owner(),
            handles,
        })
    }

    /// The frame with this number, or the end: 0.
    fn receive(&self, stream: u64, number: u8) {
        let held = || event(stream, number, (number > 0).then_some(&self.owner));
        if !self.streams.receive(stream, audio(stream, number), held, |event| self.receive_held(event)) {
            self.broadcast.lock().unwrap().push((stream, number));
        }
    }

    fn receive_held(&self, event: Event) {
        let (stream, number) = (event.subject(), event.payload()[0]);
        if !self.streams.receive_early(stream, audio(stream, number)) {
            self.broadcast.lock().unwrap().push((stream, number));
        }
        event.deliver();
    }

    fn callbacks(this: &Arc<Self>, stream: u64, numbers: &'static [u8]) -> JoinHandle<()> {
        let this = this.clone();
        thread::spawn(move || numbers.iter().for_each(|number| this.receive(stream, *number)))
    }

    fn settled(&self) {
        self.streams.registered(|event| self.receive_held(event));
    }

    /// No frame was broadcast, the end of `stream` was if it came, and what these frames owned was dropped: each once.
    fn dropped_each(&self, stream: u64, frames: u8, ends: usize) {
        let broadcast = self.broadcast.lock().unwrap();
        assert!(broadcast.iter().all(|(_, number)| *number == 0), "{broadcast:?}");
        assert_eq!(broadcast.iter().filter(|event| event.0 == stream).count(), ends, "ends of {stream}");
        for number in 1..=frames {
            assert_eq!(self.handles.count(frame_handle(stream, number)), 1, "drops of frame {number}");
        }
    }
}

#[test]
fn a_stream_of_the_engine_gets_its_frames_from_the_first_one_on_and_its_end() {
    explore(3, || {
        let callback = Callback::new();
        let pcm = pcm_stream();
        callback.streams.expect();
        let callbacks = Callback::callbacks(&callback, 1, &[1, 2, 0]);
        callback.streams.open(1, pcm.clone());
        callback.settled();
        callbacks.join().unwrap();
        callback.dropped_each(1, 2, 1);
        assert_eq!(drain(&pcm), [1, 2]);
        assert!(pcm.has_ended());
    });
}

#[test]
fn a_stream_of_the_engine_that_is_closed_at_once_is_forgotten_after_its_end_and_no_frame_stays() {
    explore(3, || {
        let callback = Callback::new();
        callback.streams.expect();
        let callbacks = Callback::callbacks(&callback, 1, &[1, 2, 0]);
        callback.streams.open(1, pcm_stream());
        callback.settled();
        callback.streams.close(1);
        callbacks.join().unwrap();
        callback.dropped_each(1, 2, 1);
        assert_eq!(callback.handles.count(1), 1, "drops of the stream");

        callback.streams.close(2);
        callback.receive(1, 3);
        assert_eq!(
            *callback.broadcast.lock().unwrap(),
            [(1, 0), (1, 3)],
            "its end was seen, so it is not known any more"
        );
    });
}

#[test]
fn two_threads_that_open_streams_of_the_engine_lose_nothing() {
    explore(2, || {
        let callback = Callback::new();
        let streams = [pcm_stream(), pcm_stream()];
        // The other's first frame comes while the request is being made.
        let other = thread::spawn({
            let (callback, pcm) = (callback.clone(), streams[1].clone());
            move || {
                callback.streams.expect();
                callback.receive(2, 1);
                callback.streams.open(2, pcm);
                callback.settled();
            }
        });
        callback.streams.expect();
        let callbacks = Callback::callbacks(&callback, 1, &[1, 2]);
        callback.streams.open(1, streams[0].clone());
        callback.settled();
        other.join().unwrap();
        callbacks.join().unwrap();
        callback.dropped_each(1, 2, 0);
        callback.dropped_each(2, 1, 0);
        assert_eq!(drain(&streams[0]), [1, 2]);
        assert_eq!(drain(&streams[1]), [1]);
    });
}
