//! Which native handles a message owns.

use super::fields::{Value, WireError, for_each_field};
use super::spec::MAX_IDS;

/// What a message owns: the paths of a case as a tree, so that one pass over the bytes finds every id.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    /// Fields of this message that are ids.
    ids: Vec<u32>,
    /// Fields of this message that are messages with ids further down.
    messages: Vec<(u32, Owned)>,
}

impl Owned {
    pub(super) fn insert(&mut self, path: &[u32]) -> Result<(), &'static str> {
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

    /// Whether the message owns nothing, wherever one looks.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.messages.is_empty()
    }

    /// The fields of this message that are, or lead to, ids.
    pub(super) fn fields(&self) -> impl Iterator<Item = u32> {
        self.ids.iter().copied().chain(self.messages.iter().map(|(field, _)| *field))
    }

    /// Reports the ids in `body`. Its own come last: which occurrence of a field counts is known only at the end.
    pub(super) fn walk(&self, body: &[u8], found: &mut impl FnMut(u64)) -> Result<(), WireError> {
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
