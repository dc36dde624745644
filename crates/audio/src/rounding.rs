//! Floating point to integers.

/// The nearest integer within 16 bits, of two the even one.
///
/// A loop of this is compiled to several at once, which [`f32::round`] is only from SSE 4.1 on: floats from 2²³ to 2²⁴ are
/// the integers, so adding one of them rounds, and leaves the result in the lower bits.
pub(crate) fn rounded(sample: f32) -> i16 {
    const INTEGERS: f32 = 12_582_912.0; // 1.5 · 2²³
    let within = sample.clamp(f32::from(i16::MIN), f32::from(i16::MAX));
    (within + INTEGERS).to_bits() as i16
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn integers_are_rounded_and_clipped() {
        for (sample, expected) in [
            (0.0, 0),
            (-0.0, 0),
            (0.49, 0),
            (0.51, 1),
            (-0.51, -1),
            (-1.49, -1),
            (1.5, 2),
            (2.5, 2),
            (32_766.6, i16::MAX),
            (32_767.4, i16::MAX),
            (40_000.0, i16::MAX),
            (f32::INFINITY, i16::MAX),
            (-32_768.4, i16::MIN),
            (-1e9, i16::MIN),
        ] {
            assert_eq!(rounded(sample), expected, "{sample}");
        }
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(rounded(f32::from(sample)), sample);
        }
    }
}
