//! Arbitrary bytes as G.711 and as PCM, in pieces of any length: no panic, every code comes back, and pieces make what the whole
//! does. And in Base64, which is read back by another implementation's rules.
//!
//! `npm run fuzz -- g711`

#![no_main]

use g711::{Coding, base64};
use libfuzzer_sys::fuzz_target;

// The file and not the crate, as in peek.rs.
#[path = "../../audio/src/g711.rs"]
mod g711;

fuzz_target!(|bytes: &[u8]| {
    for coding in [Coding::Pcm16, Coding::Mulaw, Coding::Alaw] {
        let mut samples = vec![0; bytes.len()];
        let count = coding.decode(bytes, &mut samples);
        assert_eq!(count, bytes.len() / coding.bytes());
        samples.truncate(count);
        let mut back = Vec::new();
        coding.encode(&samples, &mut back);
        // Zero has a second code in µ-law.
        let same = |(code, again): (&u8, &u8)| code == again || coding == Coding::Mulaw && (*code, *again) == (0x7f, 0xff);
        assert!(bytes.iter().zip(&back).all(same) && back.len() == count * coding.bytes());

        let piece = usize::from(bytes.first().copied().unwrap_or(0)) % 7 * coding.bytes() + coding.bytes();
        let mut in_pieces = Vec::new();
        for part in bytes[..back.len()].chunks(piece) {
            let mut samples = vec![0; part.len()];
            let count = coding.decode(part, &mut samples);
            coding.encode(&samples[..count], &mut in_pieces);
        }
        assert_eq!(in_pieces, back);
    }
    let mut text = Vec::new();
    base64(bytes, &mut text);
    assert_eq!(read_base64(&text), bytes);
});

/// Bit by bit.
fn read_base64(text: &[u8]) -> Vec<u8> {
    assert!(text.len().is_multiple_of(4));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.iter().filter(|letter| **letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("{letter} is no letter of Base64"),
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
