//! A library with the engine's C ABI, for tests that load one. `stand_in.rs` in the tests' target directory becomes one
//! by [`library`]; its own functions are in `stand_in_library.rs`.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the stand-in without these functions of the C ABI.
pub fn library(name: &str, without: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/stand_in_library.rs");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", name]);
    for function in without {
        command.args(["--cfg", &format!("without_{function}")]);
    }
    let output = command.arg("-o").arg(&library).arg(source).output().expect("rustc can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}
