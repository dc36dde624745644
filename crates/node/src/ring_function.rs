//! The function through which one `RingBuffer` is used: made by hand, since napi-rs's wrapper around a function with
//! arguments takes longer than all that a short read or write does.

use crate::ring_buffer::{View, refused};
use crate::typed_array::TypedArray;
use napi::bindgen_prelude::Unknown;
use napi::{check_status, sys};
use narrowcast_audio::PcmRing;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

/// What the function can be asked to do. `src/ring-buffer.ts` has the same list.
mod ask {
    pub const WRITE: u32 = 0;
    pub const READ: u32 = 1;
    pub const PEEK: u32 = 2;
    pub const SKIP: u32 = 3;
    pub const CLEAR: u32 = 4;
    pub const SIZE: u32 = 5;
    pub const DROPPED: u32 = 6;
    pub const CLOSED: u32 = 7;
}

/// A function `(what, value) => number` on `view`, which it keeps until it is collected.
pub fn function_on(env: sys::napi_env, view: Arc<View>) -> napi::Result<Unknown<'static>> {
    let data: *mut c_void = Arc::into_raw(view).cast_mut().cast();
    let mut function = ptr::null_mut();
    // SAFETY: `env` is that of the running call. The function's data lives until its finalizer runs, and that runs once,
    // after the last call.
    unsafe {
        check_status!(sys::napi_create_function(env, c"ring".as_ptr(), 4, Some(call), data, &mut function))?;
        let no_hint = ptr::null_mut();
        check_status!(sys::napi_add_finalizer(env, function, data, Some(release), no_hint, ptr::null_mut()))?;
        Ok(Unknown::from_raw_unchecked(env, function))
    }
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the pointer is what `function_on` took out of an Arc, and this is the only place that puts it back.
    drop(unsafe { Arc::from_raw(data.cast::<View>().cast_const()) });
}

unsafe extern "C" fn call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); 2];
    let (mut count, mut data) = (2, ptr::null_mut());
    let mut what = u32::MAX;
    let mut result = ptr::null_mut();
    // SAFETY: Node-API calls this with its own pointers; missing arguments become `undefined`. The data is the `View` that
    // `function_on` gave, since the function that has it is running.
    unsafe {
        let this = ptr::null_mut();
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), this, &mut data);
        sys::napi_get_value_uint32(env, arguments[0], &mut what);
        let view = &*data.cast::<View>();
        match catch_unwind(AssertUnwindSafe(|| answer(env, view, what, arguments[1]))) {
            Ok(number) => {
                sys::napi_create_int64(env, number, &mut result);
            }
            Err(_) => {
                let message = c"a ring panicked: please report it";
                sys::napi_throw_error(env, c"INVALID_ARGUMENT".as_ptr(), message.as_ptr());
            }
        }
    }
    result
}

/// # Safety
///
/// `env` is that of the running call, and `value` one of its values.
unsafe fn answer(env: sys::napi_env, view: &View, what: u32, value: sys::napi_value) -> i64 {
    match what {
        ask::WRITE | ask::READ | ask::PEEK => {
            // SAFETY: see above.
            let array = unsafe { TypedArray::of(env, value) };
            let Some(array) = array.filter(|array| array.kind == sys::TypedarrayType::int16_array) else {
                return refused::TYPE;
            };
            if what == ask::WRITE {
                // SAFETY: they are 16-bit integers, and JavaScript, which alone could change or read them, waits for this
                // call. (Memory shared with other threads never gets here: TypeScript copies it.)
                return view.write(unsafe { array.samples() });
            }
            // SAFETY: as above.
            let target = unsafe { array.samples_mut() };
            view.read(
                target,
                |ring, target| if what == ask::READ { ring.read(target).samples } else { ring.peek(target) },
            )
        }
        ask::SKIP => {
            let mut samples = 0;
            // SAFETY: see above.
            let status = unsafe { sys::napi_get_value_uint32(env, value, &mut samples) };
            if status != sys::Status::napi_ok {
                return refused::TYPE;
            }
            view.consume(|ring| ring.skip(samples as usize))
        }
        ask::CLEAR => view.consume(PcmRing::clear),
        ask::SIZE => view.size(),
        ask::DROPPED => view.dropped(),
        ask::CLOSED => view.closed().into(),
        _ => refused::TYPE,
    }
}
