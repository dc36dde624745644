//! Reads events by a schema.

use super::fields::{BYTES, Value, WireError, for_each_field, short_varint};
use super::owned::Owned;
use super::spec::{AudioSpec, CaseSpec, MAX_CASES, MAX_PATH, SchemaError, SchemaSpec, check_audio, check_field};

/// Case fields below this are found by array index. The engine's go up to 46; a larger one costs a binary search
/// rather than an array of up to 2^29 entries.
const DIRECT: u32 = 1024;

const NO_KIND: u8 = u8::MAX;

/// What an event is, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek<'a> {
    /// The case's position in [`SchemaSpec::cases`].
    pub kind: u8,
    /// What the event is about: the stream, the room or the async id. 0 where the case has no subject or the
    /// event doesn't carry it.
    pub subject: u64,
    /// Whether the event may own native handles: its message has fields below which its case keeps some. False is
    /// certain, and saves the code that drops the event the search.
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
/// that is up to the code that reads memory at `data_ptr`.
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

impl Schema {
    /// Checks the specification and lays it out.
    ///
    /// # Errors
    ///
    /// What is wrong with `spec`: see [`SchemaError`]. An owned path must not be empty, longer than [`MAX_PATH`], given
    /// twice, or go on below an id.
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
        self.case(kind).is_some_and(|case| !case.owned.is_empty())
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

/// A field's bit in a set of fields. Some share one: a set says which fields are not in it.
#[inline]
fn field_bit(field: u32) -> u64 {
    1 << (field % 64)
}
