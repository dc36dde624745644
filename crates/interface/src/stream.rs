//! Streams of PCM: what JavaScript shares by an id, and what other addons write into them.

use crate::shared_table::SharedTable;
use crate::table::{Open, guarded};
use narrowcast_abi::{MAX_SAMPLES, Status};
use narrowcast_audio::{Kind, PcmStream, StreamWriter, TrackWriteError};
use narrowcast_core::sync::Arc;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Streams by their id, for addons that open one.
static STREAMS: SharedTable<SharedStream> = SharedTable::new();

/// A stream that an addon may become the producer of.
pub struct SharedStream {
    id: u64,
    pcm: Arc<PcmStream>,
    /// Whether an addon is its producer.
    taken: AtomicBool,
    /// Whether a thread is writing: a stream has one at a time.
    writing: AtomicBool,
}

/// Another producer has the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked;

impl SharedStream {
    /// Gives `pcm` an id under which an addon can open it.
    pub fn publish(pcm: Arc<PcmStream>) -> Arc<Self> {
        STREAMS.publish(|id| Self { id, pcm, taken: AtomicBool::new(false), writing: AtomicBool::new(false) })
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

    /// Does what only one thread at a time may do; `None` if another one is at it.
    fn alone<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        if self.writing.swap(true, Ordering::Acquire) {
            return None;
        }
        let guard = Writing(&self.writing);
        let result = work();
        drop(guard);
        Some(result)
    }
}

impl Drop for SharedStream {
    fn drop(&mut self) {
        STREAMS.remove(self.id);
    }
}

/// Release orders what this thread wrote before what the next one writes; also after a panic.
struct Writing<'a>(&'a AtomicBool);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A stream that another addon is the producer of.
struct OpenStream {
    shared: Arc<SharedStream>,
    /// What the addon writes.
    kind: Kind,
    /// Never waited for: who writes is alone.
    writer: Mutex<StreamWriter>,
}

impl OpenStream {
    /// Writes, unless another thread does or the stream has ended.
    fn write(&self, write: impl FnOnce(&mut StreamWriter) -> Result<(), TrackWriteError>) -> Status {
        let status = self.shared.alone(|| {
            if self.shared.pcm.has_ended() {
                return Status::CLOSED;
            }
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            write(&mut writer).map_or(Status::INVALID_ARGUMENT, |()| Status::OK)
        });
        status.unwrap_or(Status::LOCKED)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.shared.taken.store(false, Ordering::Release);
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
        *handle = OPEN.add(OpenStream { shared: stream, kind, writer: Mutex::new(writer) });
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
        // What waits in the resampler goes on; where the stream has ended, there is nothing to go on.
        OPEN.with(stream, |stream| stream.write(StreamWriter::finish));
        OPEN.remove(stream)
    })
}
