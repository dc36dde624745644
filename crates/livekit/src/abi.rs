//! What native code asks of the engine.

/// The engine's C ABI, or a stand-in in a test.
pub trait Abi: Send + Sync {
    /// Drops a handle that the engine gave out; false if it does not know it. Any thread, also inside the callback.
    fn drop_handle(&self, handle: u64) -> bool;
    /// Makes a request (an encoded `FfiRequest`). False if the engine refused it; it says why in its log only.
    fn request(&self, request: &[u8]) -> bool;
}
