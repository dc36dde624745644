//! G.711 against its own definition, and Base64 against RFC 4648's vectors.
#![cfg(not(loom))]

use narrowcast_audio::{Coding, base64};

fn decoded(coding: Coding, code: u8) -> i16 {
    let mut sample = [0];
    assert_eq!(coding.decode(&[code], &mut sample), 1);
    sample[0]
}

fn encoded(coding: Coding, sample: i16) -> u8 {
    let mut code = Vec::new();
    coding.encode(&[sample], &mut code);
    code[0]
}

/// ITU-T G.711, table 2a and 2b: the decoder's output for a code, on the scale of 14 bits.
fn mulaw_by_the_standard(code: u8) -> i16 {
    let bits = !code;
    let (segment, step) = (i32::from(bits >> 4 & 7), i32::from(bits & 15));
    // The segment's steps are 2^(segment + 1) wide, and begin 33 * 2^segment - 33 above 0.
    let value = ((2 * step + 33) << segment) - 33;
    (if bits & 0x80 == 0 { value } else { -value } * 4) as i16
}

/// ITU-T G.711, table 1a and 1b: the same on the scale of 13 bits; every other bit of a code is inverted.
fn alaw_by_the_standard(code: u8) -> i16 {
    let bits = code ^ 0x55;
    let (segment, step) = (i32::from(bits >> 4 & 7), i32::from(bits & 15));
    let value = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    (if bits & 0x80 != 0 { value } else { -value } * 8) as i16
}

#[test]
fn all_256_codes_decode_as_the_standards_tables_have_them() {
    for code in 0..=u8::MAX {
        assert_eq!(decoded(Coding::Mulaw, code), mulaw_by_the_standard(code), "µ-law {code:#04x}");
        assert_eq!(decoded(Coding::Alaw, code), alaw_by_the_standard(code), "A-law {code:#04x}");
    }
    // From the tables themselves: the ends, and what is nearest to 0.
    assert_eq!([0x00, 0x80, 0x7f, 0xff].map(|code| decoded(Coding::Mulaw, code)), [-32_124, 32_124, 0, 0]);
    assert_eq!([0x2a, 0xaa, 0x55, 0xd5].map(|code| decoded(Coding::Alaw, code)), [-32_256, 32_256, -8, 8]);
}

#[test]
fn every_code_comes_back_but_the_second_zero_of_mulaw() {
    for code in 0..=u8::MAX {
        let back = |coding| encoded(coding, decoded(coding, code));
        assert_eq!(back(Coding::Mulaw), if code == 0x7f { 0xff } else { code });
        assert_eq!(back(Coding::Alaw), code);
    }
}

#[test]
fn every_sample_becomes_the_nearest_code_or_one_beside_a_border_and_louder_ones_are_never_quieter() {
    for coding in [Coding::Mulaw, Coding::Alaw] {
        let mut before = i16::MIN;
        for sample in i16::MIN..=i16::MAX {
            let back = decoded(coding, encoded(coding, sample));
            assert!(back >= before, "{coding:?}: {sample} is {back}, and the sample below it {before}");
            before = back;
            let error = (i32::from(back) - i32::from(sample)).abs();
            // Half of a step: a sixteenth of the segment's begin at most, and more only where the scale ends.
            let magnitude = i32::from(sample).abs();
            let half_a_step = (magnitude + 132) / 32 + 8;
            let clipped = magnitude - decoded(coding, encoded(coding, i16::MAX)) as i32;
            assert!(error <= half_a_step.max(clipped), "{coding:?}: {sample} is {back}");
        }
    }
}

#[test]
fn sixteen_bits_are_little_endian_and_a_byte_too_many_is_left_out() {
    let mut bytes = Vec::new();
    Coding::Pcm16.encode(&[1, -2], &mut bytes);
    assert_eq!(bytes, [1, 0, 0xfe, 0xff]);
    let mut samples = [0; 4];
    assert_eq!((Coding::Pcm16.decode(&[1, 0, 0xfe, 0xff, 7], &mut samples), samples), (2, [1, -2, 0, 0]));
    assert_eq!(Coding::Mulaw.decode(&[0, 0], &mut samples[..1]), 1, "no more than there is room for");
}

#[test]
fn base64_is_that_of_rfc_4648() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        let mut written = Vec::new();
        base64(bytes.as_bytes(), &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), text);
    }
    let mut written = Vec::new();
    base64(&[0xfb, 0xff, 0xbf], &mut written);
    assert_eq!(written, *b"+/+/");
}
