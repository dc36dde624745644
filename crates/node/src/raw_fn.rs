//! Functions `(a, b) => number` that are made by hand: napi-rs's wrapper around a function with arguments takes longer than
//! all that a short read or write does, and a method of a class three times as long.

use napi::bindgen_prelude::{Env, Unknown};
use napi::{check_status, sys};
use std::ffi::{CStr, CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::{ptr, slice};

/// A native object with a function.
pub trait Call {
    /// The function's name, for stack traces.
    const NAME: &CStr;

    /// Does what the function is for; an error is thrown with the code `INVALID_ARGUMENT`.
    fn call(&self, arguments: [Argument; 2]) -> Result<i64, String>;
}

/// The function of `object`, which it keeps until it is collected.
pub fn function_of<T: Call + 'static>(env: &Env, object: Rc<T>) -> napi::Result<Unknown<'static>> {
    let env = env.raw();
    let data: *mut c_void = Rc::into_raw(object).cast_mut().cast();
    let mut function = ptr::null_mut();
    let name = T::NAME;
    let length = name.count_bytes() as isize;
    // SAFETY: `env` is that of the running call. The function's data lives until its finalizer runs, and that runs once,
    // after the last call.
    unsafe {
        check_status!(sys::napi_create_function(env, name.as_ptr(), length, Some(call::<T>), data, &mut function))?;
        let no_hint = ptr::null_mut();
        check_status!(sys::napi_add_finalizer(env, function, data, Some(release::<T>), no_hint, ptr::null_mut()))?;
        Ok(Unknown::from_raw_unchecked(env, function))
    }
}

unsafe extern "C" fn release<T>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the pointer is what `function_of` took out of an Rc, and this is the only place that puts it back.
    drop(unsafe { Rc::from_raw(data.cast::<T>().cast_const()) });
}

unsafe extern "C" fn call<T: Call>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut values = [ptr::null_mut(); 2];
    let (mut count, mut data) = (2, ptr::null_mut());
    let mut result = ptr::null_mut();
    // SAFETY: Node-API calls this with its own pointers; missing arguments become `undefined`. The data is the object that
    // `function_of` gave, since the function that has it is running.
    unsafe {
        sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), ptr::null_mut(), &mut data);
        let object = &*data.cast::<T>();
        let arguments = values.map(|value| Argument { env, value });
        match catch_unwind(AssertUnwindSafe(|| object.call(arguments))) {
            Ok(Ok(number)) => {
                sys::napi_create_int64(env, number, &mut result);
            }
            Ok(Err(message)) => throw(env, &message),
            Err(_) => throw(env, &format!("{} panicked: please report it", T::NAME.to_string_lossy())),
        }
    }
    result
}

fn throw(env: sys::napi_env, message: &str) {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    // SAFETY: both strings end with a zero, and live during the call.
    unsafe { sys::napi_throw_error(env, c"INVALID_ARGUMENT".as_ptr(), message.as_ptr()) };
}

/// An argument of the running call.
#[derive(Clone, Copy)]
pub struct Argument {
    env: sys::napi_env,
    value: sys::napi_value,
}

impl Argument {
    /// The argument as an unsigned number.
    pub fn number(self) -> Option<u32> {
        let mut number = 0;
        // SAFETY: the value is of the running call, whose environment this is.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.value, &mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// The argument as a typed array. `None` if it is something else, or its memory is shared with other threads.
    pub fn typed_array(self) -> Option<TypedArray> {
        let Self { env, value } = self;
        let mut array = TypedArray { kind: -1, length: 0, data: ptr::null_mut() };
        let TypedArray { kind, length, data } = &mut array;
        let (mut memory, mut unshared) = (ptr::null_mut(), false);
        // SAFETY: the value is of the running call; all pointers are to places that live, or null for what is not asked for.
        let status =
            unsafe { sys::napi_get_typedarray_info(env, value, kind, length, data, &mut memory, ptr::null_mut()) };
        if status != sys::Status::napi_ok {
            return None;
        }
        // A SharedArrayBuffer is no ArrayBuffer. SAFETY: `memory` is a value of this call since the one before succeeded.
        let status = unsafe { sys::napi_is_arraybuffer(env, memory, &mut unshared) };
        (status == sys::Status::napi_ok && unshared).then_some(array)
    }
}

/// A typed array's memory, for the length of a call.
#[derive(Clone, Copy)]
pub struct TypedArray {
    /// One of `sys::TypedarrayType`.
    pub kind: i32,
    length: usize,
    data: *mut c_void,
}

impl TypedArray {
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
