//! Whatever happens in whatever order, on one thread: compared with a model that is told the same.

use crate::fake_engine::*;
use crate::message::Message;
use narrowcast_audio::PcmStream;
use narrowcast_core::{Filter, KindSet, Overflow, Subscriber};
use narrowcast_livekit::{AudioSink, Expecting};
use proptest::prelude::*;
use std::sync::Arc;

/// Streams that may get opened, and others.
const OURS: usize = 3;
const STREAMS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Frame(usize),
    Eos(usize),
    RoomEvent,
    Expect,
    /// The request is over that was made as the nth.
    Settle(usize),
    /// Does nothing unless a stream is expected.
    Open(usize),
    Close(usize),
    EndStreams,
    Subscribe(Overflow),
    Unsubscribe(usize),
    Take(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let overflow = prop_oneof![
        Just(Overflow::Grow),
        Just(Overflow::Error { max: 2 }),
        Just(Overflow::DropOldest { capacity: 2 }),
        Just(Overflow::DropNewest { capacity: 2 }),
    ];
    let step = prop_oneof![
        8 => (0..STREAMS).prop_map(Step::Frame),
        2 => (0..STREAMS).prop_map(Step::Eos),
        1 => Just(Step::RoomEvent),
        3 => Just(Step::Expect),
        3 => (0..3usize).prop_map(Step::Settle),
        4 => (0..OURS).prop_map(Step::Open),
        2 => (0..OURS).prop_map(Step::Close),
        1 => Just(Step::EndStreams),
        2 => overflow.prop_map(Step::Subscribe),
        1 => (0..3usize).prop_map(Step::Unsubscribe),
        2 => (0..3usize).prop_map(Step::Take),
    ];
    prop::collection::vec(step, 0..60)
}

/// Where a stream of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    Open { joined: bool, ended: bool },
    Closed,
}

/// What becomes of each audio event, in plain words.
#[derive(Default)]
struct Model {
    states: Vec<State>,
    /// Streams whose end was seen: forgotten when a stream is opened or closed.
    seen_end: Vec<usize>,
    /// Streams whose own handle was dropped: at their end, or when they were closed.
    dropped: Vec<usize>,
    expecting: usize,
    /// Stream and frame; no frame: the end.
    early: Vec<(usize, Option<i16>)>,
    pcm: Vec<Vec<i16>>,
    /// Broadcast: what is of no stream of ours, and the ends of those that are.
    broadcast: u64,
    released: u64,
}

impl Model {
    fn send(&mut self, stream: usize, frame: Option<i16>) {
        let idle = self.expecting == 0;
        match &mut self.states[stream] {
            State::Open { joined, .. } if idle || *joined => *joined = true,
            State::Closed if idle || frame.is_some() => {}
            State::Unknown if idle => {}
            _ => return self.early.push((stream, frame)),
        }
        self.route(stream, frame);
    }

    fn route(&mut self, stream: usize, frame: Option<i16>) {
        match (&mut self.states[stream], frame) {
            (State::Unknown, _) => self.broadcast += 1,
            (State::Open { ended: false, .. }, Some(frame)) => self.pcm[stream].push(frame),
            (_, Some(_)) => self.released += 1,
            (state, None) => {
                if let State::Open { ended, .. } = state {
                    *ended = true;
                }
                self.seen_end.push(stream);
                self.dropped.push(stream);
                self.broadcast += 1;
            }
        }
    }

    fn settle(&mut self) {
        self.expecting -= 1;
        if self.expecting == 0 {
            for (stream, frame) in std::mem::take(&mut self.early) {
                self.route(stream, frame);
            }
        }
    }

    fn forget(&mut self) {
        for stream in self.seen_end.drain(..) {
            self.states[stream] = State::Unknown;
        }
    }

    fn end_all(&mut self) {
        for state in &mut self.states {
            if let State::Open { ended, .. } = state {
                *ended = true;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_frame_goes_where_it_belongs_and_every_handle_is_dropped_once(steps in steps()) {
        let fake = Fake::new();
        let mut model = Model { states: vec![State::Unknown; STREAMS], pcm: vec![vec![]; STREAMS], ..Model::default() };
        let handles: Vec<_> = (0..STREAMS).map(|_| fake.handle()).collect();
        let mut streams: Vec<Option<Arc<PcmStream>>> = vec![None; OURS];
        let mut closed = [false; OURS];
        let mut guards: Vec<Option<Expecting<AudioSink>>> = Vec::new();
        let mut subscribers: Vec<Arc<Subscriber>> = Vec::new();
        let mut taken: Vec<u64> = Vec::new();
        let mut others = 0;

        for (step, number) in steps.into_iter().zip(1..) {
            match step {
                Step::Frame(stream) => {
                    fake.send_frame(handles[stream], &[number]);
                    model.send(stream, Some(number));
                }
                Step::Eos(stream) => {
                    fake.send_eos(handles[stream]);
                    model.send(stream, None);
                }
                Step::RoomEvent => {
                    let handle = fake.handle();
                    fake.engine.receive(&Message::new().message(1, Message::new().at(&[2, 1, 1, 1], handle)).0);
                    others += 1;
                }
                Step::Expect => {
                    guards.push(Some(fake.engine.expect_stream()));
                    model.expecting += 1;
                }
                Step::Settle(at) => {
                    if let Some(guard) = guards.get_mut(at).and_then(Option::take) {
                        drop(guard);
                        model.settle();
                    }
                }
                Step::Open(stream) if streams[stream].is_none() && model.expecting > 0 => {
                    let pcm = pcm_stream();
                    fake.engine.open_stream(handles[stream], pcm.clone());
                    streams[stream] = Some(pcm);
                    model.forget();
                    model.states[stream] = State::Open { joined: false, ended: false };
                }
                Step::Close(stream) if streams[stream].is_some() && !closed[stream] => {
                    fake.engine.close_stream(handles[stream]);
                    closed[stream] = true;
                    model.forget();
                    if model.states[stream] != State::Unknown {
                        model.dropped.push(stream);
                        model.states[stream] = State::Closed;
                    }
                }
                Step::Open(_) | Step::Close(_) => {}
                Step::EndStreams => {
                    fake.engine.end_streams();
                    model.end_all();
                }
                Step::Subscribe(overflow) => {
                    let filter = Filter::kinds(KindSet::first(128));
                    subscribers.push(fake.engine.broadcast().subscribe(filter, overflow, polling()));
                }
                Step::Unsubscribe(at) => {
                    if at < subscribers.len() {
                        fake.engine.broadcast().unsubscribe(&subscribers.swap_remove(at));
                    }
                }
                Step::Take(at) => {
                    if let Some(event) = subscribers.get(at).and_then(|subscriber| subscriber.take()) {
                        let schema = fake.engine.schema();
                        let peek = schema.peek(event.payload()).unwrap();
                        schema.for_each_owned(peek.kind, peek.body, &mut |handle| taken.push(handle)).unwrap();
                    }
                }
            }
        }

        for guard in guards.into_iter().flatten() {
            drop(guard);
            model.settle();
        }
        for subscriber in subscribers {
            fake.engine.broadcast().unsubscribe(&subscriber);
        }
        for (stream, pcm) in streams.iter().enumerate() {
            let Some(pcm) = pcm else { continue };
            prop_assert_eq!(drain(pcm), &*model.pcm[stream], "stream {}", stream);
        }
        let stats = fake.engine.stats();
        prop_assert_eq!((stats.audio.released, stats.audio.held_dropped), (model.released, 0));
        prop_assert_eq!(stats.events.published, model.broadcast + others);
        fake.counts_add_up();
        for (stream, handle) in handles.iter().enumerate() {
            prop_assert_eq!(fake.drops(*handle), usize::from(model.dropped.contains(&stream)));
        }
        taken.extend(handles.iter().filter(|handle| fake.drops(**handle) == 0));
        // Several may have taken the same event.
        taken.sort_unstable();
        taken.dedup();
        fake.all_dropped_once_but(&taken);
    }
}
