//! What native code has for a JavaScript object: found by a token, and released when its environment ends.
//!
//! A call that is made for each frame or event passes the token to a plain function: a method of a class costs ten times as
//! much before it does anything.

use crate::error::Result;
pub use crate::js_thread::Release;
use crate::js_thread::{belongs_here, left, new_token};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::thread::LocalKey;

/// A thread's objects of one type by their tokens; a `thread_local`.
pub struct HandleTable<T>(RefCell<FxHashMap<u32, Rc<T>>>);

impl<T> HandleTable<T> {
    /// No objects.
    pub fn new() -> Self {
        Self(RefCell::default())
    }

    /// The object with this token, while its [`Handle`] lives.
    pub fn get(&self, token: u32) -> Option<Rc<T>> {
        self.0.borrow().get(&token).cloned()
    }
}

/// Keeps a native object of this thread. It is released with its environment, or when this is dropped.
pub struct Handle<T: Release + 'static> {
    token: u32,
    object: Rc<T>,
    table: Option<&'static LocalKey<HandleTable<T>>>,
}

impl<T: Release + 'static> Handle<T> {
    /// Keeps `object`, which needs no token to be found by.
    pub fn new(object: T) -> Result<Self> {
        Ok(Self::keep(new_token()?, object, None))
    }

    /// Keeps `object`, which `table` finds by `token`, one of [`new_token`]'s.
    pub fn listed(table: &'static LocalKey<HandleTable<T>>, token: u32, object: T) -> Self {
        Self::keep(token, object, Some(table))
    }

    fn keep(token: u32, object: T, table: Option<&'static LocalKey<HandleTable<T>>>) -> Self {
        let object = Rc::new(object);
        if let Some(table) = table {
            table.with(|table| table.0.borrow_mut().insert(token, object.clone()));
        }
        let release: Rc<dyn Release> = object.clone();
        belongs_here(token, Rc::downgrade(&release));
        Self { token, object, table }
    }

    /// What the table, and the doorbell, call the object.
    pub fn token(&self) -> u32 {
        self.token
    }

    /// The object, for as long as it takes.
    pub fn object(&self) -> Rc<T> {
        self.object.clone()
    }

    /// Releases the object now. It can still be found, and used for what it allows then.
    pub fn release(&self) {
        self.object.release();
        left(self.token);
    }
}

impl<T: Release + 'static> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T: Release + 'static> Drop for Handle<T> {
    fn drop(&mut self) {
        // The table is gone already where the thread itself ends.
        let _ = self.table.map(|table| table.try_with(|table| table.0.borrow_mut().remove(&self.token)));
        self.release();
    }
}
