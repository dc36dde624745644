//! G.711: what telephones send, one byte a sample, in µ-law or A-law. And Base64, in which phone providers wrap it.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// How samples are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// 16 bits, little-endian.
    Pcm16,
    /// G.711 µ-law, `audio/PCMU`: North America, Japan.
    Mulaw,
    /// G.711 A-law, `audio/PCMA`: elsewhere.
    Alaw,
}

impl Coding {
    /// Bytes of a sample.
    pub fn bytes(self) -> usize {
        if self == Self::Pcm16 { 2 } else { 1 }
    }

    /// Writes samples as bytes, behind what is in `bytes`.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::Coding;
    ///
    /// let mut bytes = Vec::new();
    /// Coding::Mulaw.encode(&[0, -32_768, 32_767], &mut bytes);
    /// assert_eq!(bytes, [0xff, 0x00, 0x80]);
    /// ```
    pub fn encode(self, samples: &[i16], bytes: &mut Vec<u8>) {
        match self {
            Self::Pcm16 => bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
            Self::Mulaw => bytes.extend(samples.iter().map(|sample| encode_ulaw(*sample))),
            Self::Alaw => bytes.extend(samples.iter().map(|sample| encode_alaw(*sample))),
        }
    }

    /// Reads samples from bytes, as many as both have room for; returns how many that are.
    pub fn decode(self, bytes: &[u8], samples: &mut [i16]) -> usize {
        let each = |decode: fn(u8) -> i16, samples: &mut [i16]| {
            samples.iter_mut().zip(bytes).map(|(sample, code)| *sample = decode(*code)).count()
        };
        match self {
            Self::Pcm16 => {
                let pairs = samples.iter_mut().zip(bytes.chunks_exact(2));
                pairs.map(|(sample, pair)| *sample = i16::from_le_bytes([pair[0], pair[1]])).count()
            }
            Self::Mulaw => each(decode_ulaw, samples),
            Self::Alaw => each(decode_alaw, samples),
        }
    }
}

/// Writes bytes in Base64 with padding, behind what is in `text`.
pub fn base64(bytes: &[u8], text: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let letter = |i: usize| LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
        let padded = |i: usize| if i <= group.len() { letter(i) } else { b'=' };
        text.extend([letter(0), letter(1), padded(2), padded(3)]);
    }
}
