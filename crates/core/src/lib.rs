//! Lock-free broadcast, filtered by kind and subject before anything is allocated.
//!
//! ```text
//! any thread                                                        consumer threads
//! Broadcast::send ─► registry: who wants (kind, subject)?
//!    ├ no subscriber ─► Owner::release, done
//!    └ each match ─► Subscriber: EventQueue (bounded) ─► Waiter ─► Doorbell ──wake──► take
//! ```
//!
//! The rules: sending never blocks and takes no lock; every queue has a bound or is called [`Overflow::Grow`]; what is
//! dropped is counted; what an event owns is delivered or released, once. `tests/loom.rs` and `tests/model.rs` check
//! them.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod broadcast;
mod doorbell;
mod event;
mod filter;
mod interest;
mod queue;
mod registry;
mod snapshot_map;
mod stats;
mod subject_map;
mod subscriber;
mod subscriber_counters;
pub mod sync;

pub use broadcast::Broadcast;
pub use doorbell::{Doorbell, Token, Waiter, Wake};
pub use event::{Event, Owner};
pub use filter::{ALL_GROUPS, Filter, Group, Kind, KindSet};
pub use queue::{EventQueue, Offer, Overflow};
pub use snapshot_map::SnapshotMap;
pub use stats::{Counter, Stats};
pub use subject_map::SubjectMap;
pub use subscriber::Subscriber;
