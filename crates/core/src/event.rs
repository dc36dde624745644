//! One native event: what it is, what it is about, and what it owns.

use crate::filter::Kind;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};
use std::fmt;

/// Releases what an event owns (native handles, sometimes several) when no subscriber took the event.
pub trait Owner: Send + Sync {
    /// Releases everything that the event with this `kind` and `payload` owns. Called exactly once for an event that
    /// was sent with an owner and never delivered, on whichever thread gives up the last reference to it: it must not
    /// block.
    fn release(&self, kind: Kind, payload: &[u8]);
}

/// A shared reference to an event on its way to one or more subscribers. Cloning it shares the payload.
///
/// Delivery of *any* clone hands what the event owns to the receiver. When the last clone is dropped and none was
/// delivered, the event's [`Owner`] releases it.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    kind: Kind,
    subject: u64,
    payload: Payload,
    owner: Option<Arc<dyn Owner>>,
    delivered: AtomicBool,
}

/// Bytes of a payload that the event has room for itself. Most are smaller, and then need one allocation and not two: the
/// thread that frees it is seldom the one that allocated, which is what allocators are slowest at.
const IN_PLACE: usize = 126;

enum Payload {
    InPlace { len: u8, bytes: [u8; IN_PLACE] },
    Boxed(Box<[u8]>),
}

impl Payload {
    fn new(payload: &[u8]) -> Self {
        let mut bytes = [0; IN_PLACE];
        match bytes.get_mut(..payload.len()) {
            Some(start) => {
                start.copy_from_slice(payload);
                Self::InPlace { len: payload.len() as u8, bytes }
            }
            None => Self::Boxed(payload.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::InPlace { len, bytes } => &bytes[..usize::from(*len)],
            Self::Boxed(bytes) => bytes,
        }
    }
}

impl Event {
    /// Copies `payload` into a new event. With an `owner`, what the payload owns belongs to the event from now on.
    pub fn new(kind: Kind, subject: u64, payload: &[u8], owner: Option<&Arc<dyn Owner>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            subject,
            payload: Payload::new(payload),
            owner: owner.cloned(),
            delivered: AtomicBool::new(false),
        }))
    }

    /// The event's kind: an index into the list of types its queue was made with.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What the event is about (a stream, a room, an async id), or 0: what subject filters match.
    pub fn subject(&self) -> u64 {
        self.0.subject
    }

    /// The event's bytes. Looking at them is not delivery.
    pub fn payload(&self) -> &[u8] {
        self.0.payload.bytes()
    }

    /// Whether something has to be taken over, or released, with this event.
    pub fn owns(&self) -> bool {
        self.0.owner.is_some()
    }

    /// Hands what the event owns to the receiver: nothing is released when the event is dropped.
    pub fn deliver(&self) {
        // What owns nothing is shared by its readers without a write.
        if self.owns() {
            // Release pairs with the Acquire in `drop`; the reference count orders the two anyway, this only says so.
            self.0.delivered.store(true, Ordering::Release);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(owner) = &self.owner
            && !self.delivered.load(Ordering::Acquire)
        {
            owner.release(self.kind, self.payload.bytes());
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.0.kind)
            .field("subject", &self.0.subject)
            .field("bytes", &self.payload().len())
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_any_size_comes_out_as_it_went_in() {
        for len in [0, 1, IN_PLACE - 1, IN_PLACE, IN_PLACE + 1, 255, 256, 10_000] {
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            assert_eq!(Event::new(0, 0, &payload, None).payload(), payload);
        }
    }
}
