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
//! - An embedded message that occurs twice counts twice for [`Schema::for_each_owned`]: a repeated field and a field that
//!   is to be merged look the same here. A handle that is reported and not there is the lesser evil: dropping it is
//!   refused, where one never reported would be kept for ever.
//! - Varints over 64 bits, groups nested over 100 deep, field number 0 and wire types 6 and 7 are malformed, as they
//!   are for `prost`, which wrote the event in the engine and reads the primitives here.
//!
//! Nothing here allocates once the schema is built, except that `prost` boxes the error of a malformed message.

#![forbid(unsafe_code)]

mod fields;
mod owned;
mod schema;
mod spec;

pub use fields::WireError;
pub(crate) use fields::{has_field, text_field};
pub use schema::{AudioEvent, AudioFrameInfo, Peek, Schema, StreamEvent};
pub use spec::{AudioSpec, CaseSpec, MAX_CASES, MAX_IDS, MAX_PATH, SchemaError, SchemaSpec};
