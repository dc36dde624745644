//! What the threads of one process share by an id, and the C interface through which other addons reach it.
//!
//! ```text
//! JavaScript:  FfiQueue.id, AudioStream.id            another addon: any native thread
//!                        │ posted to threads, passed to addons ▼
//! SharedTable: id ─► Queue, SharedStream ◄── queue_open, stream_open: a handle
//!                                        ◄── queue_put, stream_write: by the handle, without a lock
//! ```

mod open;
mod queue;
mod shared_table;
mod stream;
mod table;

pub use queue::Queue;
pub use shared_table::SharedTable;
pub use stream::{Locked, SharedStream};
pub use table::table;
