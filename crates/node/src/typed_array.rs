//! Typed arrays as arguments of functions that are made by hand.

use napi::sys;
use std::ffi::c_void;
use std::{ptr, slice};

/// A typed array's memory, for the length of a call.
#[derive(Clone, Copy)]
pub struct TypedArray {
    /// One of `sys::TypedarrayType`.
    pub kind: i32,
    length: usize,
    data: *mut c_void,
}

impl TypedArray {
    /// None if `value` is something else.
    ///
    /// # Safety
    ///
    /// `env` is that of the running call, and `value` one of its values.
    pub unsafe fn of(env: sys::napi_env, value: sys::napi_value) -> Option<Self> {
        let mut array = Self { kind: -1, length: 0, data: ptr::null_mut() };
        let Self { kind, length, data } = &mut array;
        let nowhere = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: all pointers are to places that live, or null for what is not asked for.
        let status = unsafe { sys::napi_get_typedarray_info(env, value, kind, length, data, nowhere.0, nowhere.1) };
        (status == sys::Status::napi_ok).then_some(array)
    }

    /// Whether the two have memory in common; both have elements of `size` bytes.
    pub fn overlaps(&self, other: &Self, size: usize) -> bool {
        let range = |array: &Self| (array.data as usize, array.data as usize + array.length * size);
        let ((start, end), (other_start, other_end)) = (range(self), range(other));
        start < other_end && other_start < end
    }

    /// # Safety
    ///
    /// The array has elements of this type, nothing changes them during the call, and no mutable slice of them lives.
    pub unsafe fn samples<'a, S>(&self) -> &'a [S] {
        // An empty array may have no memory at all.
        if self.length == 0 {
            return &[];
        }
        // SAFETY: JavaScript keeps and aligns the array's memory, and waits for the call to return.
        unsafe { slice::from_raw_parts(self.data.cast(), self.length) }
    }

    /// # Safety
    ///
    /// As for [`samples`](Self::samples), and no other slice of them lives.
    pub unsafe fn samples_mut<'a, S>(&self) -> &'a mut [S] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: as in `samples`.
        unsafe { slice::from_raw_parts_mut(self.data.cast(), self.length) }
    }
}
