//! `nativeInterface()`: the object through which another addon gets the C interface.

use crate::error::{Result, from_napi};
use napi::bindgen_prelude::{Env, Object};
use napi::{check_status, sys};
use napi_derive::napi;
use narrowcast_abi::{TYPE_TAG, Table};
use std::ptr;

/// An object that wraps the address of the table in include/narrowcast.h, with the type tag that says so.
#[napi(catch_unwind)]
pub fn native_interface(env: &Env) -> Result<Object<'static>> {
    let table: *const Table = narrowcast_interface::table();
    let tag = sys::napi_type_tag { lower: TYPE_TAG[0], upper: TYPE_TAG[1] };
    let mut object = ptr::null_mut();
    // SAFETY: `env` is that of the running call, and the object is a value of it. The table is static, so the object needs no
    // finalizer, and nothing writes through the pointer.
    unsafe {
        let env = env.raw();
        check_status!(sys::napi_create_object(env, &mut object)).map_err(from_napi)?;
        let (address, no_hint) = (table.cast_mut().cast(), ptr::null_mut());
        check_status!(sys::napi_wrap(env, object, address, None, no_hint, ptr::null_mut())).map_err(from_napi)?;
        check_status!(sys::napi_type_tag_object(env, object, &tag)).map_err(from_napi)?;
    }
    let mut object = Object::from_raw(env.raw(), object);
    let version = format!("{}.{}", narrowcast_abi::MAJOR, narrowcast_abi::MINOR);
    object.set("version", version).map_err(from_napi)?;
    Ok(object)
}
