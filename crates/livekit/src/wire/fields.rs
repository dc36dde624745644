//! The fields of one protobuf message, in the order in which it has them.

use std::fmt;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

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

/// A field's value as far as its wire type tells.
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed-width numbers and groups: nothing the schema asks for.
    Skipped,
}

const VARINT: u32 = WireType::Varint as u32;
pub(super) const BYTES: u32 = WireType::LengthDelimited as u32;

/// Calls `each` with the fields of a message in the order they have in it, until one fails or a fault is met.
#[inline]
pub(super) fn for_each_field<'a>(
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
pub(super) fn short_varint(message: &[u8]) -> Option<(u64, &[u8])> {
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
