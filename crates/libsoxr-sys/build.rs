//! Compiles libsoxr with SIMD and links it statically.
//!
//! The C sources come from the crate `soxr-sys`, which carries all of libsoxr but compiles it without SIMD. To build
//! with other sources (a modified libsoxr, as its licence lets everybody), set `NARROWCAST_LIBSOXR_SOURCE` to the folder
//! that has its `soxr.c`.
//!
//! | engine  | precision     | x86_64                        | aarch64 | elsewhere |
//! | ------- | ------------- | ----------------------------- | ------- | --------- |
//! | `cr32s` | up to 20 bits | SSE                           | NEON    | -         |
//! | `cr32`  | up to 20 bits | with `SOXR_USE_SIMD=0`        | so too  | always    |
//! | `cr64s` | more          | AVX, if the processor has it  | -       | -         |
//! | `cr64`  | more          | otherwise                     | always  | always    |

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The constant-rate engines in both precisions, without SIMD, and what all engines share.
const PORTABLE: &[&str] = &["soxr", "data-io", "dbesi0", "filter", "cr", "cr32", "fft4g32", "cr64", "fft4g64", "vr32"];
/// The single-precision engine with SSE or NEON.
const SIMD32: &[&str] = &["cr32s", "pffft32s", "util32s"];
/// The double-precision engine with AVX.
const SIMD64: &[&str] = &["cr64s", "pffft64s", "util64s"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NARROWCAST_LIBSOXR_SOURCE");
    let arch = variable("CARGO_CFG_TARGET_ARCH");
    let msvc = variable("CARGO_CFG_TARGET_ENV") == "msvc";
    let little_endian = variable("CARGO_CFG_TARGET_ENDIAN") == "little";
    let neon = arch == "aarch64" && !msvc && little_endian;
    let simd32 = arch == "x86_64" || neon;
    let simd64 = arch == "x86_64";

    let sources = sources();
    let compiler = || {
        let mut build = cc::Build::new();
        build.include(&sources).warnings(false).extra_warnings(false).opt_level(3);
        if !msvc {
            build.std("gnu89").flag_if_supported("-fvisibility=hidden");
        }
        // The settings: beside the sources is a header with others, whose guard keeps it out.
        build.define("soxr_config_included", None);
        for (name, value) in [
            ("WITH_CR32", true),
            ("WITH_CR32S", simd32),
            ("WITH_CR64", true),
            ("WITH_CR64S", simd64),
            ("WITH_VR32", true),
            ("WITH_PFFFT", true),
            ("WITH_HI_PREC_CLOCK", true),
            ("WITH_FLOAT_STD_PREC_CLOCK", false),
            ("WITH_DEV_TRACE", false),
            ("HAVE_LRINT", true),
            ("HAVE_STDINT_H", true),
            ("HAVE_STDBOOL_H", true),
            // On Windows without x86 code of its own, libsoxr's rint.h would call functions that this crate's copy lacks.
            ("HAVE_FENV_H", variable("CARGO_CFG_TARGET_OS") != "windows"),
            ("HAVE_BIGENDIAN", !little_endian),
            ("AVCODEC_FOUND", false),
            ("AVUTIL_FOUND", false),
        ] {
            build.define(name, if value { "1" } else { "0" });
        }
        // 0: no atexit handler, which would free the FFT tables under threads that still run, or in unloaded code.
        build.define("SOXR_LIB", "0").define("NDEBUG", None);
        build
    };
    let path = |name: &&str| sources.join(format!("{name}.c"));

    let mut portable = compiler();
    if neon {
        // How soxr.c asks whether to use the SIMD engine, off x86. NEON is part of AArch64.
        portable.define("AV_CPU_FLAG_NEON", "1").define("av_get_cpu_flags()", "1");
    }
    portable.files(PORTABLE.iter().map(path)).compile("soxr-portable");
    if simd32 {
        let files: Vec<PathBuf> = if neon {
            SIMD32.iter().map(|name| for_aarch64(name)).collect()
        } else {
            SIMD32.iter().map(path).collect()
        };
        compiler().files(files).compile("soxr-simd32");
    }
    if simd64 {
        let flag = if msvc { "/arch:AVX" } else { "-mavx" };
        compiler().flag(flag).files(SIMD64.iter().map(path)).compile("soxr-simd64");
    }
    if variable("CARGO_CFG_TARGET_FAMILY") == "unix" {
        println!("cargo::rustc-link-lib=m");
    }
}

/// This libsoxr knows NEON on 32-bit Arm alone, by the macro `__arm__`, though in intrinsics that AArch64 has too. So
/// its own code sees that macro, and the system's headers, included before, don't.
fn for_aarch64(name: &str) -> PathBuf {
    let file = Path::new(&variable("OUT_DIR")).join(format!("{name}-aarch64.c"));
    let headers = ["arm_neon", "assert", "math", "stdbool", "stdint", "stdio", "stdlib", "string"];
    let headers: String = headers.iter().map(|name| format!("#include <{name}.h>\n")).collect();
    let text = format!("{headers}#define __arm__ 1\n#include \"{name}.c\"\n");
    fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}

/// The folder of libsoxr's C sources.
fn sources() -> PathBuf {
    let folder = match env::var_os("NARROWCAST_LIBSOXR_SOURCE") {
        Some(folder) => {
            println!("cargo::rerun-if-changed={}", Path::new(&folder).display());
            PathBuf::from(folder)
        }
        None => downloaded(),
    };
    assert!(folder.join("soxr.c").is_file(), "there is no soxr.c in {}", folder.display());
    folder
}

/// Where cargo has put `soxr-sys`.
fn downloaded() -> PathBuf {
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let metadata = Command::new(variable("CARGO"))
        .args(["metadata", "--format-version=1", "--manifest-path"])
        .arg(manifest)
        .output()
        .unwrap_or_else(|error| panic!("cargo metadata could not be started: {error}"));
    let complaint = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "cargo metadata did not find the sources of libsoxr: {complaint}");
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).unwrap_or_else(|error| panic!("cargo metadata: {error}"));
    let manifest = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == "soxr-sys"))
        .and_then(|package| package["manifest_path"].as_str())
        .unwrap_or_else(|| panic!("soxr-sys, which has the sources of libsoxr, is not in Cargo.lock"));
    Path::new(manifest).with_file_name("src")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
