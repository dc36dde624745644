//! The C interface, called as another addon calls it: by the safe wrapper in narrowcast-abi, and where that forbids it, by the bare
//! functions.

use narrowcast_abi::{Error, Interface, MAX_PAYLOAD, MAX_SAMPLES, OWNED, Owner, RawOwner, Status, Table};
use narrowcast_audio::{Format, PcmStream};
use narrowcast_core::{Broadcast, Doorbell, Filter, KindSet, Overflow, Subscriber, Waiter, Wake};
use narrowcast_interface::{Locked, Queue, SharedStream, table};
use std::cell::RefCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

fn waiter() -> Waiter {
    Waiter::new(Arc::new(Doorbell::new(Box::new(NoWake))), 1)
}

fn interface() -> Interface {
    // SAFETY: this is the table.
    unsafe { Interface::from_raw(table()) }.expect("both are of this version")
}

/// A queue of the types `level` and `stats`, and between them a number without a type.
fn queue() -> Arc<Queue> {
    Queue::publish(["level", "", "stats"].map(str::to_owned).into(), Arc::new(Broadcast::new(3)))
}

fn listen(queue: &Queue, kind: u8, subjects: Option<Vec<u64>>) -> Arc<Subscriber> {
    let filter = Filter { kinds: KindSet::EMPTY.with(kind), subjects };
    queue.broadcast().subscribe(filter, Overflow::Grow, waiter())
}

fn status<T>(result: Result<T, Error>) -> Status {
    result.map_or_else(|error| error.status, |_| Status::OK)
}

/// What an owner was asked to release, and how often it was dropped.
#[derive(Default)]
struct Seen {
    released: Mutex<Vec<(u32, Vec<u8>)>>,
    dropped: AtomicUsize,
}

struct Releases(Arc<Seen>);

impl Owner for Releases {
    fn release(&self, kind: u32, payload: &[u8]) {
        self.0.released.lock().unwrap().push((kind, payload.into()));
    }
}

impl Drop for Releases {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Seen {
    fn count(&self) -> usize {
        self.released.lock().unwrap().len()
    }
    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[test]
fn an_event_goes_to_the_subscriptions_of_its_type_and_handle() {
    let queue = queue();
    let (mine, all) = (listen(&queue, 2, Some(vec![7])), listen(&queue, 2, None));
    let open = interface().open_queue(queue.id()).unwrap();
    let stats = open.kind("stats").unwrap();
    assert_eq!((stats, open.kind("level").unwrap()), (2, 0));
    assert_eq!(open.put(stats, 7, &[1, 2, 3]), Ok(2));
    assert_eq!(open.put(stats, 8, &[]), Ok(1));
    assert_eq!(open.put(0, 7, &[1]), Ok(0));
    assert_eq!((mine.len(), all.len()), (1, 2));
    let event = mine.take().unwrap();
    assert_eq!((event.kind(), event.subject(), event.payload()), (2, 7, &[1, 2, 3][..]));
}

#[test]
fn a_table_of_another_major_or_a_lower_minor_version_is_refused_with_both_versions() {
    let Table { version, message, queue_open, queue_type, queue_put, queue_close, .. } = *table();
    let Table { stream_open, stream_write, stream_end, stream_close, .. } = *table();
    let other = |major, minor| -> &'static Table {
        Box::leak(Box::new(Table {
            major,
            minor,
            version,
            message,
            queue_open,
            queue_type,
            queue_put,
            queue_close,
            stream_open,
            stream_write,
            stream_end,
            stream_close,
        }))
    };
    // SAFETY: they are tables.
    let of = |major, minor| unsafe { Interface::from_raw(other(major, minor)) };
    assert!(of(1, 0).is_ok() && of(1, 9).is_ok());
    let refused = of(2, 5).err().expect("another major version");
    assert_eq!(refused.found, (2, 5));
    let text = refused.to_string();
    assert!(text.contains("version 1.0 ") && text.contains("version 2.5:") && text.contains(env!("CARGO_PKG_VERSION")));
    assert!(of(0, 9).is_err());
    // SAFETY: null is allowed.
    assert!(unsafe { Interface::from_raw(ptr::null()) }.is_err());
}

#[test]
fn what_cannot_be_an_argument_is_refused_and_nothing_is_sent() {
    let queue = queue();
    let all = listen(&queue, 0, None);
    let table = table();
    let (mut handle, mut kind, mut receivers) = (0, 99, 99);
    let byte = [7_u8];
    let bytes = byte.as_ptr().cast();
    // SAFETY: every pointer is valid or null, and no length is longer than what its pointer has, unless it is refused unread.
    unsafe {
        let no_release = RawOwner { context: ptr::null_mut(), release: None, dropped: None };
        assert_eq!((table.queue_open)(queue.id(), &no_release, &mut handle), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_open)(queue.id(), ptr::null(), ptr::null_mut()), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_open)(u64::MAX, ptr::null(), &mut handle), Status::NOT_FOUND);
        assert_eq!((table.queue_open)(0, ptr::null(), &mut handle), Status::NOT_FOUND);
        assert_eq!(handle, 0);
        assert_eq!((table.queue_open)(queue.id(), ptr::null(), &mut handle), Status::OK);

        assert_eq!((table.queue_type)(handle, ptr::null(), 5, &mut kind), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_type)(handle, ptr::null(), 0, &mut kind), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_type)(handle, c"level".as_ptr(), 5, ptr::null_mut()), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_type)(handle, c"levels".as_ptr(), 6, &mut kind), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_type)(handle, c"level".as_ptr(), usize::MAX, &mut kind), Status::INVALID_ARGUMENT);
        assert_eq!((table.queue_type)(handle, [0xff_u8, 0xfe].as_ptr().cast(), 2, &mut kind), Status::INVALID_ARGUMENT);
        assert_eq!(kind, 99);

        let mut put =
            |kind, payload, length, flags| (table.queue_put)(handle, kind, 1, payload, length, flags, &mut receivers);
        assert_eq!(put(0, ptr::null(), 1, 0), Status::INVALID_ARGUMENT);
        for length in [MAX_PAYLOAD + 1, isize::MAX as usize, usize::MAX] {
            assert_eq!(put(0, bytes, length, 0), Status::INVALID_ARGUMENT);
        }
        // A number without a type, one past the end, and one that would be type 0 if it were cut to a byte.
        for kind in [1, 3, 256, u32::MAX] {
            assert_eq!(put(kind, bytes, 1, 0), Status::INVALID_ARGUMENT);
        }
        // No owner was given, and there are no such flags.
        for flags in [OWNED, 2, 3, u32::MAX] {
            assert_eq!(put(0, bytes, 1, flags), Status::INVALID_ARGUMENT);
        }
        assert_eq!((receivers, all.len()), (99, 0));
        // No memory is needed for nothing, and none for a count that is not wanted.
        assert_eq!((table.queue_put)(handle, 0, 1, ptr::null(), 0, 0, ptr::null_mut()), Status::OK);
        assert_eq!(all.len(), 1);
    }
    assert_eq!((table.queue_close)(handle), Status::OK);
}

#[test]
fn a_handle_that_was_closed_is_not_found_and_never_another_queues() {
    let queue = queue();
    let open = interface().open_queue(queue.id()).unwrap();
    let all = listen(&queue, 0, None);
    let mut handle = 0;
    // SAFETY: the pointers are valid, or null where that is allowed.
    unsafe {
        assert_eq!((table().queue_open)(queue.id(), ptr::null(), &mut handle), Status::OK);
        assert_eq!((table().queue_close)(handle), Status::OK);
        let other = interface().open_queue(queue.id()).unwrap();
        assert_eq!(
            (table().queue_put)(handle, 0, 1, ptr::null(), 0, 0, ptr::null_mut()),
            Status::NOT_FOUND,
            "a put after close"
        );
        assert_eq!((table().queue_type)(handle, c"level".as_ptr(), 5, &mut 0), Status::NOT_FOUND);
        assert_eq!((table().queue_close)(handle), Status::NOT_FOUND);
        // A stream's handle is none of a queue's.
        assert_eq!((table().stream_write)(handle, ptr::null(), 0), Status::NOT_FOUND);
        drop(other);
    }
    assert_eq!(open.put(0, 1, &[]), Ok(1));
    assert_eq!(all.len(), 1);
}

#[test]
fn a_queue_that_is_closed_refuses_events_and_leaves_what_they_own_to_the_caller() {
    let (queue, seen) = (queue(), Arc::new(Seen::default()));
    let open = interface().open_queue_with_owner(queue.id(), Releases(seen.clone())).unwrap();
    queue.broadcast().close();
    assert_eq!(status(open.put_owned(0, 1, b"mine")), Status::CLOSED);
    assert_eq!((seen.count(), seen.dropped()), (0, 0));
    assert_eq!(status(interface().open_queue(queue.id())), Status::CLOSED);
    let refused = Arc::new(Seen::default());
    assert_eq!(status(interface().open_queue_with_owner(queue.id(), Releases(refused.clone()))), Status::CLOSED);
    assert_eq!((refused.dropped(), refused.count()), (1, 0), "an owner that was not taken is the caller's to drop");
    drop(open);
    assert_eq!(seen.dropped(), 1);
}

#[test]
fn a_queue_without_a_javascript_object_lives_as_long_as_an_addon_has_it() {
    let queue = queue();
    let id = queue.id();
    let open = interface().open_queue(id).unwrap();
    drop(queue);
    assert_eq!(open.put(0, 1, &[]), Ok(0));
    drop(open);
    assert_eq!(status(interface().open_queue(id)), Status::NOT_FOUND);
}

#[test]
fn what_a_payload_owns_is_released_once_unless_a_reader_takes_it_and_then_the_owner_is_dropped() {
    let (queue, seen) = (queue(), Arc::new(Seen::default()));
    let open = interface().open_queue_with_owner(queue.id(), Releases(seen.clone())).unwrap();
    assert_eq!(open.put_owned(0, 1, b"unwanted"), Ok(0));
    assert_eq!(*seen.released.lock().unwrap(), [(0, b"unwanted".to_vec())]);

    let (one, two) = (listen(&queue, 0, None), listen(&queue, 0, None));
    assert_eq!(open.put_owned(0, 1, b"seen by both"), Ok(2));
    assert_eq!(open.put_owned(0, 1, b"taken by one"), Ok(2));
    assert_eq!(open.put(0, 1, b"owns nothing"), Ok(2));
    let see = |subscriber: &Subscriber| subscriber.discarded(subscriber.pop().unwrap());
    see(&one);
    assert_eq!(seen.count(), 1, "another subscription still has it");
    see(&two);
    assert_eq!(seen.count(), 2);
    drop(one.take());
    see(&two);
    see(&one);
    see(&two);
    assert_eq!(seen.count(), 2, "taken, and nothing owned");

    assert_eq!(open.put_owned(0, 1, b"unread"), Ok(2));
    drop(open);
    assert_eq!(seen.dropped(), 0, "an event is left that needs it");
    queue.broadcast().unsubscribe(&one);
    queue.broadcast().unsubscribe(&two);
    drop((one, two));
    assert_eq!((seen.count(), seen.dropped()), (3, 1));
    assert_eq!(seen.released.lock().unwrap().last(), Some(&(0, b"unread".to_vec())));
}

#[test]
fn an_owner_may_use_the_interface_and_close_its_own_queue_while_it_releases() {
    struct Closes {
        handle: Arc<Mutex<Option<narrowcast_abi::Queue>>>,
        seen: Arc<Seen>,
    }
    impl Owner for Closes {
        fn release(&self, kind: u32, payload: &[u8]) {
            self.seen.released.lock().unwrap().push((kind, payload.into()));
            let open = self.handle.lock().unwrap().take();
            if let Some(open) = open {
                open.put(0, 0, b"from a release").unwrap();
                drop(open);
            }
        }
    }
    impl Drop for Closes {
        fn drop(&mut self) {
            self.seen.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (queue, seen) = (queue(), Arc::new(Seen::default()));
    let slot = Arc::new(Mutex::new(None));
    let owner = Closes { handle: slot.clone(), seen: seen.clone() };
    let open = interface().open_queue_with_owner(queue.id(), owner).unwrap();
    *slot.lock().unwrap() = Some(interface().open_queue(queue.id()).unwrap());
    assert_eq!(open.put_owned(2, 1, b"unwanted"), Ok(0));
    assert_eq!(seen.count(), 1);
    drop(open);
    assert_eq!(seen.dropped(), 1);
}

#[test]
fn an_owner_that_panics_ends_nothing_but_its_own_call() {
    struct Panics;
    impl Owner for Panics {
        fn release(&self, _: u32, _: &[u8]) {
            panic!("on purpose");
        }
    }
    let queue = queue();
    let open = interface().open_queue_with_owner(queue.id(), Panics).unwrap();
    assert_eq!(open.put_owned(0, 1, &[]), Ok(0));
    assert_eq!(open.put(0, 1, &[]), Ok(0));
}

#[test]
fn threads_may_put_while_others_close_the_handle_and_the_queue() {
    const THREADS: usize = 4;
    let puts = if cfg!(miri) { 30 } else { 20_000 };
    for close_queue in [false, true] {
        let (queue, seen) = (queue(), Arc::new(Seen::default()));
        let subscriber = listen(&queue, 0, Some(vec![1]));
        let mut handle = 0;
        let raw = RawOwner {
            context: Arc::into_raw(seen.clone()).cast_mut().cast(),
            release: Some(count_release),
            dropped: Some(drop_seen),
        };
        // SAFETY: the owner's functions take its context, and the pointers are valid.
        assert_eq!(unsafe { (table().queue_open)(queue.id(), &raw, &mut handle) }, Status::OK);
        let (sent, started) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    started.fetch_add(1, Ordering::Relaxed);
                    for number in 0..puts {
                        // SAFETY: no pointer is used for nothing.
                        let status = unsafe {
                            (table().queue_put)(handle, 0, number % 2, ptr::null(), 0, OWNED, ptr::null_mut())
                        };
                        match status {
                            Status::OK => sent.fetch_add(1, Ordering::Relaxed),
                            other => {
                                assert_eq!(other, if close_queue { Status::CLOSED } else { Status::NOT_FOUND });
                                return;
                            }
                        };
                    }
                });
            }
            while started.load(Ordering::Relaxed) < THREADS || (seen.count() == 0 && sent.load(Ordering::Relaxed) == 0)
            {
                thread::yield_now();
            }
            if close_queue {
                queue.broadcast().close();
            } else {
                assert_eq!((table().queue_close)(handle), Status::OK);
            }
        });
        if close_queue {
            assert_eq!((table().queue_close)(handle), Status::OK);
        }
        queue.broadcast().unsubscribe(&subscriber);
        drop(subscriber);
        assert_eq!((seen.count(), seen.dropped()), (sent.load(Ordering::Relaxed), 1));
    }
}

unsafe extern "C" fn count_release(
    context: *mut std::ffi::c_void,
    kind: u32,
    payload: *const std::ffi::c_void,
    length: usize,
) {
    assert!(length == 0 && (payload.is_null() || payload.cast::<u8>().is_aligned()));
    // SAFETY: the context is what `Arc::into_raw` gave, until `drop_seen`.
    let seen = unsafe { &*context.cast::<Seen>() };
    seen.released.lock().unwrap().push((kind, Vec::new()));
}

unsafe extern "C" fn drop_seen(context: *mut std::ffi::c_void) {
    // SAFETY: the context is what `Arc::into_raw` gave; this is the last call.
    let seen = unsafe { Arc::from_raw(context.cast::<Seen>()) };
    seen.dropped.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_thread_may_put_while_it_ends() {
    struct PutsAtTheEnd(u64);
    impl Drop for PutsAtTheEnd {
        fn drop(&mut self) {
            // SAFETY: no pointer is used for nothing.
            let status = unsafe { (table().queue_put)(self.0, 0, 1, ptr::null(), 0, 0, ptr::null_mut()) };
            LAST.store(status.0 as u32, Ordering::Relaxed);
        }
    }
    static LAST: AtomicU32 = AtomicU32::new(99);
    thread_local! {
        // Made before anything else of this thread is, so it is dropped when that is gone already.
        static AT_THE_END: RefCell<Option<PutsAtTheEnd>> = const { RefCell::new(None) };
    }
    let queue = queue();
    let subscriber = listen(&queue, 0, None);
    let mut handle = 0;
    // SAFETY: the pointer is valid.
    assert_eq!(unsafe { (table().queue_open)(queue.id(), ptr::null(), &mut handle) }, Status::OK);
    thread::spawn(move || {
        AT_THE_END.with(|slot| *slot.borrow_mut() = Some(PutsAtTheEnd(handle)));
        // SAFETY: as above.
        assert_eq!(unsafe { (table().queue_put)(handle, 0, 1, ptr::null(), 0, 0, ptr::null_mut()) }, Status::OK);
    })
    .join()
    .unwrap();
    assert_eq!((LAST.load(Ordering::Relaxed), subscriber.len()), (0, 2));
    assert_eq!((table().queue_close)(handle), Status::OK);
}

const FORMAT: Format = Format { sample_rate: 16_000, channels: 2, frame_samples: 4 };

fn stream() -> (Arc<PcmStream>, Arc<SharedStream>) {
    let pcm = Arc::new(PcmStream::new(FORMAT, 4000, waiter()));
    (pcm.clone(), SharedStream::publish(pcm))
}

#[test]
fn a_stream_gets_what_its_producer_writes_and_then_the_end() {
    let (pcm, shared) = stream();
    let producer = interface().open_stream(shared.id(), 16_000, 2).unwrap();
    producer.write(&[1, 2, 3, 4, 5, 6]).unwrap();
    producer.write(&[]).unwrap();
    let mut frame = [0; 4];
    assert_eq!((pcm.read_frames(&mut frame).samples, frame), (4, [1, 2, 3, 4]));
    assert!(!pcm.has_ended());
    producer.end().unwrap();
    assert_eq!(pcm.read_frames(&mut frame).samples, 2);
    assert!(pcm.has_ended());
    assert_eq!((status(producer.write(&[1, 2])), status(producer.end())), (Status::CLOSED, Status::CLOSED));
    drop(producer);
    assert_eq!(status(interface().open_stream(shared.id(), 16_000, 2)), Status::CLOSED);
}

#[test]
fn a_stream_has_one_producer_until_that_closes_its_handle() {
    let (pcm, shared) = stream();
    assert_eq!(shared.write(|| pcm.write(&[1, 2])), Ok(()));
    let producer = interface().open_stream(shared.id(), 16_000, 2).unwrap();
    assert_eq!(status(interface().open_stream(shared.id(), 16_000, 2)), Status::LOCKED);
    assert_eq!(shared.write(|| pcm.write(&[3, 4])), Err(Locked));
    drop(producer);
    assert_eq!(shared.write(|| pcm.write(&[5, 6])), Ok(()));
    let mut frame = [0; 4];
    assert_eq!((pcm.read(&mut frame).samples, frame), (4, [1, 2, 5, 6]));
    assert!(interface().open_stream(shared.id(), 16_000, 2).is_ok());
}

#[test]
#[cfg(not(miri))] // which calls no C
fn a_stream_converts_what_is_written_at_another_rate_and_with_other_channels() {
    let (pcm, shared) = stream();
    let producer = interface().open_stream(shared.id(), 8000, 1).unwrap();
    let mut read = 0;
    let mut samples = [0; 40];
    for _ in 0..100 {
        producer.write(&[1000; 4]).unwrap();
        read += pcm.read(&mut samples).samples;
    }
    producer.end().unwrap();
    while pcm.buffered() > 0 {
        read += pcm.read(&mut samples).samples;
    }
    // Each one becomes two, in two channels.
    assert_eq!((read, pcm.stats().frames_dropped), (1600, 0));
}

#[test]
#[cfg(not(miri))]
fn a_closed_stream_can_be_opened_again_while_a_thread_writes_to_another_one() {
    let (_pcm, shared) = stream();
    let (busy_pcm, busy) = stream();
    let (begun, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Until a write is under way that began after this.
    let wait = || {
        let before = begun.load(Ordering::SeqCst);
        while begun.load(Ordering::SeqCst) == before {
            thread::yield_now();
        }
        let frames = busy_pcm.stats().frames_in;
        while busy_pcm.stats().frames_in == frames {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let producer = interface().open_stream(busy.id(), 8000, 1).unwrap();
            while !stop.load(Ordering::Relaxed) {
                begun.fetch_add(1, Ordering::SeqCst);
                producer.write(&vec![0; 1 << 18]).unwrap();
            }
        });
        let opened: Vec<_> = (0..20)
            .map(|_| {
                let producer = interface().open_stream(shared.id(), 16_000, 2);
                wait();
                status(producer)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(opened, [Status::OK; 20]);
    });
}

#[test]
#[cfg(not(miri))]
fn closing_a_stream_waits_for_a_write_under_way_and_nothing_of_it_is_lost() {
    const SAMPLES: usize = 1 << 20;
    let (pcm, shared) = stream();
    let mut handle = 0;
    let samples = vec![1000; SAMPLES];
    // SAFETY: the pointers are valid, and the samples as many as it says.
    unsafe { assert_eq!((table().stream_open)(shared.id(), 8000, 1, &mut handle), Status::OK) };
    thread::scope(|scope| {
        // SAFETY: as above.
        let written = scope.spawn(|| unsafe { (table().stream_write)(handle, samples.as_ptr(), SAMPLES) });
        while pcm.stats().frames_in == 0 {
            thread::yield_now();
        }
        assert_eq!((table().stream_close)(handle), Status::OK);
        assert_eq!(shared.write(|| ()), Ok(()), "it is given back");
        assert_eq!(written.join().unwrap(), Status::OK);
    });
    // Each sample becomes two, in two channels, and four are a frame.
    assert_eq!(pcm.stats().frames_in as usize, SAMPLES);
    assert_eq!((table().stream_close)(handle), Status::NOT_FOUND);
}

#[test]
#[cfg(not(miri))]
fn what_javascript_discards_is_also_given_up_where_it_waits_in_the_producers_resampler() {
    let (pcm, shared) = stream();
    let mut samples = [0; 4000];
    for write_after in [true, false] {
        let producer = interface().open_stream(shared.id(), 8000, 1).unwrap();
        producer.write(&[10_000; 400]).unwrap();
        shared.discard();
        assert!(pcm.clear() > 0);
        if write_after {
            producer.write(&[0; 400]).unwrap();
        }
        drop(producer);
        let read = pcm.read(&mut samples).samples;
        assert_eq!(read, if write_after { 1600 } else { 0 });
        assert_eq!(samples[..read].iter().find(|sample| **sample != 0), None);
    }
}

#[test]
fn a_stream_refuses_what_cannot_be_samples() {
    let (pcm, shared) = stream();
    for (rate, channels) in [(16_000, 3), (16_000, 0), (0, 2), (1, 2), (u32::MAX, 2)] {
        assert_eq!(status(interface().open_stream(shared.id(), rate, channels)), Status::INVALID_ARGUMENT);
    }
    assert_eq!(status(interface().open_stream(shared.id() + 1000, 16_000, 2)), Status::NOT_FOUND);
    let mut handle = 0;
    let samples = [1_i16; 4];
    // SAFETY: every pointer is valid or null, and no length is longer than what its pointer has, unless it is refused unread.
    unsafe {
        let table = table();
        assert_eq!((table.stream_open)(shared.id(), 16_000, 2, ptr::null_mut()), Status::INVALID_ARGUMENT);
        assert_eq!((table.stream_open)(shared.id(), 16_000, 2, &mut handle), Status::OK);
        let write = |samples, count| (table.stream_write)(handle, samples, count);
        assert_eq!(write(ptr::null(), 2), Status::INVALID_ARGUMENT);
        assert_eq!(write(samples.as_ptr(), 3), Status::INVALID_ARGUMENT);
        assert_eq!(write(samples.as_ptr().byte_add(1), 2), Status::INVALID_ARGUMENT);
        for count in [MAX_SAMPLES + 2, isize::MAX as usize - 1, usize::MAX - 1] {
            assert_eq!(write(samples.as_ptr(), count), Status::INVALID_ARGUMENT);
        }
        assert_eq!(pcm.buffered(), 0);
        assert_eq!(write(ptr::null(), 0), Status::OK);
        assert_eq!((table.stream_close)(handle), Status::OK);
        assert_eq!(write(samples.as_ptr(), 2), Status::NOT_FOUND);
        assert_eq!(((table.stream_end)(handle), (table.stream_close)(handle)), (Status::NOT_FOUND, Status::NOT_FOUND));
    }
}

#[test]
fn a_stream_whose_javascript_thread_has_ended_is_closed_for_its_producer() {
    let (pcm, shared) = stream();
    let id = shared.id();
    let producer = interface().open_stream(id, 16_000, 2).unwrap();
    pcm.end_from_outside();
    drop((pcm, shared));
    assert_eq!(status(producer.write(&[1, 2])), Status::CLOSED);
    drop(producer);
    assert_eq!(status(interface().open_stream(id, 16_000, 2)), Status::NOT_FOUND);
}

#[test]
fn threads_that_write_at_the_same_time_are_refused_and_no_write_is_cut() {
    let (pcm, shared) = stream();
    let producer = interface().open_stream(shared.id(), 16_000, 2).unwrap();
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let written = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 1..=3 {
            let (producer, written) = (&producer, &written);
            scope.spawn(move || {
                for _ in 0..rounds {
                    match status(producer.write(&[number; 4])) {
                        Status::OK => _ = written.fetch_add(1, Ordering::Relaxed),
                        other => assert_eq!(other, Status::LOCKED),
                    }
                }
            });
        }
        let mut frame = [0; 4];
        for _ in 0..rounds {
            if pcm.read_frames(&mut frame).samples == 4 {
                assert!(frame.iter().all(|sample| *sample == frame[0]), "{frame:?}");
            }
        }
    });
    assert_eq!(pcm.stats().frames_in as usize, written.load(Ordering::Relaxed));
}

#[test]
fn a_producer_that_comes_while_javascript_writes_is_refused_and_does_not_wait() {
    let (pcm, shared) = stream();
    let producer = shared.write(|| {
        let producer = interface().open_stream(shared.id(), 16_000, 2).unwrap();
        assert_eq!((status(producer.write(&[1, 2])), status(producer.end())), (Status::LOCKED, Status::LOCKED));
        producer
    });
    producer.unwrap().write(&[3, 4]).unwrap();
    let mut samples = [0; 4];
    assert_eq!((pcm.read(&mut samples).samples, samples), (2, [3, 4, 0, 0]));
}

#[test]
fn each_status_has_a_sentence() {
    for status in -1..=6 {
        // SAFETY: a message is a static string that ends with a zero.
        let text = unsafe { std::ffi::CStr::from_ptr((table().message)(Status(status))) };
        assert!(text.to_str().unwrap().len() > 3);
    }
}
