//! In place of `resampler_engine.rs` where the crate was built without the feature `resampling`: no engine can be made.

use crate::resampler_settings::{Filter, ResamplerError, ResamplerSettings};

/// None.
pub enum Engine {}

/// What one call of an engine read and wrote.
pub struct Processed {
    pub input_frames: usize,
    pub output_frames: usize,
}

impl Engine {
    pub fn float(_: ResamplerSettings, _: Filter) -> Result<Self, ResamplerError> {
        let missing = "narrowcast-audio was built without it: turn on its feature `resampling`, or keep to one rate";
        Err(ResamplerError::Engine(missing.to_owned()))
    }

    pub fn integer(settings: ResamplerSettings, filter: Filter) -> Result<Self, ResamplerError> {
        Self::float(settings, filter)
    }

    pub fn name(&self) -> &'static str {
        match *self {}
    }

    pub fn clear(&mut self) -> Result<(), ResamplerError> {
        match *self {}
    }

    pub fn process_f32(&mut self, _: &[f32], _: &mut [f32]) -> Result<Processed, ResamplerError> {
        match *self {}
    }

    pub fn process_i16(&mut self, _: &[i16], _: &mut [i16]) -> Result<Processed, ResamplerError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use crate::{Converter, Kind, Pace};

    #[test]
    fn equal_rates_work_and_another_is_refused_with_the_name_of_the_feature() {
        let at = |sample_rate| Kind { sample_rate, channels: 1 };
        let mut same = Converter::new(at(8000), at(8000), Pace::Even).unwrap();
        let mut out = Vec::new();
        same.convert(&[1, 2, 3], |pcm| out.extend_from_slice(pcm)).unwrap();
        assert_eq!(out, [1, 2, 3]);
        let refused = Converter::new(at(8000), at(16_000), Pace::Even).err().unwrap();
        assert!(refused.to_string().contains("`resampling`"), "{refused}");
    }
}
