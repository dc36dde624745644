//! Test builds only: which of the handles that the engine gave out are left.

use crate::abi::Abi;
use crate::wire::Schema;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static HANDLES: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Notes every handle in an encoded event.
pub(crate) fn record(schema: &Schema, message: &[u8]) {
    if let Ok(peek) = schema.peek(message) {
        let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = schema.for_each_owned(peek.kind, peek.body, &mut |handle| {
            handles.insert(handle);
        });
    }
}

/// How many handles were noted, and which of them the engine still knew. Asking drops them.
pub fn probe(abi: &dyn Abi) -> (usize, Vec<u64>) {
    let handles = std::mem::take(&mut *HANDLES.lock().unwrap_or_else(PoisonError::into_inner));
    (handles.len(), handles.into_iter().filter(|handle| abi.drop_handle(*handle)).collect())
}
