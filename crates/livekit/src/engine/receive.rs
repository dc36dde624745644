//! Where an event of the engine's goes.

use super::Engine;
use crate::request_ids::Requester;
use crate::wire::{AudioEvent, StreamEvent, WireError};
use narrowcast_core::Event;
use std::sync::atomic::Ordering;

impl Engine {
    /// Handles one encoded `FfiEvent`, on whichever thread the engine calls: matches, copies, releases; never blocks.
    pub fn receive(&self, message: &[u8]) {
        self.received.add(1);
        if self.is_silent() {
            self.silent.store(false, Ordering::Relaxed);
        }
        #[cfg(feature = "ledger")]
        crate::ledger::note_event(&self.schema, message);
        let peek = match self.schema.peek(message) {
            Ok(peek) => peek,
            Err(WireError::UnknownCase(_)) => return self.unknown.add(1),
            Err(_) => return self.malformed.add(1),
        };
        let owner = peek.may_own.then_some(&self.owner);
        if peek.kind == self.schema.audio_kind() {
            let Ok(event) = self.schema.audio_event(peek.body) else {
                self.malformed.add(1);
                return self.owner.release(peek.kind, message);
            };
            // An end owns nothing, which is how the early events tell it from a frame.
            let owner = owner.filter(|_| matches!(event, AudioEvent::Frame(_)));
            let held = || Event::new(peek.kind, peek.subject, message, owner);
            if self.audio.receive(peek.subject, event, held, |event| self.receive_early(event)) {
                return;
            }
        } else if peek.kind == self.video_spec.kind {
            let event = self.video_spec.event(peek.subject, message, peek.body, owner);
            let held = || Event::new(peek.kind, peek.subject, message, owner);
            if self.video.receive(peek.subject, event, held, |event| self.receive_early(event)) {
                return;
            }
        }
        if !self.schema.is_answer(peek.kind) {
            self.broadcast.send_to(|| self.claims.owner_of(peek.subject), peek.kind, peek.subject, message, owner);
            return;
        }
        match Requester::of(peek.subject) {
            Requester::Pump(source) if peek.kind == self.captures.spec().answer => {
                self.answered.add(1);
                self.captures.answered(source, peek.subject, peek.body);
            }
            Requester::Classes(thread) => {
                self.answered.add(1);
                self.own_answers.send_to(|| thread, 0, peek.subject, message, owner);
            }
            Requester::Client(thread) => {
                self.broadcast.send_to(|| thread, peek.kind, peek.subject, message, owner);
            }
            Requester::Pump(_) | Requester::Unknown => {
                self.broadcast.send(peek.kind, peek.subject, message, owner);
            }
        }
    }

    /// A stream's event that came early: its stream is registered by now, or narrowcast has not opened it.
    pub(super) fn receive_early(&self, event: Event) {
        let (kind, stream, message) = (event.kind(), event.subject(), event.payload());
        let body = self.schema.peek(message).map(|peek| peek.body).unwrap_or_default();
        let owner = event.owns().then_some(&self.owner);
        // From here on, what it owns belongs to the stream or to the broadcast.
        event.deliver();
        let taken = if kind == self.video_spec.kind {
            self.video.receive_early(stream, self.video_spec.event(stream, message, body, owner))
        } else {
            self.audio.receive_early(stream, self.schema.audio_event(body).unwrap_or(StreamEvent::Other))
        };
        if !taken {
            self.broadcast.send(kind, stream, message, owner);
        }
    }
}
