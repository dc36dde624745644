//! `CapturePump`: what it asks of the engine, when, and what it makes of the answers.

#[allow(dead_code)]
#[path = "support/fake_engine.rs"]
mod fake_engine;
#[path = "support/livekit_spec.rs"]
mod livekit_spec;
#[allow(dead_code)]
#[path = "support/message.rs"]
mod message;
#[allow(dead_code)]
#[path = "support/reference.rs"]
mod reference;

use fake_engine::{CAPTURE_AUDIO_FRAME, Fake, capture_spec};
use message::Message;
use narrowcast_audio::{Format, PcmTrack, TrackWriter};
use narrowcast_core::{Doorbell, Waiter, Wake};
use narrowcast_livekit::{CapturePump, CaptureStats, Engine, Events, Lead, Pcm, Source, wire};
use reference::Value;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A pump that has started.
fn pump_of(engine: &'static Engine, sources: Vec<Source>) -> CapturePump {
    CapturePump::start(engine, sources).expect("the system has threads")
}

const CHUNK: Duration = Duration::from_millis(10);
const FIRST_ID: u64 = 1 << 62;

/// A capture request, as the engine reads it.
#[derive(Clone, Debug)]
struct Request {
    at: Instant,
    source: u64,
    async_id: u64,
    sample_rate: u64,
    channels: u64,
    pcm: Vec<i16>,
}

fn field(message: &[u8], wanted: u32) -> Value {
    let (fields, whole) = reference::fields(message);
    assert!(whole, "{message:?}");
    let mut found = fields.into_iter().filter(|(field, _)| *field == wanted);
    let (_, value) = found.next().unwrap_or_else(|| panic!("no field {wanted} in {message:?}"));
    assert_eq!(found.next(), None, "field {wanted} twice");
    value
}

fn bytes(message: &[u8], wanted: u32) -> Vec<u8> {
    let Value::Bytes(bytes) = field(message, wanted) else { panic!("field {wanted} of {message:?}") };
    bytes
}

fn number(message: &[u8], wanted: u32) -> u64 {
    let Value::Varint(number) = field(message, wanted) else { panic!("field {wanted} of {message:?}") };
    number
}

/// The source whose queue a request empties, if it is such a request.
fn cleared(message: &[u8]) -> Option<u64> {
    let spec = capture_spec();
    let (fields, _) = reference::fields(message);
    fields.iter().any(|(field, _)| *field == spec.clear).then(|| number(&bytes(message, spec.clear), spec.clear_source))
}

impl Request {
    fn clear(source: u64) -> Self {
        Self { at: Instant::now(), source, async_id: 0, sample_rate: 0, channels: 0, pcm: vec![] }
    }

    fn is_clear(&self) -> bool {
        self.pcm.is_empty()
    }

    fn read(message: &[u8]) -> Self {
        let at = Instant::now();
        let spec = capture_spec();
        let capture = bytes(message, spec.request);
        let buffer = bytes(&capture, spec.buffer);
        let channels = number(&buffer, spec.num_channels);
        let samples = number(&buffer, spec.samples_per_channel) * channels;
        let pcm = number(&buffer, spec.data_ptr) as *const i16;
        // SAFETY: the pump says that so many samples are there while the request is being made.
        let pcm = unsafe { std::slice::from_raw_parts(pcm, samples as usize) }.to_vec();
        Self {
            at,
            source: number(&capture, spec.source_handle),
            async_id: number(&capture, spec.request_async_id),
            sample_rate: number(&buffer, spec.sample_rate),
            channels,
            pcm,
        }
    }
}

/// An engine whose requests come out of the receiver, after `answer` has said whether they are taken.
fn engine(answer: impl Fn(&Request, &Fake) -> bool + Send + Sync + 'static) -> (Fake, Receiver<Request>) {
    engine_heard(Events::Here, answer)
}

fn engine_heard(
    events: Events,
    answer: impl Fn(&Request, &Fake) -> bool + Send + Sync + 'static,
) -> (Fake, Receiver<Request>) {
    let fake = Fake::with(events);
    let (sender, receiver): (Sender<Request>, _) = channel();
    let own = Fake { engine: fake.engine, abi: fake.abi.clone() };
    fake.on_request(move |message| {
        if let Some(source) = cleared(message) {
            // Seen among the chunks, as one of no samples.
            let _ = sender.send(Request::clear(source));
            return true;
        }
        let request = Request::read(message);
        let taken = answer(&request, &own);
        // Without a receiver, the test has seen enough.
        let _ = sender.send(request);
        taken
    });
    (fake, receiver)
}

/// The engine took what was asked.
fn answer(fake: &Fake, request: &Request) {
    fake.engine.receive(&Message::new().message(CAPTURE_AUDIO_FRAME, Message::new().varint(1, request.async_id)).0);
}

/// The engine refused what was asked, which it says in its answer.
fn refuse(fake: &Fake, request: &Request) {
    let answer = Message::new().varint(1, request.async_id).bytes(capture_spec().error, b"queue full");
    fake.engine.receive(&Message::new().message(CAPTURE_AUDIO_FRAME, answer).0);
}

fn take(requests: &Receiver<Request>, count: usize) -> Vec<Request> {
    let request = || requests.recv_timeout(Duration::from_secs(20)).expect("the pump has stopped too soon");
    (0..count).map(|_| request()).collect()
}

fn silence(handle: u64, chunks: u64) -> Source {
    looped(handle, 16_000, 1, vec![0; 160], chunks)
}

fn looped(handle: u64, sample_rate: u32, channels: u32, pcm: Vec<i16>, chunks: u64) -> Source {
    Source { handle, sample_rate, channels, pcm: Pcm::Looped { pcm: pcm.into(), chunks, answers_to: None } }
}

fn sent(count: u64) -> CaptureStats {
    CaptureStats { sent: count, ..CaptureStats::default() }
}

#[test]
fn each_source_plays_its_own_pcm_over_and_over_and_as_many_chunks_as_it_has() {
    let (fake, requests) = engine(|_, _| true);
    let ramp = |len: i16| (0..len).collect::<Vec<_>>();
    let sources = vec![
        // Two chunks and a half would not be whole; these are three of 80 samples.
        looped(7, 8_000, 1, ramp(240), 8),
        looped(8, 48_000, 2, ramp(960), 3),
        looped(9, 44_100, 1, ramp(882), 0),
    ];
    let mut pump = pump_of(fake.engine, sources);
    let all = take(&requests, 11);
    assert_eq!(pump.stats(), [sent(8), sent(3), sent(0)]);
    pump.stop();
    assert!(requests.try_recv().is_err(), "a chunk too many");

    let of = |source| all.iter().filter(move |request| request.source == source);
    for (chunk, request) in of(7).enumerate() {
        assert_eq!((request.sample_rate, request.channels), (8_000, 1));
        assert_eq!(request.pcm, ramp(240)[chunk % 3 * 80..][..80]);
    }
    for request in of(8) {
        assert_eq!((request.sample_rate, request.channels), (48_000, 2));
        assert_eq!(request.pcm, ramp(960));
    }
    assert_eq!((of(7).count(), of(8).count()), (8, 3));
    let beside: Vec<_> = all[..6].iter().map(|request| request.source).collect();
    assert_eq!(beside, [7, 8, 7, 8, 7, 8], "the sources play together");
}

#[test]
fn async_ids_are_in_the_native_range_and_no_two_are_alike() {
    let (fake, requests) = engine(|_, _| true);
    let _pumps = [1, 2].map(|pump| pump_of(fake.engine, vec![silence(pump * 10, 5), silence(pump * 10 + 1, 5)]));
    let all = take(&requests, 20);
    assert!(all.iter().all(|request| (FIRST_ID..FIRST_ID << 1).contains(&request.async_id)));
    assert_eq!(all.iter().map(|request| request.async_id).collect::<BTreeSet<_>>().len(), 20);
    for source in [10, 11, 20, 21] {
        let ids: Vec<_> =
            all.iter().filter(|request| request.source == source).map(|request| request.async_id).collect();
        assert!(ids.is_sorted_by(|a, b| a + 1 == *b), "of source {source}: {ids:x?}");
    }
}

#[test]
fn no_chunk_is_early() {
    let (fake, requests) = engine(|_, _| true);
    let start = Instant::now();
    let _pump = pump_of(fake.engine, vec![silence(1, 12)]);
    for (number, request) in (0..).zip(take(&requests, 12)) {
        assert!(request.at - start >= CHUNK * number, "chunk {number} after {:?}", request.at - start);
    }
}

#[test]
fn after_a_delay_what_is_due_is_played_at_once() {
    let (fake, requests) = engine(|request, fake| {
        if request.async_id == FIRST_ID {
            std::thread::sleep(CHUNK * 100);
        }
        answer(fake, request);
        true
    });
    let start = Instant::now();
    let _pump = pump_of(fake.engine, vec![silence(1, 105)]);
    let all = take(&requests, 105);
    // One that had started its time table anew could not be there a second later: a slow machine has that long.
    let caught_up = all[99].at - all[0].at;
    assert!(caught_up < CHUNK * 199, "99 chunks that were due took {caught_up:?}");
    assert!(all[104].at - start >= CHUNK * 104, "and none is early");
}

#[test]
fn of_a_source_one_request_at_a_time_is_under_way_however_many_are_due() {
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let (fake, requests) = engine(|request, fake| {
        MOST.fetch_max(UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let (request, fake) = (request.clone(), Fake { engine: fake.engine, abi: fake.abi.clone() });
        // The engine's own thread, slower than what is due: the answer to the first takes five chunks' time.
        std::thread::spawn(move || {
            std::thread::sleep(if request.async_id == FIRST_ID { CHUNK * 5 } else { CHUNK / 5 });
            UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
            answer(&fake, &request);
        });
        true
    });
    let _pump = pump_of(fake.engine, vec![silence(1, 20)]);
    take(&requests, 20);
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

/// How often the calling thread has waited for anything so far.
#[cfg(target_os = "linux")]
fn waits_of_this_thread() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    waits.expect("a thread's status says how often it waited").trim().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_is_late_wakes_the_pump_which_does_not_look_for_it() {
    static WAITS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    const CHUNKS: usize = 20;
    let (fake, requests) = engine(|request, fake| {
        WAITS.lock().unwrap().push(waits_of_this_thread());
        let (request, fake) = (request.clone(), Fake { engine: fake.engine, abi: fake.abi.clone() });
        std::thread::spawn(move || {
            std::thread::sleep(CHUNK * 3);
            answer(&fake, &request);
        });
        true
    });
    let mut pump = pump_of(fake.engine, vec![silence(1, CHUNKS as u64)]);
    take(&requests, CHUNKS);
    pump.stop();
    let waits = WAITS.lock().unwrap();
    let each = (waits[CHUNKS - 1] - waits[0]) / (CHUNKS as u64 - 1);
    // For the chunk's time, for its answer, and for what else a thread may wait for.
    assert!(each <= 6, "the pump's thread waited {each} times for each chunk: {waits:?}");
}

#[test]
fn an_engine_that_answers_nothing_is_waited_for_once_and_does_not_stop_the_clock() {
    let (fake, requests) = engine(|_, _| true);
    let start = Instant::now();
    let mut pump = pump_of(fake.engine, vec![silence(1, 100)]);
    let all = take(&requests, 100);
    // One that waited 100 ms for each would take ten seconds.
    assert!(all[99].at - start < CHUNK * 500, "100 chunks took {:?}", all[99].at - start);
    pump.stop();
    assert_eq!(pump.stats(), [sent(100)]);
}

#[test]
fn where_another_client_hears_the_answers_requests_for_a_source_are_apart_and_count_unless_refused() {
    // The first takes long: everything else is due at once.
    let (fake, requests) = engine_heard(Events::Elsewhere, |request, _| {
        std::thread::sleep(if request.async_id == FIRST_ID { CHUNK * 10 } else { Duration::ZERO });
        request.async_id != FIRST_ID + 3
    });
    let mut pump = pump_of(fake.engine, vec![silence(1, 20), silence(2, 20)]);
    let all = take(&requests, 40);
    pump.stop();
    for source in [1, 2] {
        let of_source = all.iter().filter(|request| request.source == source && request.async_id != FIRST_ID + 3);
        let at: Vec<_> = of_source.map(|request| request.at).collect();
        let closest = at.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
        assert!(closest >= CHUNK / 5, "{closest:?} apart");
    }
    let [first, second] = pump.stats()[..] else { panic!() };
    assert_eq!(first, CaptureStats { sent: 20, captured: 19, failed: 1 });
    assert_eq!(second, CaptureStats { sent: 20, captured: 20, failed: 0 });
    // Nothing was waited for: with the 100 ms that an answer may take, for each source, this would be over 200 ms.
    assert!(all[39].at - all[0].at < CHUNK * 100, "{:?}", all[39].at - all[0].at);
}

#[test]
fn one_answer_that_is_lost_delays_one_chunk() {
    let (fake, requests) = engine(|request, fake| {
        if request.async_id != FIRST_ID + 1 {
            answer(fake, request);
        }
        true
    });
    let start = Instant::now();
    let _pump = pump_of(fake.engine, vec![silence(1, 100)]);
    let all = take(&requests, 100);
    assert!(all[2].at - all[1].at >= CHUNK * 10, "the answer could still come");
    assert!(all[99].at - start < CHUNK * 500, "100 chunks took {:?}", all[99].at - start);
}

#[test]
fn a_pump_that_is_stopped_asks_for_nothing_more() {
    let (fake, requests) = engine(|_, _| true);
    let mut pump = pump_of(fake.engine, vec![silence(1, u64::MAX), silence(2, u64::MAX)]);
    let first = take(&requests, 6);
    assert_eq!(first.len(), 6);
    pump.stop();
    let counts = pump.stats();
    let rest = requests.try_iter().count() as u64;
    assert_eq!(counts[0].sent + counts[1].sent, 6 + rest);
    std::thread::sleep(CHUNK * 5);
    assert_eq!((pump.stats(), requests.try_iter().count()), (counts, 0), "asked after stop had returned");
    pump.stop();
}

#[test]
fn a_pump_that_is_dropped_asks_for_nothing_more() {
    let (fake, requests) = engine(|_, _| true);
    drop(pump_of(fake.engine, vec![silence(1, u64::MAX)]));
    requests.try_iter().count();
    std::thread::sleep(CHUNK * 3);
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn a_pump_is_stopped_in_the_middle_of_a_wait() {
    let (fake, requests) = engine(|_, _| true);
    let mut pump = pump_of(fake.engine, vec![silence(1, 1_000_000)]);
    take(&requests, 1);
    let asked_to_stop = Instant::now();
    pump.stop();
    // Nearly three hours are left to play.
    assert!(asked_to_stop.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_refused_request_counts_as_failed_and_the_next_one_is_made() {
    let (fake, requests) = engine(|request, _| !request.async_id.is_multiple_of(2));
    let mut pump = pump_of(fake.engine, vec![silence(1, 5)]);
    take(&requests, 5);
    pump.stop();
    assert_eq!(pump.stats(), [CaptureStats { sent: 5, captured: 0, failed: 3 }]);
}

#[test]
fn answers_may_come_before_the_request_has_returned() {
    let (fake, requests) = engine(|request, fake| {
        let answer = Message::new().varint(1, request.async_id);
        let refused = request.async_id == FIRST_ID + 1;
        let answer = if refused { answer.bytes(capture_spec().error, b"no") } else { answer };
        fake.engine.receive(&Message::new().message(CAPTURE_AUDIO_FRAME, answer).0);
        true
    });
    let mut pump = pump_of(fake.engine, vec![silence(1, 4), silence(2, 2)]);
    take(&requests, 6);
    pump.stop();
    let counts = [CaptureStats { sent: 4, captured: 3, failed: 1 }, CaptureStats { sent: 2, captured: 2, failed: 0 }];
    assert_eq!(pump.stats(), counts);
    assert_eq!(fake.engine.stats().answered, 6);
    fake.counts_add_up();
}

#[test]
fn nothing_to_play_is_played_at_once() {
    let (fake, requests) = engine(|_, _| true);
    assert_eq!(pump_of(fake.engine, vec![]).stats(), []);
    assert_eq!(pump_of(fake.engine, vec![silence(1, 0)]).stats(), [sent(0)]);
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn what_is_no_whole_chunk_is_refused_with_its_numbers_and_leaves_nothing_behind() {
    let (fake, requests) = engine(|_, _| true);
    let source = |sample_rate, channels, samples| (looped(1, sample_rate, channels, vec![0; samples], 1), samples);
    let impossible = [
        source(16_000, 1, 0),
        source(16_000, 1, 159),
        source(16_000, 2, 160),
        source(16_000, 0, 160),
        source(0, 1, 160),
        source(22_050, 1, 220),
        source(99, 1, 1),
    ];
    for (source, samples) in impossible {
        let rate = source.sample_rate;
        let start = || pump_of(fake.engine, vec![silence(2, 1), source]);
        let panic = catch_unwind(AssertUnwindSafe(start)).err().expect("a source that can't be played");
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains(&format!("{samples} samples are none at {rate} Hz")), "{text}");
    }
    assert_eq!(requests.try_iter().count(), 0);
    let _pump = pump_of(fake.engine, vec![silence(2, 1)]);
    assert_eq!(take(&requests, 1)[0].async_id, FIRST_ID, "sources that never played are still registered");
}

/// A mono track of 8 kHz, and what comes whenever its doorbell is rung.
fn track() -> (Arc<PcmTrack>, Receiver<()>) {
    track_of(8_000)
}

fn track_of(sample_rate: u32) -> (Arc<PcmTrack>, Receiver<()>) {
    struct Ring(Sender<()>);
    impl Wake for Ring {
        fn wake(&self) {
            let _ = self.0.send(());
        }
    }
    let (sender, rings) = channel();
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(Ring(sender)))), 0);
    let format = Format { sample_rate, channels: 1, frame_samples: 160 };
    (Arc::new(PcmTrack::new(format, 80_000, waiter)), rings)
}

fn of_track(handle: u64, track: &Arc<PcmTrack>) -> Source {
    Source {
        handle,
        sample_rate: 8_000,
        channels: 1,
        pcm: Pcm::Track { track: track.clone(), lead: Lead::NONE, silence: true },
    }
}

/// Says something that is no silence: samples from 1 to `count`.
fn say(track: &PcmTrack, count: i16) {
    track.write(&(1..=count).collect::<Vec<_>>());
    track.end_utterance();
}

#[test]
fn a_track_is_played_in_chunks_with_silence_around_what_it_says() {
    let (fake, requests) = engine(|request, fake| {
        answer(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    let playback = pump.add(of_track(7, &track)).unwrap();
    take(&requests, 2);
    say(&track, 1_000);
    assert!(track.wait_for(track.written()));
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when all was played");
    // What was played is taken, and may not have been sent yet.
    let mut all = take(&requests, 1);
    while all.last().is_none_or(|request| request.pcm[0] != 961) {
        all.extend(take(&requests, 1));
    }
    playback.stop();
    assert!(all.iter().all(|request| (request.source, request.sample_rate, request.channels) == (7, 8_000, 1)));
    assert!(all.iter().all(|request| request.pcm.len() == 80));
    all.retain(|request| request.pcm != [0; 80]);
    let mut said: Vec<i16> = (1..=1_000).collect();
    said.extend([0; 40]);
    assert_eq!(all.iter().flat_map(|request| request.pcm.clone()).collect::<Vec<_>>(), said);
    assert_eq!(playback.stats().failed, 0);
}

#[test]
fn sources_come_and_go_while_a_pump_plays_in_step_with_one_another() {
    let (fake, requests) = engine(|request, fake| {
        answer(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![silence(1, u64::MAX)]);
    take(&requests, 3);
    let tracks = [track().0, track().0];
    let mut playbacks: Vec<_> =
        [2, 3].into_iter().zip(&tracks).map(|(handle, track)| pump.add(of_track(handle, track)).unwrap()).collect();
    let mut all = Vec::new();
    let of = |all: &[Request], handle| all.iter().filter(|request| request.source == handle).count();
    while [1, 2, 3].iter().any(|handle| of(&all, *handle) < 20) {
        all.extend(take(&requests, 1));
    }
    drop(playbacks.pop());
    let frames = tracks[1].stats().frames_out;
    requests.try_iter().for_each(drop);
    let all = take(&requests, 100);
    assert_eq!(tracks[1].stats().frames_out, frames, "taken after stop had returned");
    // One may have been on its way.
    assert!(of(&all, 3) <= 1 && of(&all, 2) > 0 && of(&all, 1) > 0);
    playbacks[0].stop();
    playbacks[0].stop();
    let frames = tracks[0].stats().frames_out;
    take(&requests, 10);
    assert_eq!(tracks[0].stats().frames_out, frames);
    assert_eq!(pump.stats().len(), 1);
}

#[test]
fn a_pump_without_sources_waits_for_some_and_stops() {
    let (fake, requests) = engine(|_, _| true);
    let mut pump = pump_of(fake.engine, vec![]);
    for handle in 1..5 {
        let (track, _rings) = track();
        let playback = pump.add(of_track(handle, &track)).unwrap();
        // One of the source before may have been on its way.
        while take(&requests, 1)[0].source != handle {}
        drop(playback);
    }
    pump.stop();
}

#[test]
fn what_was_not_played_in_a_long_delay_is_played_later_and_not_all_at_once() {
    let (fake, requests) = engine(|request, fake| {
        if request.async_id & 0xff == 4 {
            std::thread::sleep(CHUNK * 60);
        }
        answer(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let _playback = pump.add(of_track(7, &track)).unwrap();
    let all = take(&requests, 70);
    // Behind the one that was late: ten at once, and from then on one in 10 ms. All 60 at once, and this would be nothing.
    let apart = all[5 + 59].at - all[5].at;
    assert!(apart >= CHUNK * 20, "60 chunks within {apart:?}");
    let said = all.iter().enumerate().all(|(number, request)| request.pcm[0] == number as i16 * 80 + 1);
    assert!(said, "nothing is skipped");
}

#[test]
fn a_source_that_is_waited_for_does_not_hold_up_the_others() {
    let (fake, requests) = engine(|request, fake| {
        if request.source != 2 {
            answer(fake, request);
        }
        true
    });
    // Chunks of source 1 while an answer of source 2 is waited for, which is 100 ms: more than one, unless this machine
    // does nothing for so long.
    let meanwhile = |_| {
        let pump = pump_of(fake.engine, vec![silence(1, u64::MAX), silence(2, u64::MAX)]);
        let mut of_1 = 0;
        let mut of_2 = 0;
        while of_2 < 2 {
            match take(&requests, 1)[0].source {
                1 if of_2 == 1 => of_1 += 1,
                2 => of_2 += 1,
                _ => {}
            }
        }
        drop(pump);
        requests.try_iter().for_each(drop);
        of_1
    };
    assert!((0..20).map(meanwhile).any(|chunks| chunks > 5));
}

#[test]
fn a_track_whose_source_is_gone_is_played_no_more_and_its_writer_hears_of_it() {
    let (fake, requests) = engine(|request, fake| {
        answer(fake, request);
        request.source != 8 || request.async_id & 0xff < 3
    });
    let pump = pump_of(fake.engine, vec![]);
    let [(fine, _), (gone, rings)] = [track(), track()];
    assert!(gone.wait_for(u64::MAX - 1));
    let playbacks = [(7, &fine), (8, &gone)].map(|(handle, track)| pump.add(of_track(handle, track)).unwrap());
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when it was refused");
    assert_eq!(playbacks.each_ref().map(|playback| playback.was_refused()), [false, true]);
    let played = gone.stats().frames_out;
    requests.try_iter().for_each(drop);
    assert!(take(&requests, 10).iter().all(|request| request.source == 7));
    assert_eq!((gone.stats().frames_out, playbacks[1].stats().failed), (played, 1));
}

#[test]
fn a_chunk_of_a_track_that_is_refused_in_the_answer_is_offered_again_and_none_is_lost_or_moved() {
    let (fake, requests) = engine(|request, fake| {
        match request.async_id % 7 {
            2 | 3 => refuse(fake, request),
            _ => answer(fake, request),
        }
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    say(&track, 8_00);
    let playback = pump.add(of_track(7, &track)).unwrap();
    assert!(track.wait_for(track.written()));
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when all was played");
    let mut heard: Vec<i16> = Vec::new();
    for request in requests.try_iter().filter(|request| !matches!(request.async_id % 7, 2 | 3)) {
        heard.extend(request.pcm);
    }
    assert_eq!(heard[..800], (1..=800).collect::<Vec<i16>>());
    assert!(!playback.was_refused());
    assert!(playback.stats().failed >= 2, "{:?}", playback.stats());
    drop(playback);
    assert_eq!(track.stats().samples_refused, 0);
}

#[test]
fn a_track_whose_chunk_is_refused_again_and_again_is_given_up_and_what_was_refused_is_not_played() {
    let (fake, requests) = engine(|request, fake| {
        refuse(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    say(&track, 200);
    assert!(track.wait_for(80), "the first chunk is waited for");
    let playback = pump.add(of_track(7, &track)).unwrap();
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when it was given up");
    assert!(playback.was_refused() && !track.has_played(80));
    assert_eq!(playback.words(), Some("queue full"));
    let offered: Vec<_> = requests.try_iter().map(|request| request.pcm[0]).collect();
    assert_eq!(offered, [1; 10]);
    drop(playback);
    assert_eq!((track.stats().samples_refused, track.buffered()), (80, 120), "the rest waits for another source");
    assert!(track.has_played(80));
}

#[test]
fn a_refusal_that_comes_when_it_is_not_waited_for_any_more_is_counted_as_lost() {
    let (sender, late) = channel();
    let late_sender = std::sync::Mutex::new(sender);
    let (fake, requests) = engine(move |request, fake| {
        match request.async_id {
            FIRST_ID => late_sender.lock().unwrap().send(request.clone()).unwrap(),
            _ => answer(fake, request),
        }
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let playback = pump.add(of_track(7, &track)).unwrap();
    take(&requests, 3);
    refuse(&fake, &late.recv().unwrap());
    drop(playback);
    assert_eq!(track.stats().samples_refused, 80);
}

#[test]
fn a_track_that_has_ended_is_played_no_more() {
    let (fake, requests) = engine(|_, _| true);
    let pump = pump_of(fake.engine, vec![silence(1, u64::MAX)]);
    let (track, _rings) = track();
    let playback = pump.add(of_track(7, &track)).unwrap();
    while !take(&requests, 1).iter().any(|request| request.source == 7) {}
    track.end();
    requests.try_iter().for_each(drop);
    // One may have been on its way.
    take(&requests, 5);
    let sent = playback.stats().sent;
    assert!(take(&requests, 20).iter().all(|request| request.source == 1));
    assert_eq!(playback.stats().sent, sent);
}

/// A source with a queue, in which three chunks of what is said are kept.
fn queued(handle: u64, track: &Arc<PcmTrack>) -> Source {
    Source { pcm: Pcm::Track { track: track.clone(), lead: Lead::always(3), silence: true }, ..of_track(handle, track) }
}

fn answering() -> (Fake, Receiver<Request>) {
    engine(|request, fake| {
        answer(fake, request);
        true
    })
}

#[test]
fn a_queue_is_filled_at_once_and_gets_no_more_than_is_taken_from_it() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let start = Instant::now();
    let _playback = pump.add(queued(7, &track)).unwrap();
    let all = take(&requests, 40);
    assert!(all.iter().enumerate().all(|(number, request)| request.pcm[0] == number as i16 * 80 + 1));
    for (number, request) in (0..).zip(&all).skip(3) {
        // The last chunk but three is taken by now, give or take the slack.
        assert!(
            request.at - start + CHUNK / 2 >= CHUNK * (number - 3),
            "chunk {number} after {:?}",
            request.at - start
        );
    }
}

#[test]
fn after_a_pause_of_the_pump_a_queue_gets_what_is_kept_in_it_and_not_all_that_was_due() {
    let (fake, requests) = engine(|request, fake| {
        if request.async_id & 0xff == 9 {
            std::thread::sleep(CHUNK * 30);
        }
        answer(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let _playback = pump.add(queued(7, &track)).unwrap();
    let all = take(&requests, 40);
    assert!(
        all.iter().enumerate().all(|(number, request)| request.pcm[0] == number as i16 * 80 + 1),
        "nothing is skipped"
    );
    let late = &all[10..];
    for (number, request) in (0..).zip(late).skip(3) {
        let since = request.at - late[0].at;
        assert!(since + CHUNK / 2 >= CHUNK * (number - 3), "chunk {number} after the pause came after {since:?}");
    }
}

#[test]
fn a_gap_because_the_pump_came_late_is_counted_and_rings() {
    let (fake, requests) = engine(|request, fake| {
        if request.async_id & 0xff == 9 {
            std::thread::sleep(CHUNK * 30);
        }
        answer(fake, request);
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    assert!(track.wait_for(u64::MAX));
    say(&track, 8_000);
    let _playback = pump.add(queued(7, &track)).unwrap();
    take(&requests, 13);
    let stats = track.stats();
    assert!(stats.late_gaps >= 1, "{stats:?}");
    // Three chunks were in the queue.
    assert!(stats.late > CHUNK * 25, "{stats:?}");
    rings.recv_timeout(Duration::from_secs(10)).expect("a ring");
}

#[test]
fn a_track_that_goes_on_after_it_had_nothing_to_say_has_no_gap_by_the_pump() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    let playback = pump.add(captured(7, &track)).unwrap();
    for round in 1..=5 {
        // All of it goes into the queue together.
        say(&track, 400);
        playback.written();
        take(&requests, 1);
        while !track.has_played(round * 400) {
            std::thread::sleep(CHUNK);
        }
    }
    assert_eq!((track.stats().late_gaps, track.late()), (0, Duration::ZERO));
}

#[test]
fn a_track_that_is_piped_again_does_not_fill_a_queue_that_is_full() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let start = Instant::now();
    let mut all = Vec::new();
    for _ in 0..10 {
        let playback = pump.add(queued(7, &track)).unwrap();
        all.extend(take(&requests, 1));
        drop(playback);
        all.extend(requests.try_iter());
    }
    for (number, request) in (0..).zip(&all).skip(4) {
        assert!(request.at - start + CHUNK >= CHUNK * (number - 3), "chunk {number} after {:?}", request.at - start);
    }
}

#[test]
fn flush_empties_the_queue_behind_the_chunk_that_is_on_its_way_and_what_is_said_then_is_kept_whole() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let playback = pump.add(queued(7, &track)).unwrap();
    take(&requests, 10);
    playback.flush(|| {
        track.interrupt(0);
    });
    track.write(&[-1; 800]);
    track.end_utterance();
    let mut all = Vec::new();
    while all.iter().filter(|request: &&Request| request.pcm.first() == Some(&-1)).count() < 10 {
        all.extend(take(&requests, 1));
    }
    let first = all.iter().position(|request| request.pcm.first() == Some(&-1)).unwrap();
    // Silence is played if this thread writes late.
    let is_silence = |request: &&Request| !request.is_clear() && request.pcm.iter().all(|sample| *sample == 0);
    let before: Vec<_> = all[..first].iter().filter(|request| !is_silence(request)).collect();
    assert!(before.iter().filter(|request| request.is_clear()).count() >= 2 && before.last().unwrap().is_clear());
    let after = &all[first..];
    assert!(after.iter().all(|request| request.pcm[..] == [-1; 80]), "neither the old words nor a clear");
    assert!(after[2].at - after[0].at < CHUNK * 100, "three at once");
}

/// A source that gets no silence, in whose queue five chunks are kept.
fn captured(handle: u64, track: &Arc<PcmTrack>) -> Source {
    Source {
        pcm: Pcm::Track { track: track.clone(), lead: Lead::always(5), silence: false },
        ..of_track(handle, track)
    }
}

#[test]
fn a_track_without_silence_asks_for_nothing_while_it_has_nothing_to_say() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![silence(1, u64::MAX)]);
    let (track, rings) = track();
    let _playback = pump.add(captured(7, &track)).unwrap();
    say(&track, 400);
    assert!(track.wait_for(400));
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when all was played");
    // Another source has its silence meanwhile.
    let of_source = take(&requests, 30).into_iter().filter(|request| request.source == 7);
    assert_eq!(of_source.flat_map(|request| request.pcm).collect::<Vec<_>>(), (1..=400).collect::<Vec<_>>());
    assert_eq!(track.stats().silence_frames, 0);
}

#[test]
fn a_track_without_silence_is_looked_at_when_it_was_written_to_and_its_last_part_is_padded() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    track.set_rest_timeout(CHUNK);
    // Which ends an utterance when the timeout is over.
    let writer = TrackWriter::new(track.clone()).share();
    let playback = pump.add(captured(7, &track)).unwrap();
    for utterance in 1..4 {
        while !track.is_idle() {
            std::thread::sleep(CHUNK / 10);
        }
        // The pump does not look by itself.
        std::thread::sleep(CHUNK * 3);
        let written = Instant::now();
        writer.lock().unwrap().write(&[utterance; 200], 8_000, 1, false).unwrap();
        playback.written();
        let all = take(&requests, 2);
        assert!(all[0].at - written < CHUNK * 50, "two chunks after {:?}", all[0].at - written);
        assert_eq!(all[0].pcm, [utterance; 160]);
        assert_eq!(all[1].pcm, [[utterance; 40], [0; 40]].concat());
        assert!(requests.try_iter().all(|request| request.is_clear()));
    }
}

#[test]
fn a_track_without_silence_keeps_its_queue_filled_and_no_more_waits_there() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    let playback = pump.add(captured(7, &track)).unwrap();
    let start = Instant::now();
    // Piece by piece, each as soon as the one before has gone out.
    for piece in 0..20_i16 {
        let said: Vec<i16> = (1..=240).map(|sample| piece * 240 + sample).collect();
        track.write(&said);
        playback.written();
        let mut heard = Vec::new();
        while heard.len() < 240 {
            let request = take(&requests, 1).remove(0);
            heard.extend(request.pcm);
            let chunks = piece as u32 * 3 + heard.len() as u32 / 80;
            assert!(request.at - start + CHUNK / 2 + CHUNK * 5 >= CHUNK * chunks, "{chunks} chunks");
        }
        assert_eq!(heard, said);
    }
}

#[test]
fn what_waits_when_a_queue_is_dry_goes_there_in_one_request_and_silence_fills_no_more_than_a_chunk() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (long, rings) = track();
    say(&long, 8_000);
    assert!(long.wait_for(80), "a part of what goes out first");
    let _playback = pump.add(captured(7, &long)).unwrap();
    let first = take(&requests, 1).remove(0);
    assert_eq!(first.pcm, (1..=400).collect::<Vec<_>>());
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when that part was played");

    // An utterance ends in the second of the chunks that wait.
    let (two, _rings) = track();
    say(&two, 120);
    two.write(&[1000; 400]);
    let _playback = pump.add(captured(8, &two)).unwrap();
    let mut of_two = std::iter::from_fn(|| Some(take(&requests, 1).remove(0))).filter(|request| request.source == 8);
    assert_eq!(of_two.next().unwrap().pcm, (1..=120).chain([0; 40]).collect::<Vec<_>>());
    assert_eq!(of_two.next().unwrap().pcm[..80], [1000; 80]);
}

#[test]
fn what_goes_out_together_and_is_refused_is_offered_again_whole() {
    let (fake, requests) = engine(|request, fake| {
        match request.async_id {
            FIRST_ID => refuse(fake, request),
            _ => answer(fake, request),
        }
        true
    });
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    say(&track, 800);
    assert!(track.wait_for(track.written()));
    let playback = pump.add(captured(7, &track)).unwrap();
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when all was played");
    let all: Vec<_> = requests.try_iter().map(|request| request.pcm).collect();
    assert_eq!(all[0], all[1]);
    assert_eq!(all[1..].concat(), (1..=800).collect::<Vec<_>>());
    drop(playback);
    assert_eq!((track.stats().samples_refused, track.heard(None)), (0, 800));
}

#[test]
fn an_engine_that_says_nothing_to_anyone_is_given_up_and_one_that_says_anything_is_not() {
    let (fake, requests) = engine(|_, _| true);
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    say(&track, 8_000);
    assert!(track.wait_for(track.written()));
    fake.engine.note_silence();
    fake.engine.receive(&[]);
    let playback = pump.add(captured(7, &track)).unwrap();
    // The answers alone may go elsewhere.
    take(&requests, 40);
    assert!(!playback.was_refused(), "the engine did say something");
    fake.engine.note_silence();
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when it was given up");
    assert!(playback.was_refused());
}

#[test]
fn a_track_of_any_rate_is_played_in_whole_samples() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track_of(12_345);
    say(&track, 615);
    let source = Source { sample_rate: 12_345, ..captured(7, &track) };
    let _playback = pump.add(source).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 615 {
        let request = take(&requests, 1).remove(0);
        assert!(request.pcm.len().is_multiple_of(123) && request.sample_rate == 12_345);
        heard.extend(request.pcm);
    }
    assert_eq!(heard, (1..=615).collect::<Vec<_>>());
}

#[test]
fn what_waits_in_a_queue_is_played_when_the_engine_has_played_it() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, rings) = track();
    say(&track, 240);
    assert!(track.wait_for(240));
    let start = Instant::now();
    let _playback = pump.add(queued(7, &track)).unwrap();
    take(&requests, 3);
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when all was played");
    assert!(start.elapsed() >= CHUNK * 3 - CHUNK / 4, "three chunks were played in {:?}", start.elapsed());
    assert_eq!(track.heard(None), 240);
}

#[test]
fn flush_tells_what_was_heard_of_the_queue_by_then() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 8_000);
    let start = Instant::now();
    let playback = pump.add(queued(7, &track)).unwrap();
    take(&requests, 3);
    // All three are in the queue: the first one is heard by now, and no other.
    let before = start.elapsed();
    let cut = playback.flush(|| track.interrupt(0));
    let most = start.elapsed().as_micros() as u64 * 8 / 1000 + 1;
    assert_eq!(cut.heard + cut.discarded, 8_000);
    assert!(cut.heard <= most, "{} samples after {before:?}", cut.heard);
    assert_eq!(track.heard(None), cut.heard);
}

#[test]
fn when_a_queue_was_emptied_elsewhere_what_is_kept_in_it_is_put_there_anew() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    say(&track, 30_000);
    let playback = pump.add(queued(7, &track)).unwrap();
    // Without being filled anew, a queue gets a chunk in 10 ms, unless it ran dry because this machine did nothing.
    let fills_anew = |_| {
        take(&requests, 5);
        let (before, emptied) = (playback.stats().sent, Instant::now());
        pump.source_emptied(7);
        pump.source_emptied(8);
        loop {
            let (chunks, ms) = (playback.stats().sent - before, emptied.elapsed().as_millis() as u64);
            if chunks >= ms / 10 + 3 || ms > 60 {
                return chunks >= ms / 10 + 3;
            }
        }
    };
    assert!((0..20).any(fills_anew));
    assert!(requests.try_iter().all(|request| !request.is_clear()));
}

#[test]
fn while_nothing_is_said_a_queue_has_less_silence_than_words_and_after_long_silence_words_start_in_an_empty_one() {
    let (fake, requests) = answering();
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    let start = Instant::now();
    let _playback = pump.add(queued(7, &track)).unwrap();
    for (number, request) in (0..).zip(take(&requests, 60)).skip(2) {
        assert!(request.pcm == [0; 80]);
        assert!(
            request.at - start + CHUNK / 2 >= CHUNK * (number - 2),
            "silence {number} after {:?}",
            request.at - start
        );
    }
    say(&track, 800);
    let mut all = take(&requests, 1);
    while all.last().is_none_or(|request| request.pcm.first() != Some(&1)) {
        all.extend(take(&requests, 1));
    }
    assert!(all[all.len() - 2].is_clear());
}

#[test]
fn lateness_is_counted_for_each_chunk() {
    let (fake, requests) = engine(|_, _| true);
    let mut pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    let playback = pump.add(of_track(7, &track)).unwrap();
    take(&requests, 10);
    // The chunk that was taken last may be on its way until the thread has ended.
    pump.stop();
    let counted: u64 = playback.lateness().counts().sum();
    assert_eq!(counted, playback.stats().sent);
}

#[test]
fn one_source_plays_one_track_at_a_time() {
    let (fake, requests) = engine(|_, _| true);
    let pump = pump_of(fake.engine, vec![]);
    let [(first, _), (second, _)] = [track(), track()];
    let playback = pump.add(of_track(7, &first)).unwrap();
    assert!(pump.add(of_track(7, &second)).is_none());
    let other = pump.add(of_track(8, &second)).unwrap();
    take(&requests, 3);
    drop((playback, other));
    assert!(pump.add(of_track(7, &second)).is_some());
}

#[test]
fn when_the_engine_is_disposed_of_nothing_more_is_played_and_tracks_hear_of_it() {
    let (fake, requests) = engine(|request, fake| {
        answer(fake, request);
        true
    });
    let mut pump = pump_of(fake.engine, vec![silence(1, u64::MAX)]);
    let (track, rings) = track();
    assert!(track.wait_for(u64::MAX - 1));
    let playback = pump.add(of_track(7, &track)).unwrap();
    while !take(&requests, 1).iter().any(|request| request.source == 7) {}
    fake.engine.end_playing();
    rings.recv_timeout(Duration::from_secs(20)).expect("rung when it was disposed of");
    assert!(playback.was_refused());

    // Sources of later on are not concerned.
    let (later, _rings) = self::track();
    let _playback = pump.add(of_track(8, &later)).unwrap();
    let sent = pump.stats();
    requests.try_iter().for_each(drop);
    assert!(take(&requests, 20).iter().all(|request| request.source == 8));
    pump.stop();
    assert!(pump.stats()[0].sent <= sent[0].sent + 1, "one may have been on its way");
}

#[test]
fn a_track_of_another_kind_than_its_source_is_refused() {
    let (fake, requests) = engine(|_, _| true);
    let pump = pump_of(fake.engine, vec![]);
    let (track, _rings) = track();
    for (sample_rate, channels) in [(16_000, 1), (8_000, 2)] {
        let source = Source { sample_rate, channels, ..of_track(7, &track) };
        let panic = catch_unwind(AssertUnwindSafe(|| pump.add(source))).err().expect("a track that can't be played");
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains(&format!("{sample_rate} Hz and {channels} channels")), "{text}");
    }
    assert_eq!(requests.try_iter().count(), 0);
}
