//! Streams of PCM: what JavaScript shares by an id, and what other addons write into them.

use crate::open::{Open, guarded};
use crate::shared_table::SharedTable;
use narrowcast_abi::{MAX_CHANNELS, MAX_SAMPLES, Status};
use narrowcast_audio::{Kind, PcmStream, StreamWriter, TrackWriteError};
use narrowcast_core::sync::{Arc, Mutex, lock};
use std::slice;
use std::sync::TryLockError;
use std::sync::atomic::{AtomicBool, Ordering};

/// Streams by their id, for addons that open one.
static STREAMS: SharedTable<SharedStream> = SharedTable::new();

/// A stream that an addon may become the producer of.
pub struct SharedStream {
    id: u64,
    pcm: Arc<PcmStream>,
    /// Whether an addon is its producer.
    taken: AtomicBool,
    /// JavaScript has given up what was written: what waits in the addon's resampler goes, too, before anything else is written.
    discarded: AtomicBool,
    /// Held by the thread that writes: a stream has one at a time.
    writing: Mutex<()>,
}

/// Another producer has the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked;

impl SharedStream {
    /// Gives `pcm` an id under which an addon can open it.
    pub fn publish(pcm: Arc<PcmStream>) -> Arc<Self> {
        STREAMS.publish(|id| Self {
            id,
            pcm,
            taken: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            writing: Mutex::new(()),
        })
    }

    /// Its process-wide id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Lets JavaScript write.
    ///
    /// # Errors
    /// An addon is the producer.
    pub fn write<T>(&self, write: impl FnOnce() -> T) -> Result<T, Locked> {
        self.alone(|| if self.taken.load(Ordering::Acquire) { Err(Locked) } else { Ok(write()) }).unwrap_or(Err(Locked))
    }

    /// Has the addon that is the producer give up what waits in its resampler. Does not wait for a write under way.
    pub fn discard(&self) {
        self.discarded.store(true, Ordering::Release);
    }

    /// Does what only one thread at a time may do; `None` if another one is at it.
    fn alone<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        // Held until `work` has returned.
        let _writing = match self.writing.try_lock() {
            Ok(writing) => writing,
            // A thread panicked while it wrote.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(work())
    }
}

impl Drop for SharedStream {
    fn drop(&mut self) {
        STREAMS.remove(self.id);
    }
}

/// A stream that another addon is the producer of.
struct OpenStream {
    shared: Arc<SharedStream>,
    /// What the addon writes.
    kind: Kind,
    /// Never waited for: the thread that has it also has `shared.writing`.
    writer: Mutex<StreamWriter>,
    /// Whether its handle was closed. The handle table still has it while any thread reads an older state of that.
    closed: AtomicBool,
}

impl OpenStream {
    /// Writes, unless another thread does, the stream has ended, or the handle was closed.
    fn write(&self, write: impl FnOnce(&mut StreamWriter) -> Result<(), TrackWriteError>) -> Status {
        self.shared.alone(|| self.write_alone(write)).unwrap_or(Status::LOCKED)
    }

    /// The same for the thread that has `shared.writing`.
    fn write_alone(&self, write: impl FnOnce(&mut StreamWriter) -> Result<(), TrackWriteError>) -> Status {
        if self.closed.load(Ordering::Relaxed) {
            return Status::NOT_FOUND;
        }
        if self.shared.pcm.has_ended() {
            return Status::CLOSED;
        }
        let mut writer = lock(&self.writer);
        if self.shared.discarded.swap(false, Ordering::Acquire) {
            writer.forget();
        }
        write(&mut writer).map_or(Status::INVALID_ARGUMENT, |()| Status::OK)
    }

    /// Waits for a write under way, so that what that leaves in the resampler goes on; then another producer can open the stream.
    fn close(&self) -> Status {
        let _writing = lock(&self.shared.writing);
        // Where the stream has ended, there is nothing to go on.
        if self.write_alone(StreamWriter::finish) == Status::NOT_FOUND {
            return Status::NOT_FOUND;
        }
        self.closed.store(true, Ordering::Relaxed);
        self.shared.taken.store(false, Ordering::Release);
        Status::OK
    }
}

static OPEN: Open<OpenStream> = Open::new();

/// # Safety
/// `handle` points to a number or is null.
pub unsafe extern "C" fn open(id: u64, sample_rate: u32, channels: u32, handle: *mut u64) -> Status {
    guarded(|| {
        // SAFETY: the caller's promise.
        let Some(handle) = (unsafe { handle.as_mut() }) else { return Status::INVALID_ARGUMENT };
        let Some(stream) = STREAMS.get(id) else { return Status::NOT_FOUND };
        if channels > MAX_CHANNELS {
            return Status::INVALID_ARGUMENT;
        }
        let kind = Kind { sample_rate, channels };
        let mut writer = StreamWriter::new(stream.pcm.clone());
        // Makes the resampler, if there has to be one: no write does so.
        if writer.write(&[], kind).is_err() {
            return Status::INVALID_ARGUMENT;
        }
        if stream.pcm.has_ended() {
            return Status::CLOSED;
        }
        if stream.taken.swap(true, Ordering::AcqRel) {
            return Status::LOCKED;
        }
        // That was for the producer before.
        stream.discarded.store(false, Ordering::Relaxed);
        *handle =
            OPEN.add(OpenStream { shared: stream, kind, writer: Mutex::new(writer), closed: AtomicBool::new(false) });
        Status::OK
    })
}

/// # Safety
/// `samples` points to as many samples as `count` says, or is null.
pub unsafe extern "C" fn write(stream: u64, samples: *const i16, count: usize) -> Status {
    guarded(|| {
        OPEN.with(stream, |stream| {
            let samples: &[i16] = match count {
                0 => &[],
                _ if samples.is_null() || !samples.is_aligned() || count > MAX_SAMPLES => {
                    return Status::INVALID_ARGUMENT;
                }
                // SAFETY: the caller's promise; the pointer is aligned, and the length below `isize::MAX`.
                _ => unsafe { slice::from_raw_parts(samples, count) },
            };
            stream.write(|writer| writer.write(samples, stream.kind))
        })
    })
}

pub extern "C" fn end(stream: u64) -> Status {
    guarded(|| {
        OPEN.with(stream, |stream| {
            stream.write(|writer| {
                writer.finish()?;
                stream.shared.pcm.end();
                Ok(())
            })
        })
    })
}

pub extern "C" fn close(stream: u64) -> Status {
    guarded(|| {
        let status = OPEN.with(stream, OpenStream::close);
        // Of two threads that close it, the second one gets NOT_FOUND.
        OPEN.remove(stream);
        status
    })
}
