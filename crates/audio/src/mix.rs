//! The sum of several streams of PCM.

/// Adds samples to a sum, as many as both have. 65,536 streams at full level fit.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{add_to_mix, take_mix};
///
/// let (mut sum, mut mixed) = ([0; 3], [0; 3]);
/// add_to_mix(&mut sum, &[30_000, -5, 7]);
/// add_to_mix(&mut sum, &[30_000, -5]);
/// assert_eq!((take_mix(&mut sum, &mut mixed), mixed, sum), (1, [32_767, -10, 7], [0; 3]));
/// ```
pub fn add_to_mix(sum: &mut [i32], pcm: &[i16]) {
    for (sum, &sample) in sum.iter_mut().zip(pcm) {
        *sum = sum.wrapping_add(sample.into());
    }
}

/// Takes a sum as samples, and leaves zeros. What is too loud for 16 bits is limited to what they can hold; returns how many
/// samples that were.
pub fn take_mix(sum: &mut [i32], mixed: &mut [i16]) -> usize {
    let mut limited = 0u32;
    for (sum, mixed) in sum.iter_mut().zip(mixed) {
        *mixed = (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        limited += u32::from(*sum != i32::from(*mixed));
        *sum = 0;
    }
    limited as usize
}
