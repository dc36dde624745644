//! The same questions as `wire` answers, answered again in the plainest way: with lists, copies and no schema tree.
//! Shares no code with it, so that tests and fuzzing can compare the two.

use crate::wire::{AudioFrameInfo, AudioSpec, SchemaSpec};

/// How deep `prost` follows groups.
const GROUPS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Varint(u64),
    Bytes(Vec<u8>),
    Other,
}

/// The fields of a message, and whether it is well formed; if not, the fields ahead of the fault.
pub fn fields(bytes: &[u8]) -> (Vec<(u32, Value)>, bool) {
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match field(bytes, &mut at, 0) {
            Some(field) => fields.push(field),
            None => return (fields, false),
        }
    }
    (fields, true)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u128;
    for position in 0..10 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u128::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return u64::try_from(value).ok();
        }
    }
    None
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, len: u64) -> Option<&'a [u8]> {
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    let taken = bytes.get(*at..end)?;
    *at = end;
    Some(taken)
}

fn key(bytes: &[u8], at: &mut usize) -> Option<(u32, u64)> {
    let key = u32::try_from(varint(bytes, at)?).ok()?;
    (key >> 3 != 0).then_some((key >> 3, u64::from(key & 7)))
}

fn field(bytes: &[u8], at: &mut usize, depth: usize) -> Option<(u32, Value)> {
    let (number, wire_type) = key(bytes, at)?;
    Some((number, value(bytes, at, number, wire_type, depth)?))
}

fn value(bytes: &[u8], at: &mut usize, number: u32, wire_type: u64, depth: usize) -> Option<Value> {
    if depth >= GROUPS {
        return None;
    }
    Some(match wire_type {
        0 => Value::Varint(varint(bytes, at)?),
        1 => take(bytes, at, 8).map(|_| Value::Other)?,
        2 => {
            let len = varint(bytes, at)?;
            Value::Bytes(take(bytes, at, len)?.to_vec())
        }
        3 => loop {
            let (inner, wire_type) = key(bytes, at)?;
            if wire_type == 4 {
                break (inner == number).then_some(Value::Other)?;
            }
            value(bytes, at, inner, wire_type, depth + 1)?;
        },
        5 => take(bytes, at, 4).map(|_| Value::Other)?,
        _ => return None,
    })
}

/// Kind, subject and body; none for an event that is malformed or of no known case.
pub fn peek(spec: &SchemaSpec, event: &[u8]) -> Option<(u8, u64, Vec<u8>)> {
    let (fields, true) = fields(event) else { return None };
    let (kind, body) = fields.into_iter().rev().find_map(|(number, value)| {
        let kind = spec.cases.iter().position(|case| case.field == number)?;
        if let Value::Bytes(body) = value { Some((kind as u8, body)) } else { None }
    })?;
    let subject = match spec.cases[usize::from(kind)].subject {
        Some(field) => last_varint(std::slice::from_ref(&body), field)?,
        None => 0,
    };
    Some((kind, subject, body))
}

/// The ids at the ends of the paths and whether every message on the way is well formed; if not, the ids ahead of the
/// fault. Id 0 is left out.
pub fn owned(paths: &[Vec<u32>], body: &[u8]) -> (Vec<u64>, bool) {
    if paths.is_empty() {
        return (Vec::new(), true);
    }
    let mut ids = Vec::new();
    let (fields, mut whole) = fields(body);
    let mut last: Vec<(u32, u64)> = Vec::new();
    for (number, value) in fields {
        match value {
            Value::Varint(id) if paths.contains(&vec![number]) => {
                last.retain(|&(field, _)| field != number);
                last.push((number, id));
            }
            Value::Bytes(bytes) => {
                let below = |path: &Vec<u32>| (path[0] == number && path.len() > 1).then(|| path[1..].to_vec());
                let (mut found, inner_whole) = owned(&paths.iter().filter_map(below).collect::<Vec<_>>(), &bytes);
                ids.append(&mut found);
                if !inner_whole {
                    whole = false;
                    break;
                }
            }
            _ => {}
        }
    }
    ids.extend(last.into_iter().map(|(_, id)| id).filter(|&id| id != 0));
    (ids, whole)
}

/// `Err` if malformed, `Ok(None)` for neither a frame nor the end, `Ok(Some(None))` for the end.
///
/// Merging two messages is the same as reading their bytes one after the other, so that is what this does.
pub fn audio(spec: &AudioSpec, body: &[u8]) -> Result<Option<Option<AudioFrameInfo>>, ()> {
    let (fields, true) = fields(body) else { return Err(()) };
    let mut received: Option<Option<Vec<Vec<u8>>>> = None;
    let mut all = Vec::new();
    for (number, value) in fields {
        let Value::Bytes(bytes) = value else { continue };
        if number == spec.eos {
            received = Some(None);
        } else if number == spec.frame_received {
            all.push(bytes.clone());
            match &mut received {
                Some(Some(pieces)) => pieces.push(bytes),
                _ => received = Some(Some(vec![bytes])),
            }
        }
    }
    // What a later case replaced must be well formed too.
    read_frame(spec, &all).ok_or(())?;
    Ok(match received {
        Some(Some(pieces)) => Some(Some(read_frame(spec, &pieces).ok_or(())?)),
        Some(None) => Some(None),
        None => None,
    })
}

fn read_frame(spec: &AudioSpec, received: &[Vec<u8>]) -> Option<AudioFrameInfo> {
    let frame = messages(received, spec.frame)?;
    let info = messages(&frame, spec.info)?;
    Some(AudioFrameInfo {
        handle: last_varint(&messages(&frame, spec.handle)?, spec.handle_id)?,
        data_ptr: last_varint(&info, spec.data_ptr)?,
        num_channels: last_varint(&info, spec.num_channels)? as u32,
        sample_rate: last_varint(&info, spec.sample_rate)? as u32,
        samples_per_channel: last_varint(&info, spec.samples_per_channel)? as u32,
    })
}

/// The embedded messages with this number in all of the messages; none if one of those is malformed.
fn messages(pieces: &[Vec<u8>], wanted: u32) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for piece in pieces {
        let (fields, true) = fields(piece) else { return None };
        found.extend(fields.into_iter().filter_map(|field| match field {
            (number, Value::Bytes(bytes)) if number == wanted => Some(bytes),
            _ => None,
        }));
    }
    Some(found)
}

/// The last integer with this number in all of the messages, or 0; none if one of those is malformed.
fn last_varint(pieces: &[Vec<u8>], wanted: u32) -> Option<u64> {
    let mut last = 0;
    for piece in pieces {
        let (fields, true) = fields(piece) else { return None };
        for field in fields {
            if let (number, Value::Varint(value)) = field
                && number == wanted
            {
                last = value;
            }
        }
    }
    Some(last)
}
