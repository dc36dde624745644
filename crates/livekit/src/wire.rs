//! Looks into the encoded `FfiEvent` that the engine hands its callback, without decoding it.
//!
//! Three questions, each asked only when its answer is needed:
//!
//! ```text
//! peek            every event          which case of the oneof, and which subject (stream, room, async id)
//! for_each_owned  undelivered events   which native handles the event owns, wherever they are nested
//! audio_event     audio stream events  where a frame's samples are, and which handle keeps them alive
//! ```
//!
//! No field number is written here: a [`SchemaSpec`], which JavaScript reads from the descriptors of the installed
//! engine package, says where everything is, so an engine that renumbers a field is still read right.
//!
//! How the protobuf rules are applied:
//! - Fields may come in any order, and a field the schema doesn't name is skipped, groups included.
//! - A field with another wire type than the schema expects is skipped like an unknown one, as the reference
//!   implementations do.
//! - The last occurrence of a scalar wins. Of the event's cases the last one wins as a whole: two occurrences of one
//!   case, which no encoder writes, are not merged.
//! - An embedded message that occurs twice counts twice for [`Schema::for_each_owned`], for a repeated field and a
//!   field that is to be merged look the same here, and a handle that is reported and not there is the lesser evil:
//!   dropping it is refused, where one never reported would be kept for ever.
//! - Varints over 64 bits, groups nested over 100 deep, field number 0 and wire types 6 and 7 are malformed, as they
//!   are for `prost`, which wrote the event in the engine and reads the primitives here.
//!
//! Nothing here allocates once the schema is built, except that `prost` boxes the error of a malformed message.

#![forbid(unsafe_code)]

use std::fmt;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Cases a schema can have: as many as the broadcast's set of kinds has bits.
pub const MAX_CASES: usize = 128;

/// Field numbers in an owned path. The engine's longest has 5; the limit bounds the recursion of the walk.
pub const MAX_PATH: usize = 16;

/// Owned ids that can sit directly in one message. The engine's handle message has 1; the limit keeps the walk's
/// frame on the stack small.
pub const MAX_IDS: usize = 8;

/// The largest number protobuf allows a field.
const MAX_FIELD: u32 = (1 << 29) - 1;

/// Case fields below this are found by array index. The engine's go up to 46; a larger one costs a binary search
/// rather than an array of up to 2^29 entries.
const DIRECT: u32 = 1024;

const NO_KIND: u8 = u8::MAX;

/// Where things are in the engine's messages, as JavaScript read it from the engine's descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaSpec {
    /// The cases of `FfiEvent`'s oneof. A case's position is its kind.
    pub cases: Vec<CaseSpec>,
    /// Where an audio stream event keeps its parts.
    pub audio: AudioSpec,
}

/// One case of `FfiEvent`'s oneof. A path is a list of field numbers, the first one in the case's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseSpec {
    /// The case's field number in `FfiEvent`.
    pub field: u32,
    /// The case's name, for error messages and counters. No two are alike.
    pub name: String,
    /// The field number, in the case's message, of the integer that says what the event is about. None: the case
    /// has no subject, and every event of it has subject 0.
    pub subject: Option<u32>,
    /// Whether the case is the answer to a request, and its subject the request's async id.
    pub answer: bool,
    /// Paths to the ids of the native handles that the event owns, the id's own field number last: `[3, 2, 1, 1]`
    /// is field 1 of field 1 of field 2 of field 3. Whether a field on the way is repeated makes no difference.
    pub owned: Vec<Vec<u32>>,
}

/// Field numbers of an audio stream event and of the messages within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSpec {
    /// `FfiEvent` → the audio stream event. One of [`SchemaSpec::cases`].
    pub case: u32,
    /// Audio stream event → the received frame.
    pub frame_received: u32,
    /// Audio stream event → the end of the stream.
    pub eos: u32,
    /// Received frame → the owned buffer.
    pub frame: u32,
    /// Owned buffer → its handle.
    pub handle: u32,
    /// Handle → its id.
    pub handle_id: u32,
    /// Owned buffer → its description.
    pub info: u32,
    /// Description → the address of the samples.
    pub data_ptr: u32,
    /// Description → the number of channels.
    pub num_channels: u32,
    /// Description → the sample rate.
    pub sample_rate: u32,
    /// Description → the number of samples in each channel.
    pub samples_per_channel: u32,
}

/// Why a [`SchemaSpec`] can't be used. Each says the value at fault: the descriptors it was read from are not the
/// ones of an engine this crate knows how to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaError {
    /// More than [`MAX_CASES`] cases: how many.
    TooManyCases(usize),
    /// A number that protobuf allows no field, and what it was given for.
    FieldNumber {
        /// The number: 0, or 2^29 or more.
        field: u32,
        /// What the field was to be.
        what: String,
    },
    /// A field number given to two cases, or to two things in the same audio message.
    DuplicateField {
        /// The number.
        field: u32,
        /// What the second one was to be.
        what: String,
    },
    /// A case whose name is empty or another case's.
    Name {
        /// The name.
        name: String,
        /// The case's field number.
        field: u32,
    },
    /// A case that is said to be an answer but has no subject, so that nobody could be told of it: its name.
    AnswerWithoutSubject(String),
    /// An owned path that can't be followed.
    Path {
        /// The case's name.
        name: String,
        /// The path.
        path: Vec<u32>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The audio case's field number, which is none of the cases'.
    AudioCase(u32),
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyCases(count) => write!(f, "event schema: {count} cases, but at most {MAX_CASES} fit"),
            Self::FieldNumber { field, what } => {
                write!(f, "event schema: {what} has field number {field}, outside 1 to {MAX_FIELD}")
            }
            Self::DuplicateField { field, what } => {
                write!(f, "event schema: {what} has field number {field}, which another field of its message has")
            }
            Self::Name { name, field } => {
                write!(f, "event schema: case {field} is named {name:?}; a name must not be empty or used twice")
            }
            Self::AnswerWithoutSubject(name) => {
                write!(f, "event schema: case {name:?} is an answer, so its subject must be the async id's field")
            }
            Self::Path { name, path, problem } => {
                write!(f, "event schema: case {name:?}: owned path {path:?} {problem}")
            }
            Self::AudioCase(field) => write!(f, "event schema: the audio case, field {field}, is not among the cases"),
        }
    }
}

impl std::error::Error for SchemaError {}

/// Why an event can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// There are no bytes.
    Empty,
    /// The event is well formed, but no field of it is a case of the schema. The last field's number: most likely a
    /// case of an engine newer than the descriptors.
    UnknownCase(u32),
    /// The message ends inside a field.
    Truncated,
    /// The bytes are not a protobuf message.
    Malformed,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the engine's event is empty"),
            Self::UnknownCase(field) => {
                write!(f, "the engine's event is of no known kind (its last field is number {field})")
            }
            Self::Truncated => write!(f, "the engine's event ends inside a field"),
            Self::Malformed => write!(f, "the engine's event is not a protobuf message"),
        }
    }
}

impl std::error::Error for WireError {}

/// What an event is, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek<'a> {
    /// The case's position in [`SchemaSpec::cases`].
    pub kind: u8,
    /// What the event is about: the stream, the room or the async id. 0 where the case has no subject or the
    /// event doesn't carry it.
    pub subject: u64,
    /// Whether the event may own native handles: its message has fields below which its case keeps some. False is
    /// certain, and saves whoever drops the event the search.
    pub may_own: bool,
    /// The bytes of the case's message, for [`Schema::for_each_owned`] and [`Schema::audio_event`].
    pub body: &'a [u8],
}

/// What an event says about its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent<F> {
    /// A frame arrived. The receiver must release it.
    Frame(F),
    /// The stream has ended; no frame follows.
    Eos,
    /// Neither: something that a newer engine says.
    Other,
}

/// What an audio stream event says.
pub type AudioEvent = StreamEvent<AudioFrameInfo>;

/// A frame of the engine's, as it describes it. What the event doesn't carry is 0, and nothing has been checked:
/// that is up to whoever is about to read memory at `data_ptr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioFrameInfo {
    /// The native handle that keeps the samples alive. 0: none.
    pub handle: u64,
    /// The address of interleaved `i16` samples, `num_channels * samples_per_channel` of them.
    pub data_ptr: u64,
    /// Channels.
    pub num_channels: u32,
    /// Hz.
    pub sample_rate: u32,
    /// Samples in each channel.
    pub samples_per_channel: u32,
}

/// A checked [`SchemaSpec`], laid out for looking things up. Immutable: share one between threads.
#[derive(Clone, Debug)]
pub struct Schema {
    cases: Box<[Case]>,
    /// Field number → kind, for fields below [`DIRECT`]; [`NO_KIND`] where there is no case.
    direct: Box<[u8]>,
    /// Field number and kind of the other cases, in the order of the numbers.
    far: Box<[(u32, u8)]>,
    audio: AudioSpec,
    audio_kind: u8,
}

#[derive(Clone, Debug)]
struct Case {
    name: Box<str>,
    subject: Option<u32>,
    answer: bool,
    owned: Owned,
    /// The fields of the case's message in `owned`, see [`field_bit`].
    owned_fields: u64,
}

/// What a message owns: the paths of a case as a tree, so that one pass over the bytes finds every id.
#[derive(Clone, Debug, Default)]
struct Owned {
    /// Fields of this message that are ids.
    ids: Vec<u32>,
    /// Fields of this message that are messages with ids further down.
    messages: Vec<(u32, Owned)>,
}

impl Owned {
    fn insert(&mut self, path: &[u32]) -> Result<(), &'static str> {
        let Some((&field, rest)) = path.split_first() else { return Err("is empty") };
        if self.ids.contains(&field) {
            return Err("repeats or continues another one");
        }
        let child = self.messages.iter().position(|(message, _)| *message == field);
        if rest.is_empty() {
            if child.is_some() {
                return Err("ends within another one");
            }
            if self.ids.len() == MAX_IDS {
                return Err("is one id too many for its message");
            }
            self.ids.push(field);
            return Ok(());
        }
        let child = child.unwrap_or_else(|| {
            self.messages.push((field, Owned::default()));
            self.messages.len() - 1
        });
        self.messages[child].1.insert(rest)
    }

    /// The fields of this message that are, or lead to, ids.
    fn fields(&self) -> impl Iterator<Item = u32> {
        self.ids.iter().copied().chain(self.messages.iter().map(|(field, _)| *field))
    }

    /// Reports the ids in `body`. Its own come last: which occurrence of a field counts is known only at the end.
    fn walk(&self, body: &[u8], found: &mut impl FnMut(u64)) -> Result<(), WireError> {
        let mut last = [0; MAX_IDS];
        // On the way down, most messages have no ids of their own.
        let last = &mut last[..self.ids.len()];
        let result = self.scan(body, last, found);
        last.iter().copied().filter(|&id| id != 0).for_each(found);
        result
    }

    fn scan(&self, body: &[u8], last: &mut [u64], found: &mut impl FnMut(u64)) -> Result<(), WireError> {
        for_each_field(body, |field, value| {
            match value {
                Value::Varint(value) => {
                    if let Some(at) = self.ids.iter().position(|&id| id == field) {
                        last[at] = value;
                    }
                }
                Value::Bytes(bytes) => {
                    if let Some((_, owned)) = self.messages.iter().find(|(message, _)| *message == field) {
                        owned.walk(bytes, found)?;
                    }
                }
                Value::Skipped => {}
            }
            Ok(())
        })
    }
}

impl Schema {
    /// Checks the specification and lays it out.
    ///
    /// # Errors
    ///
    /// A [`SchemaError`] where a field number is not one, two cases or two audio fields of a message share one, there
    /// are over [`MAX_CASES`] cases, a name is empty or used twice, an answer has no subject, the audio case is not
    /// among the cases, or an owned path is empty, longer than [`MAX_PATH`], given twice, or goes on below an id.
    pub fn new(spec: SchemaSpec) -> Result<Self, SchemaError> {
        let SchemaSpec { cases, audio } = spec;
        if cases.len() > MAX_CASES {
            return Err(SchemaError::TooManyCases(cases.len()));
        }
        check_audio(&audio)?;

        let mut direct = Vec::new();
        let mut far: Vec<(u32, u8)> = Vec::new();
        let mut known: Vec<Case> = Vec::with_capacity(cases.len());
        for (kind, case) in (0u8..).zip(cases) {
            let CaseSpec { field, name, subject, answer, owned } = case;
            if name.is_empty() || known.iter().any(|other| *other.name == *name) {
                return Err(SchemaError::Name { name, field });
            }
            check_field(field, || format!("case {name:?}"))?;
            if field < DIRECT {
                let at = field as usize;
                if direct.len() <= at {
                    direct.resize(at + 1, NO_KIND);
                }
                if direct[at] != NO_KIND {
                    return Err(SchemaError::DuplicateField { field, what: format!("case {name:?}") });
                }
                direct[at] = kind;
            } else {
                let Err(at) = far.binary_search_by_key(&field, |&(field, _)| field) else {
                    return Err(SchemaError::DuplicateField { field, what: format!("case {name:?}") });
                };
                far.insert(at, (field, kind));
            }
            match subject {
                Some(subject) => check_field(subject, || format!("the subject of case {name:?}"))?,
                None if answer => return Err(SchemaError::AnswerWithoutSubject(name)),
                None => {}
            }
            let mut tree = Owned::default();
            for path in owned {
                for &step in &path {
                    check_field(step, || format!("a step of owned path {path:?} of case {name:?}"))?;
                }
                let inserted = if path.len() > MAX_PATH { Err("is too long") } else { tree.insert(&path) };
                if let Err(problem) = inserted {
                    return Err(SchemaError::Path { name, path, problem });
                }
            }
            let owned_fields = tree.fields().fold(0, |bits, field| bits | field_bit(field));
            known.push(Case { name: name.into(), subject, answer, owned: tree, owned_fields });
        }

        let mut schema = Self { cases: known.into(), direct: direct.into(), far: far.into(), audio, audio_kind: 0 };
        schema.audio_kind = schema.kind_of(audio.case).ok_or(SchemaError::AudioCase(audio.case))?;
        Ok(schema)
    }

    /// How many kinds there are: 0 up to this, in the order of [`SchemaSpec::cases`].
    pub fn kinds(&self) -> usize {
        self.cases.len()
    }

    /// A kind's name, or none for a number that is no kind.
    pub fn name(&self, kind: u8) -> Option<&str> {
        self.case(kind).map(|case| &*case.name)
    }

    /// The kind of audio stream events.
    pub fn audio_kind(&self) -> u8 {
        self.audio_kind
    }

    /// Whether an event of this kind can own native handles. False for a number that is no kind.
    pub fn owns(&self, kind: u8) -> bool {
        self.case(kind).is_some_and(|case| !(case.owned.ids.is_empty() && case.owned.messages.is_empty()))
    }

    /// Whether an event of this kind answers a request, with the async id as its subject. False for a number that is
    /// no kind.
    pub fn is_answer(&self, kind: u8) -> bool {
        self.case(kind).is_some_and(|case| case.answer)
    }

    /// Finds out what an event is and what it is about. Reads the event's own fields and those of the case's message,
    /// and steps over what is nested in them.
    ///
    /// # Errors
    ///
    /// [`WireError`]. Only what was read is checked: an event that is broken deeper down, or in a case without a
    /// subject, is peeked at with success.
    #[inline]
    pub fn peek<'a>(&self, event: &'a [u8]) -> Result<Peek<'a>, WireError> {
        let (kind, body) = match self.only_case(event) {
            Some(case) => case,
            None => self.last_case(event)?,
        };
        let case = &self.cases[usize::from(kind)];
        let (mut subject, mut fields) = (0, u64::MAX);
        if let Some(wanted) = case.subject {
            fields = 0;
            for_each_field(body, |field, value| {
                fields |= field_bit(field);
                if let (Value::Varint(value), true) = (value, field == wanted) {
                    subject = value;
                }
                Ok(())
            })?;
        }
        Ok(Peek { kind, subject, may_own: fields & case.owned_fields != 0, body })
    }

    /// The event's case, if the event has that one field and nothing else, as what engines send does.
    #[inline]
    fn only_case<'a>(&self, event: &'a [u8]) -> Option<(u8, &'a [u8])> {
        let (key, rest) = short_varint(event)?;
        let (len, body) = short_varint(rest)?;
        let kind = *self.direct.get((key >> 3) as usize)?;
        (key & 7 == BYTES.into() && len == body.len() as u64 && kind != NO_KIND).then_some((kind, body))
    }

    #[inline(never)]
    fn last_case<'a>(&self, event: &'a [u8]) -> Result<(u8, &'a [u8]), WireError> {
        let mut case = None;
        let mut other = None;
        for_each_field(event, |field, value| {
            match (value, self.kind_of(field)) {
                (Value::Bytes(body), Some(kind)) => case = Some((kind, body)),
                _ => other = Some(field),
            }
            Ok(())
        })?;
        case.ok_or(other.map_or(WireError::Empty, WireError::UnknownCase))
    }

    /// Calls `found` with the id of every native handle that the case's message owns, in no particular order and
    /// without id 0, which is no handle. An id that the message carries twice is reported twice. A kind that owns
    /// nothing costs nothing; a number that is no kind has no ids.
    ///
    /// # Errors
    ///
    /// [`WireError::Truncated`] or [`WireError::Malformed`], after what was found ahead of the fault was reported. An
    /// embedded message that is cut off counts as the fault: nothing of it is read.
    pub fn for_each_owned(&self, kind: u8, body: &[u8], found: &mut impl FnMut(u64)) -> Result<(), WireError> {
        if !self.owns(kind) {
            return Ok(());
        }
        self.cases[usize::from(kind)].owned.walk(body, found)
    }

    /// Reads the message of an event of [`Schema::audio_kind`].
    ///
    /// # Errors
    ///
    /// [`WireError::Truncated`] or [`WireError::Malformed`]. The event may own a handle all the same: release what
    /// [`Schema::for_each_owned`] finds.
    #[inline]
    pub fn audio_event(&self, body: &[u8]) -> Result<AudioEvent, WireError> {
        let spec = &self.audio;
        let mut event = AudioEvent::Other;
        for_each_field(body, |field, value| {
            let Value::Bytes(received) = value else { return Ok(()) };
            if field == spec.eos {
                event = AudioEvent::Eos;
            } else if field == spec.frame_received {
                // Twice the same case of a oneof is merged; after another case it starts from nothing.
                let mut info = match event {
                    AudioEvent::Frame(info) => info,
                    _ => AudioFrameInfo::default(),
                };
                self.read_received(received, &mut info)?;
                event = AudioEvent::Frame(info);
            }
            Ok(())
        })?;
        Ok(event)
    }

    fn read_received(&self, received: &[u8], into: &mut AudioFrameInfo) -> Result<(), WireError> {
        let spec = &self.audio;
        for_each_field(received, |field, value| match value {
            Value::Bytes(frame) if field == spec.frame => for_each_field(frame, |field, value| match value {
                Value::Bytes(handle) if field == spec.handle => for_each_field(handle, |field, value| {
                    if let (Value::Varint(value), true) = (value, field == spec.handle_id) {
                        into.handle = value;
                    }
                    Ok(())
                }),
                Value::Bytes(info) if field == spec.info => for_each_field(info, |field, value| {
                    let Value::Varint(value) = value else { return Ok(()) };
                    // protobuf's uint32 is the low half of the varint, hence the casts.
                    if field == spec.data_ptr {
                        into.data_ptr = value;
                    } else if field == spec.num_channels {
                        into.num_channels = value as u32;
                    } else if field == spec.sample_rate {
                        into.sample_rate = value as u32;
                    } else if field == spec.samples_per_channel {
                        into.samples_per_channel = value as u32;
                    }
                    Ok(())
                }),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })
    }

    fn case(&self, kind: u8) -> Option<&Case> {
        self.cases.get(usize::from(kind))
    }

    #[inline]
    fn kind_of(&self, field: u32) -> Option<u8> {
        match self.direct.get(field as usize) {
            Some(&kind) => (kind != NO_KIND).then_some(kind),
            None if field < DIRECT => None,
            None => self.far.binary_search_by_key(&field, |&(field, _)| field).ok().map(|at| self.far[at].1),
        }
    }
}

fn check_field(field: u32, what: impl FnOnce() -> String) -> Result<(), SchemaError> {
    if (1..=MAX_FIELD).contains(&field) { Ok(()) } else { Err(SchemaError::FieldNumber { field, what: what() }) }
}

fn check_audio(audio: &AudioSpec) -> Result<(), SchemaError> {
    let messages: [&[(&str, u32)]; 5] = [
        &[("frame_received", audio.frame_received), ("eos", audio.eos)],
        &[("frame", audio.frame)],
        &[("handle", audio.handle), ("info", audio.info)],
        &[("handle_id", audio.handle_id)],
        &[
            ("data_ptr", audio.data_ptr),
            ("num_channels", audio.num_channels),
            ("sample_rate", audio.sample_rate),
            ("samples_per_channel", audio.samples_per_channel),
        ],
    ];
    for message in messages {
        for (at, &(name, field)) in message.iter().enumerate() {
            check_field(field, || format!("audio field {name}"))?;
            if message[..at].iter().any(|&(_, other)| other == field) {
                return Err(SchemaError::DuplicateField { field, what: format!("audio field {name}") });
            }
        }
    }
    Ok(())
}

/// Whether a message has a field, or ends in a fault, which is taken for a yes: asked of fields that say what failed.
pub(crate) fn has_field(message: &[u8], wanted: u32) -> bool {
    let mut has = false;
    let read = for_each_field(message, |field, _| {
        has |= field == wanted;
        Ok(())
    });
    has || read.is_err()
}

/// The text of a message's field, as far as it can be read; empty where there is none.
pub(crate) fn text_field(message: &[u8], wanted: u32) -> String {
    let mut text = String::new();
    // A message that ends in a fault has said what it could.
    let _ = for_each_field(message, |field, value| {
        if let Value::Bytes(bytes) = value
            && field == wanted
        {
            text = String::from_utf8_lossy(bytes).into_owned();
        }
        Ok(())
    });
    text
}

/// A field's bit in a set of fields. Some share one: a set says which fields are not in it.
#[inline]
fn field_bit(field: u32) -> u64 {
    1 << (field % 64)
}

/// A field's value as far as its wire type tells.
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed-width numbers and groups: nothing the schema asks for.
    Skipped,
}

const VARINT: u32 = WireType::Varint as u32;
const BYTES: u32 = WireType::LengthDelimited as u32;

/// Calls `each` with the fields of a message in the order they have in it, until one fails or a fault is met.
#[inline]
fn for_each_field<'a>(
    message: &'a [u8],
    mut each: impl FnMut(u32, Value<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let mut rest = message;
    while !rest.is_empty() {
        let (key, after_key) = varint(rest)?;
        let key = u32::try_from(key).map_err(|_| WireError::Malformed)?;
        let field = key >> 3;
        if field == 0 {
            return Err(WireError::Malformed);
        }
        let value = match key & 7 {
            VARINT => {
                let (value, after) = varint(after_key)?;
                rest = after;
                Value::Varint(value)
            }
            BYTES => {
                let (len, after_len) = varint(after_key)?;
                let len = usize::try_from(len).map_err(|_| WireError::Truncated)?;
                let (bytes, after) = after_len.split_at_checked(len).ok_or(WireError::Truncated)?;
                rest = after;
                Value::Bytes(bytes)
            }
            _ => {
                rest = skip(rest)?;
                Value::Skipped
            }
        };
        each(field, value)?;
    }
    Ok(())
}

/// The varint that `message` begins with, and what follows it.
#[inline]
fn varint(message: &[u8]) -> Result<(u64, &[u8]), WireError> {
    match short_varint(message) {
        Some(read) => Ok(read),
        None => long_varint(message),
    }
}

/// A varint of one byte, as most are, or of two: the key of a field from 16 on, a length up to 16,383.
///
/// `prost` takes those as fast, but moves a `&mut &[u8]` along, which then lives in memory: read here, an audio frame's
/// peek takes 12 ns instead of 20.
#[inline]
fn short_varint(message: &[u8]) -> Option<(u64, &[u8])> {
    match message {
        [byte @ ..0x80, rest @ ..] => Some((u64::from(*byte), rest)),
        [low, high @ ..0x80, rest @ ..] => Some((u64::from(low & 0x7f) | u64::from(*high) << 7, rest)),
        _ => None,
    }
}

#[inline(never)]
fn long_varint(message: &[u8]) -> Result<(u64, &[u8]), WireError> {
    let mut rest = message;
    match decode_varint(&mut rest) {
        Ok(value) => Ok((value, rest)),
        // Of a varint that was cut off, every byte says that another follows.
        Err(_) if message.len() < 10 && message.iter().all(|byte| byte & 0x80 != 0) => Err(WireError::Truncated),
        Err(_) => Err(WireError::Malformed),
    }
}

/// What follows the field that `message` begins with. Groups nest, so `prost` recurses, and stops at 100 deep.
#[cold]
fn skip(message: &[u8]) -> Result<&[u8], WireError> {
    let mut rest = message;
    let (field, wire_type) = decode_key(&mut rest).map_err(|_| WireError::Malformed)?;
    skip_field(wire_type, field, &mut rest, DecodeContext::default()).map_err(|_| match wire_type {
        WireType::ThirtyTwoBit | WireType::SixtyFourBit => WireError::Truncated,
        // A group may also have been cut off: `prost` doesn't say which.
        _ => WireError::Malformed,
    })?;
    Ok(rest)
}
