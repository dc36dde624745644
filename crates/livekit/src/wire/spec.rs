//! Where things are in the engine's messages, as JavaScript tells it, and what can be wrong with that.

use std::fmt;

/// Cases a schema can have: as many as the broadcast's set of kinds has bits.
pub const MAX_CASES: usize = 128;

/// Field numbers in an owned path. The engine's longest has 5; the limit bounds the recursion of the walk.
pub const MAX_PATH: usize = 16;

/// Owned ids that can sit directly in one message. The engine's handle message has 1; the limit keeps the walk's
/// frame on the stack small.
pub const MAX_IDS: usize = 8;

/// The largest number protobuf allows a field.
const MAX_FIELD: u32 = (1 << 29) - 1;

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
    /// A case that is said to be an answer but has no subject, so that no caller could be told of it: its name.
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

pub(super) fn check_field(field: u32, what: impl FnOnce() -> String) -> Result<(), SchemaError> {
    if (1..=MAX_FIELD).contains(&field) { Ok(()) } else { Err(SchemaError::FieldNumber { field, what: what() }) }
}

pub(super) fn check_audio(audio: &AudioSpec) -> Result<(), SchemaError> {
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
