//! How the process starts: everything about it that is not plain Rust. It calls the `main` of main.rs.
//!
//! What `retry` costs is its start: most commands succeed at once. Three things are not what Rust does by default, and make
//! the start faster. benches/README.md says how that was measured, with a run of `true`.
//!
//! | | instead of | buys |
//! |---|---|---|
//! | `main` is called by the C library | by Rust's runtime, which prepares a message for a stack overflow; for that, glibc reads /proc/self/maps | a tenth of a start |
//! | gcc's unwinder, linked statically | libgcc_s.so, of which nothing but a backtrace is used | a seventh of a start, with glibc |
//! | dlmalloc allocates | musl's allocator, which takes and gives back single pages while options are parsed | a quarter of a start with options, with musl |
//!
//! Without these three, and with `fn main()` in main.rs, everything works as well. A fourth thing is for safety:
//! `protect_relocated` does in a static program what the dynamic linker does in others.

use retry::platform::{signals, this_process};
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;

/// What the C library calls.
#[expect(unsafe_code, reason = "the C library looks for this name, and passes pointers")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    #[cfg(target_env = "musl")]
    protect_relocated();
    // As Rust's runtime does it, but for the signals: there, a command would inherit that SIGPIPE is ignored.
    this_process::open_closed_streams();
    signals::survive_failed_writes();
    let word = |index| {
        // SAFETY: there are `count` pointers to texts that end with a zero and live as long as the process.
        let word = unsafe { CStr::from_ptr(*words.add(index)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    let words: Vec<OsString> = (0..usize::try_from(count).unwrap_or(0)).map(word).collect();
    crate::main(words).into()
}

// build.rs asks the linker whether it has this library, which gcc brings and other compilers may not. Named here and
// not there, so that only the binary is linked with it, and only where a panic does not unwind.
#[cfg(all(unwinder_in_gcc_eh, panic = "abort"))]
#[expect(unsafe_code, reason = "names a library, declares nothing")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Makes the pointers read-only that were adjusted to the place where the program lies (full RELRO). glibc's dynamic
/// linker does that; musl adjusts the pointers of a static program, and leaves them writable.
#[cfg(target_env = "musl")]
#[expect(unsafe_code, reason = "program headers and mprotect(2) are about raw memory")]
fn protect_relocated() {
    extern "C" fn protect(
        object: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        _data: *mut libc::c_void,
    ) -> c_int {
        // SAFETY: the C library passes a description of an object whose program headers live as long as the process.
        let (base, headers) = unsafe {
            let object = &*object;
            let count = usize::from(object.dlpi_phnum);
            (object.dlpi_addr as usize, std::slice::from_raw_parts(object.dlpi_phdr, count))
        };
        // SAFETY: no memory is involved. The size of a page is always known.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        for header in headers.iter().filter(|header| header.p_type == libc::PT_GNU_RELRO) {
            let begin = base + header.p_vaddr as usize;
            // A last page that is not full holds variables as well.
            let (first, end) = (begin & !(page - 1), (begin + header.p_memsz as usize) & !(page - 1));
            // SAFETY: the linker has put nothing there that is written to once the program runs. A page before
            // `begin` would belong to the same segment, which begins with this.
            unsafe { libc::mprotect(first as *mut libc::c_void, end - first, libc::PROT_READ) };
        }
        0
    }
    // SAFETY: the function keeps nothing of what it is given.
    unsafe { libc::dl_iterate_phdr(Some(protect), std::ptr::null_mut()) };
}
