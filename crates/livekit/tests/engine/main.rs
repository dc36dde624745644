//! What `Engine` does with each event that the engine's callback brings: copy, release, keep for later, pass on.

#[path = "../support/fake_engine.rs"]
mod fake_engine;
#[path = "../support/livekit_spec.rs"]
mod livekit_spec;
#[allow(dead_code)]
#[path = "../support/message.rs"]
mod message;
#[allow(dead_code)]
#[path = "../support/reference.rs"]
mod reference;

mod any_order;
mod broadcast;
mod claims;
mod early;
mod frames;
mod own_answers;
mod resampled;
mod threads;
mod video;

// `livekit_spec` looks for it here.
use narrowcast_livekit::wire;
