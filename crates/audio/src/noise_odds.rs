//! Corrects the network's probability for what the network says of the noise alone.
//!
//! In some noise the network finds speech likely all the time, in quiet it finds even pauses within words unlikely. So each
//! probability is corrected as for another prior (Bayes' rule, in odds): with `p` from the network,
//!
//! ```text
//! odds(p) = p / (1 - p)        odds(corrected) = odds(p) · (odds(USUAL) / odds(noise)) ^ SHARE
//! ```
//!
//! `noise` is from the mean of the log-odds over the last half second without speech: it stands still while speech goes on, or
//! is about to start, however long that takes. In noise that passes for speech more than [`USUAL`], the probability is lowered.
//! In less, it is raised, but only while speech goes on, and for [`LASTING`] steps after one that reached the threshold by
//! itself: that bridges closures and weak consonants within words, and starts no speech.
//!
//! The figures were chosen on two parts of the data of `bench/speech.ts`, and tried on the third.

/// Log-odds of noise that corrects nothing: a probability of 0.31.
const USUAL: f32 = -0.8;

/// How much of the correction is made. All of it would find less of what is said in loud noise.
const SHARE: f32 = 0.8;

/// What the network says of quiet, in log-odds: a probability of 0.15.
const QUIET: f32 = -1.75;

/// Steps over which the mean of the noise is taken: half a second.
const NOISE_STEPS: f32 = 32.0;

/// Steps after one at the threshold in which the probability may be raised: 128 ms.
const LASTING: u32 = 8;

/// What the network says of the noise, and how that corrects what it says of a step.
pub struct NoiseOdds {
    /// Mean of the log-odds.
    noise: f32,
    /// Steps since one reached the threshold by itself.
    since: u32,
}

impl NoiseOdds {
    /// Before anything was heard: after quiet.
    pub fn quiet() -> Self {
        Self { noise: QUIET, since: u32::MAX }
    }

    /// The last step was noise, of these log-odds before they were corrected.
    pub fn take(&mut self, log_odds: f32) {
        self.noise += (log_odds - self.noise) / NOISE_STEPS;
    }

    /// The next step's probability, corrected. 0 stays 0, and 1 stays 1.
    pub fn correct(&mut self, probability: f32, threshold: f32, speaking: bool) -> f32 {
        self.since = if probability >= threshold { 0 } else { self.since.saturating_add(1) };
        let above = SHARE * (self.noise - USUAL);
        if above < 0.0 && !(speaking && self.since <= LASTING) {
            return probability;
        }
        probability / (probability + (1.0 - probability) * above.exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onset::finite_log_odds;

    const THRESHOLD: f32 = 0.65;

    /// After a minute of noise of this probability.
    fn after(probability: f32) -> NoiseOdds {
        let mut noise = NoiseOdds::quiet();
        for _ in 0..3750 {
            noise.correct(probability, THRESHOLD, false);
            noise.take(finite_log_odds(probability));
        }
        noise
    }

    #[test]
    fn noise_that_passes_for_speech_lowers_the_probability() {
        // Odds of 2.333 and 19, times (0.449 / 2.333) ^ 0.8.
        for (probability, expected) in [(0.7, 0.384), (0.95, 0.836)] {
            for speaking in [false, true] {
                let corrected = after(0.7).correct(probability, THRESHOLD, speaking);
                assert!((corrected - expected).abs() < 0.002, "{corrected}");
            }
        }
    }

    #[test]
    fn quiet_raises_the_probability_for_a_while_after_the_threshold_was_reached_in_speech() {
        assert_eq!(NoiseOdds::quiet().correct(0.6, THRESHOLD, true), 0.6, "the threshold was not reached");
        let mut noise = NoiseOdds::quiet();
        assert_eq!(noise.correct(0.65, THRESHOLD, false), 0.65, "no speech");
        // Odds of 1.857, times (0.449 / 0.174) ^ 0.8.
        assert!((noise.correct(0.65, THRESHOLD, true) - 0.799).abs() < 0.002);
        for _ in 0..LASTING {
            assert!(noise.correct(0.5, THRESHOLD, true) > THRESHOLD);
        }
        assert_eq!(noise.correct(0.5, THRESHOLD, true), 0.5);
    }

    #[test]
    fn what_is_certain_stays_certain() {
        for mut noise in [after(0.0), after(1.0)] {
            for speaking in [false, true] {
                assert_eq!(noise.correct(0.0, THRESHOLD, speaking), 0.0);
                assert_eq!(noise.correct(1.0, THRESHOLD, speaking), 1.0);
            }
        }
    }
}
