//! Events and PCM from native threads of your own into the queues and streams of [narrowcast], a package for Node: what
//! `include/narrowcast.h` is for C. Nothing is linked: the addon that narrowcast brings hands over a table of functions.
//!
//! JavaScript calls `nativeInterface()` of the package `narrowcast` and passes the result to your addon, which takes the
//! pointer out of it: it is a wrapped object with the type tag [`TYPE_TAG`]. [`Interface::from_raw`] checks the version.
//! `examples/native-events/rust` in narrowcast's repository is such an addon, written with napi-rs.
//!
//! ```no_run
//! use narrowcast_abi::{Interface, Table};
//!
//! # fn from_javascript() -> (*const Table, u64) { unimplemented!() }
//! let (table, queue_id) = from_javascript();
//! // SAFETY: the object had the type tag, so the pointer is narrowcast's.
//! let interface = unsafe { Interface::from_raw(table) }?;
//! let queue = interface.open_queue(queue_id)?;
//! let level = queue.kind("level")?;
//! std::thread::spawn(move || {
//!     let receivers = queue.put(level, 7, &[1, 2, 3])?;
//!     println!("{receivers} subscriptions have it to read");
//!     Ok::<(), narrowcast_abi::Error>(())
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [narrowcast]: https://www.npmjs.com/package/narrowcast

mod client;
mod table;

pub use client::{Error, Interface, Owner, Queue, Stream, VersionMismatch};
pub use table::{MAJOR, MAX_CHANNELS, MAX_PAYLOAD, MAX_SAMPLES, MINOR, OWNED, RawOwner, Status, TYPE_TAG, Table};
