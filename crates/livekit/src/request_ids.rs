//! The async ids of requests. An id says who asked, so an engine thread sees from an answer alone where it goes.
//!
//! | ids          | who asks                                                                      |
//! |--------------|-------------------------------------------------------------------------------|
//! | below 2^40   | a caller that leaves the number to the engine, which counts from 1            |
//! | 2^40 to 2^61 | rtc-node's client; bits 40 to 60 are the thread, the bits below count         |
//! | 2^61 to 2^62 | narrowcast's classes, from JavaScript; bits 40 to 60 and below, the same      |
//! | 2^62 to 2^63 | native pumps; bits 32 to 61 are the source, the bits below count its requests |

use narrowcast_core::{ALL_GROUPS, Group};
use std::sync::atomic::{AtomicU64, Ordering};

const THREAD_COUNT_BITS: u32 = 40;
const THREAD_BITS: u32 = 21;
const CLASSES: u64 = 1 << (THREAD_COUNT_BITS + THREAD_BITS);
const PUMPS: u64 = CLASSES << 1;
const PUMP_COUNT_BITS: u32 = 32;
const SOURCE_BITS: u32 = 30;

/// Who made a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// Unknown: the answer may concern any thread.
    Unknown,
    /// rtc-node's client in this thread.
    Client(Group),
    /// narrowcast's classes in this thread.
    Classes(Group),
    /// The native pump that plays into this source.
    Pump(u64),
}

impl Requester {
    /// Who made the request with this id.
    pub(crate) fn of(async_id: u64) -> Self {
        match async_id {
            ..CLASSES => match (async_id >> THREAD_COUNT_BITS) as Group {
                ALL_GROUPS => Self::Unknown,
                thread => Self::Client(thread),
            },
            CLASSES..PUMPS => Self::Classes(((async_id ^ CLASSES) >> THREAD_COUNT_BITS) as Group),
            _ if async_id < PUMPS << 1 => Self::Pump((async_id ^ PUMPS) >> PUMP_COUNT_BITS),
            _ => Self::Unknown,
        }
    }
}

/// The ids of one JavaScript thread's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadIds {
    /// The thread's number: its group in the engine's broadcasts.
    pub group: Group,
    /// The ids of its client are this plus 1, 2, 3, and so on.
    pub client: u64,
    /// The ids of narrowcast's classes in it are this plus 1, 2, 3, and so on.
    pub classes: u64,
}

/// Numbers threads and sources.
#[derive(Default)]
pub struct RequestIds {
    threads: AtomicU64,
    sources: AtomicU64,
}

impl RequestIds {
    /// Load generators: sources from the middle of the range on, which the process's own engine does not get to.
    #[cfg(feature = "load")]
    pub(crate) fn beside() -> Self {
        Self { sources: (1 << (SOURCE_BITS - 1)).into(), ..Self::default() }
    }

    /// The ids of a thread that has none yet. After two million threads, numbers are given out again.
    pub fn thread(&self) -> ThreadIds {
        let count = self.threads.fetch_add(1, Ordering::Relaxed);
        let group = 1 + count % ((1 << THREAD_BITS) - 1);
        let client = group << THREAD_COUNT_BITS;
        ThreadIds { group: group as Group, client, classes: CLASSES | client }
    }

    /// The number of a source that a pump is about to play into.
    pub(crate) fn source(&self) -> u64 {
        self.sources.fetch_add(1, Ordering::Relaxed) % (1 << SOURCE_BITS)
    }
}

/// The id of a pump's request for this source.
pub(crate) fn pump_id(source: u64, count: u64) -> u64 {
    PUMPS | source << PUMP_COUNT_BITS | (count & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pump_s_id_says_whose_it_is_up_to_the_last_source_and_request() {
        const LAST_SOURCE: u64 = (1 << SOURCE_BITS) - 1;
        for source in [0, 1, 77, LAST_SOURCE] {
            for count in [0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
                let id = pump_id(source, count);
                assert_eq!(Requester::of(id), Requester::Pump(source));
                assert!((PUMPS..PUMPS << 1).contains(&id), "{id:x}");
            }
        }
        assert_eq!(pump_id(LAST_SOURCE, u32::MAX.into()), (1 << 63) - 1);
        assert_ne!(pump_id(1, 2), pump_id(2, 1));
    }

    #[test]
    fn a_thread_s_ids_say_whose_they_are_up_to_the_last_thread_and_request() {
        const LAST_THREAD: u64 = (1 << THREAD_BITS) - 2;
        for count in [0, 1, LAST_THREAD] {
            let ids = RequestIds { threads: count.into(), ..RequestIds::default() }.thread();
            assert_eq!(u64::from(ids.group), count + 1);
            for request in [1, (1 << THREAD_COUNT_BITS) - 1] {
                assert_eq!(Requester::of(ids.client + request), Requester::Client(ids.group));
                assert_eq!(Requester::of(ids.classes + request), Requester::Classes(ids.group));
            }
        }
        let again = RequestIds { threads: (LAST_THREAD + 1).into(), ..RequestIds::default() };
        assert_eq!(again.thread().group, 1);
    }

    #[test]
    fn sources_are_numbered_within_the_range_however_many_there_were() {
        let last = (1 << SOURCE_BITS) - 1;
        let ids = RequestIds { sources: last.into(), ..RequestIds::default() };
        assert_eq!([ids.source(), ids.source()], [last, 0]);
    }

    #[test]
    fn an_id_that_no_thread_and_no_pump_numbered_has_no_known_requester() {
        for id in [0, 7, (1 << THREAD_COUNT_BITS) - 1, 1 << 63, u64::MAX] {
            assert_eq!(Requester::of(id), Requester::Unknown);
        }
    }
}
