//! The list of the presets, which is the list of the files in presets/; and how the binary is linked with glibc,
//! where a start costs more than the rest of `retry` (figures: benches/README.md). Embedders of the library are
//! not concerned by the latter.
#![expect(clippy::disallowed_macros, reason = "a build script talks to cargo on stdout")]
#![expect(clippy::disallowed_methods, reason = "and cargo to it in the environment")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    list_presets();
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

/// Writes `&[("apk", include_str!(...)), ...]`, by name, for src/cli/presets/mod.rs.
fn list_presets() {
    println!("cargo:rerun-if-changed=presets");
    let folder = env::current_dir().expect("the package's directory").join("presets");
    let files = std::fs::read_dir(&folder).expect("presets/ can be read");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("presets/ can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    let entry = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let file = path.to_str().expect("a path that is UTF-8");
        (name != "words").then(|| format!("    ({name:?}, include_str!({file:?})),\n"))
    };
    let list: String = paths.iter().filter_map(entry).collect();
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("presets.rs"), format!("&[\n{list}]\n"))
        .expect("OUT_DIR can be written");
}

/// A compiler that has the library answers with its whole path, one that has not with the name alone.
fn has_gcc_eh() -> bool {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let answer = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
