//! The program that the tests in tests/portable.rs and tests/windows.rs run under `retry`, where a shell is not what is
//! tested, or does not exist. It does what its arguments say, from left to right:
//!
//! | action | what it does |
//! |---|---|
//! | `append FILE LINE` | appends a line to a file |
//! | `args ...` | prints each of the arguments that follow on a line |
//! | `cat` | copies stdin to stdout |
//! | `env NAME` | prints a variable of the environment |
//! | `err TEXT`, `out TEXT` | prints a line to stderr or stdout |
//! | `exit CODE` | ends with this code: decimal, or hexadecimal with `0x` |
//! | `exits FILE CODES` | ends with the nth of the codes in its nth run, and with the last one later: `1,2,0` |
//! | `fill STREAM BYTES` | writes as many bytes to `stdout` or `stderr` |
//! | `head BYTES` | reads at most as many bytes of stdin, and prints them |
//! | `ignore-break` | ignores what a time limit sends first: Ctrl-Break, or SIGTERM |
//! | `leave ...` | starts itself with the actions that follow, and does not wait for it |
//! | `sleep SECONDS` | waits |
//! | `tree N FILE` | locks `FILE.N`, starts itself with `tree N-1 FILE` unless N is 1, and never ends |
//!
//! It ends with 0 behind the last action, and with 99 after a mistake.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "it is a program of its own")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::process::{Command, exit};
use std::time::Duration;

fn main() {
    let mut words = std::env::args().skip(1);
    while let Some(action) = words.next() {
        if let Err(error) = perform(&action, &mut words) {
            eprintln!("test-helper: {action}: {error}");
            exit(99);
        }
    }
}

fn perform(action: &str, words: &mut impl Iterator<Item = String>) -> io::Result<()> {
    let mut next = || words.next().ok_or_else(|| mistake("an argument is missing"));
    match action {
        "append" => append(&next()?, &next()?),
        "args" => words.try_for_each(|word| print(&mut io::stdout(), &word)),
        "cat" => io::copy(&mut io::stdin(), &mut io::stdout()).map(drop),
        "env" => print(&mut io::stdout(), &std::env::var(next()?).unwrap_or_default()),
        "err" => print(&mut io::stderr(), &next()?),
        "out" => print(&mut io::stdout(), &next()?),
        "exit" => exit(code(&next()?)?),
        "exits" => {
            let (file, codes) = (next()?, next()?);
            append(&file, "run")?;
            let runs = std::fs::read_to_string(&file)?.lines().count();
            let codes: Vec<&str> = codes.split(',').collect();
            exit(code(codes[runs.min(codes.len()) - 1])?)
        }
        "fill" => {
            let (stream, bytes) = (next()?, number(&next()?)?);
            let mut fill = io::repeat(b'x').take(bytes);
            match stream.as_str() {
                "stdout" => io::copy(&mut fill, &mut io::stdout()).map(drop),
                "stderr" => io::copy(&mut fill, &mut io::stderr()).map(drop),
                _ => Err(mistake("no such stream")),
            }
        }
        "head" => {
            let mut bytes = Vec::new();
            io::stdin().take(number(&next()?)?).read_to_end(&mut bytes)?;
            print(&mut io::stdout(), &String::from_utf8_lossy(&bytes))
        }
        "ignore-break" => ignore_break(),
        "leave" => Command::new(std::env::current_exe()?).args(words).spawn().map(drop),
        "sleep" => {
            let seconds = next()?.parse().map_err(|_| mistake("no number of seconds"))?;
            std::thread::sleep(Duration::from_secs_f64(seconds));
            Ok(())
        }
        "tree" => {
            let (generations, file) = (number(&next()?)?, next()?);
            let locked = File::create(format!("{file}.{generations}"))?;
            locked.lock()?;
            if generations > 1 {
                let younger = (generations - 1).to_string();
                Command::new(std::env::current_exe()?).args(["tree", &younger, &file]).spawn()?;
            }
            loop {
                std::thread::park();
            }
        }
        _ => Err(mistake("no such action")),
    }
}

fn mistake(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(|_| mistake("no number"))
}

fn code(text: &str) -> io::Result<i32> {
    let code = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    code.map(u32::cast_signed).map_err(|_| mistake("no exit code"))
}

fn print(stream: &mut dyn Write, line: &str) -> io::Result<()> {
    // One write, so that lines of several processes do not mix.
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.flush()
}

fn append(file: &str, line: &str) -> io::Result<()> {
    print(&mut OpenOptions::new().create(true).append(true).open(file)?, line)
}

#[cfg(unix)]
fn ignore_break() -> io::Result<()> {
    #[expect(unsafe_code, reason = "signal(2) has no safe wrapper")]
    // SAFETY: no memory is involved.
    let before = unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(windows)]
fn ignore_break() -> io::Result<()> {
    use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
    use windows_sys::core::BOOL;

    extern "system" fn is_handled(_event: u32) -> BOOL {
        1
    }
    #[expect(unsafe_code, reason = "std has no handlers of console events")]
    // SAFETY: the function lives as long as the process.
    let set = unsafe { SetConsoleCtrlHandler(Some(is_handled), 1) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
