//! The start of the process, as far as it differs from that of other Rust programs. It calls `run_program` of main.rs.
//! On Windows, main.rs has a `main` as other programs have it.
//!
//! Most commands succeed at once, so the cost of `retry` is its start. Three changes make it faster. benches/README.md
//! says how that was measured, with a run of `true`.
//!
//! | change | default of Rust | the start is faster by |
//! |---|---|---|
//! | The C library calls `main` | Rust's runtime calls it, and prepares a message for a stack overflow, for which glibc reads /proc/self/maps | a tenth |
//! | gcc's unwinder is linked statically | libgcc_s.so is loaded, and used for a backtrace only | a seventh, with glibc |
//! | dlmalloc allocates | musl's allocator maps and unmaps single pages while options are parsed | a quarter with options, with musl |
//!
//! Without them, and with an `fn main()` in main.rs, everything still works. A fourth change is for security:
//! `protect_relocated` does in a static program what the dynamic linker does in others.

use retry::platform::{signals, this_process};
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;

/// The entry point that the C library calls.
#[expect(unsafe_code, reason = "the C library looks for this name, and passes pointers")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, argv: *const *const c_char) -> c_int {
    #[cfg(target_env = "musl")]
    protect_relocated();
    // As Rust's runtime does, but that ignores SIGPIPE, which a command would inherit.
    this_process::open_closed_streams();
    signals::catch_write_signals();
    let argument = |index| {
        // SAFETY: there are `count` pointers to texts that end with a zero and live as long as the process.
        let argument = unsafe { CStr::from_ptr(*argv.add(index)) };
        OsStr::from_bytes(argument.to_bytes()).to_owned()
    };
    let argv: Vec<OsString> = (0..usize::try_from(count).unwrap_or(0)).map(argument).collect();
    crate::run_program(argv).cast_signed()
}

// build.rs finds out whether the linker has this library: it is a part of gcc, other compilers may not have it. It is
// named here and not there, so that only the binary is linked with it, and only if a panic does not unwind.
#[cfg(all(unwinder_in_gcc_eh, panic = "abort"))]
#[expect(unsafe_code, reason = "names a library and declares nothing")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Makes relocated pointers read-only (full RELRO). glibc's dynamic linker does that; musl relocates the pointers of a
/// static program, and leaves them writable.
#[cfg(target_env = "musl")]
#[expect(unsafe_code, reason = "program headers and mprotect(2) are about raw memory")]
fn protect_relocated() {
    extern "C" fn protect(
        object: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        _data: *mut libc::c_void,
    ) -> c_int {
        // SAFETY: the C library passes a valid description of an object, whose program headers live as long as the
        // process.
        let (base, headers) = unsafe {
            let object = &*object;
            let count = usize::from(object.dlpi_phnum);
            (object.dlpi_addr as usize, std::slice::from_raw_parts(object.dlpi_phdr, count))
        };
        // SAFETY: no memory is involved. The size of a page is always known.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        for header in headers.iter().filter(|header| header.p_type == libc::PT_GNU_RELRO) {
            let begin = base + header.p_vaddr as usize;
            // A partial last page has variables as well, and stays writable.
            let (first, end) = (begin & !(page - 1), (begin + header.p_memsz as usize) & !(page - 1));
            // SAFETY: nothing in these pages is written after the start. A part of the first page before `begin`
            // belongs to the same segment, which begins with this.
            unsafe { libc::mprotect(first as *mut libc::c_void, end - first, libc::PROT_READ) };
        }
        0
    }
    // SAFETY: the function keeps no pointer that it gets.
    unsafe { libc::dl_iterate_phdr(Some(protect), std::ptr::null_mut()) };
}
