//! Writes protobuf messages field by field, valid ones and others.

use prost::encoding::{WireType, encode_key, encode_varint};

/// The bytes of a message under construction.
#[derive(Clone, Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn varint(mut self, field: u32, value: u64) -> Self {
        encode_key(field, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
        self
    }

    pub fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        encode_key(field, WireType::LengthDelimited, &mut self.0);
        encode_varint(bytes.len() as u64, &mut self.0);
        self.raw(bytes)
    }

    pub fn message(self, field: u32, message: Message) -> Self {
        self.bytes(field, &message.0)
    }

    /// A message in a message in a message: `value` as the varint at the end of the path.
    pub fn at(self, path: &[u32], value: u64) -> Self {
        match path {
            [] => self,
            [field] => self.varint(*field, value),
            [field, rest @ ..] => self.message(*field, Message::new().at(rest, value)),
        }
    }

    pub fn fixed32(mut self, field: u32) -> Self {
        encode_key(field, WireType::ThirtyTwoBit, &mut self.0);
        self.raw(&[0xff; 4])
    }

    pub fn fixed64(mut self, field: u32) -> Self {
        encode_key(field, WireType::SixtyFourBit, &mut self.0);
        self.raw(&[0xff; 8])
    }

    pub fn group(mut self, field: u32, content: Message) -> Self {
        encode_key(field, WireType::StartGroup, &mut self.0);
        self = self.raw(&content.0);
        encode_key(field, WireType::EndGroup, &mut self.0);
        self
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
