//! The onset of speech.
//!
//! Without `min_speech_ms`, speech also starts as soon as the probability has risen clearly above that of the noise before.
//! That is Page's test (CUSUM) on log-odds: each step adds how far its log-odds are above their mean in the noise before, less
//! [`DRIFT`], and the sum does not fall below 0. Speech starts when the sum reaches [`EVIDENCE`], in a step whose log-odds are at
//! most [`BELOW`] under those of the threshold. A clear onset takes one step, a weak one several; steady noise adds nothing,
//! however probable the network finds speech in it.
//!
//! Once the noise is known, speech without an onset, which length alone starts, has to be [`ABOVE`] the threshold. That takes
//! no time where speech rises from noise, and half of the starts that steady noise makes.
//!
//! The figures were chosen on two parts of the data of `bench/speech.ts`, and tried on the third.

/// Log-odds by which a step has to be above the noise to count as evidence of an onset.
const DRIFT: f32 = 0.9;

/// The sum of log-odds above the noise that is an onset.
const EVIDENCE: f32 = 0.6;

/// Log-odds by which the last step of an onset may be below the threshold: 0.5 where the threshold is 0.65.
const BELOW: f32 = 0.62;

/// Log-odds by which steps have to be above the threshold that start speech by their length: 0.8 where the threshold is 0.65.
const ABOVE: f32 = 0.77;

/// Steps of noise that have to be known before an onset can be found, and over which the noise's mean is taken: a third of a second.
const NOISE_STEPS: u32 = 20;

/// Looks for a rise of the probability above that of the noise before.
#[derive(Clone, Copy, Default)]
pub struct Onset {
    /// Mean of the noise's log-odds, and the steps that it was taken from.
    noise: f32,
    known: u32,
    /// What the last steps were above it, added up.
    pub evidence: f32,
}

impl Onset {
    /// A step while there is no speech.
    pub fn take(&mut self, log_odds: f32) {
        if self.known == 0 {
            self.noise = log_odds;
        }
        self.known = self.known.saturating_add(1);
        let above = log_odds - self.noise;
        self.evidence = (self.evidence + above - DRIFT).max(0.0);
        self.noise += above / self.known.min(NOISE_STEPS) as f32;
    }

    /// Whether a step of these log-odds counts where length alone starts speech. Until the noise is known, each one does.
    pub fn is_clear(&self, log_odds: f32, threshold: f32) -> bool {
        !self.is_noise_known() || log_odds >= (log_odds_of(threshold) + ABOVE).min(finite_log_odds(1.0))
    }

    fn is_noise_known(&self) -> bool {
        self.known > NOISE_STEPS
    }

    /// Whether the last step, of these log-odds, makes it an onset.
    pub fn is_found(&self, log_odds: f32, threshold: f32) -> bool {
        self.is_noise_known() && self.evidence >= EVIDENCE && log_odds >= log_odds_of(threshold) - BELOW
    }
}

/// Infinite for 0 and 1.
fn log_odds_of(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln()
}

/// The log-odds of a probability of the network's: some of these are 0 or 1.
pub fn finite_log_odds(probability: f32) -> f32 {
    log_odds_of(probability.clamp(0.001, 0.999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_the_noise_is_known_length_alone_needs_more_than_the_threshold() {
        let mut onset = Onset::default();
        let (at, above) = (finite_log_odds(0.66), finite_log_odds(0.81));
        for _ in 0..NOISE_STEPS {
            onset.take(at);
            assert!(onset.is_clear(at, 0.65), "the noise is not known yet");
        }
        onset.take(at);
        assert!(!onset.is_clear(at, 0.65) && onset.is_clear(above, 0.65));
        assert!(onset.is_clear(finite_log_odds(1.0), 0.9999), "no probability would be above it");
    }
}
