//! The list of the presets, which is the list of the files in presets/; and how the binary is linked. (Programs that use
//! the library are linked as they like.)
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
    if !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    // rustc asks for a position-independent program, full RELRO and a stack that cannot be executed. Not every linker
    // gives code pages of its own unless it is asked to: what else lies in them could be executed as well.
    println!("cargo:rustc-link-arg-bins=-z");
    println!("cargo:rustc-link-arg-bins=separate-code");
    // src/start.rs says what the unwinder is about.
    let is_static = env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.contains("crt-static"));
    if is("CARGO_CFG_TARGET_ENV", "gnu") && !is_static && has_gcc_eh() {
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
