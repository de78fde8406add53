//! How the binary is linked with glibc, where a start costs more than the rest of `retry` (figures:
//! benches/README.md). Embedders of the library are not concerned.
#![expect(clippy::disallowed_macros, reason = "a build script talks to cargo on stdout")]
#![expect(clippy::disallowed_methods, reason = "and cargo to it in the environment")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    println!("cargo:rustc-check-cfg=cfg(unwinder_in_gcc_eh)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let is_static = env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.contains("crt-static"));
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") || is_static {
        return;
    }
    // A position-independent program has its 9000 pointers adjusted at each start, which copies 40 pages.
    println!("cargo:rustc-link-arg-bins=-no-pie");
    // Of libgcc_s.so nothing is needed but what a backtrace needs; gcc has that as a static library too.
    if has_gcc_eh() {
        println!("cargo:rustc-cfg=unwinder_in_gcc_eh");
    }
}

/// A compiler that has the library answers with its whole path, one that has not with the name alone.
fn has_gcc_eh() -> bool {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let answer = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
