//! Tells the linker where a Node-API host puts its symbols.

fn main() {
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") {
        // Otherwise the library would be called by the path at which it was linked.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/narrowcast.node");
    }
}
