//! Tells the linker where a Node-API host puts its symbols.

fn main() {
    napi_build::setup();
}
