//! Parse, run, exit: the only file that ends the process.
//!
//! It does without the start of Rust's runtime. That prepares a message for a stack overflow, for which glibc
//! reads /proc/self/maps: a tenth of what a run of `retry` costs (benches/README.md).

#![no_main]

use anyhow::{Context as _, Result};
use retry::cli::{self, Format, Invocation};
use retry::core::outcome::{Exit, OWN_FAILURE, Outcome};
use retry::core::output::Stream;
use retry::core::plan::{Plan, Stdin, Verbosity};
use retry::core::random::Random;
use retry::core::shared::{Location, Name};
use retry::process::{supervisor::Supervisor, sys};
use retry::report::{self, event::Event, output, patience::Endless, reporter::Reporter, safe::Line};
use retry::state::shared;
use retry::state::store::{Removal, StoreError};
use std::cell::RefCell;
use std::ffi::{OsString, c_char, c_int};
use std::io::ErrorKind;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

// StoredRecord by build.rs. Here and not there, so that only the binary is linked with it, and only where a panic
// does not unwind.
#[cfg(all(unwinder_in_gcc_eh, panic = "abort"))]
#[expect(unsafe_code, reason = "names a library, declares nothing")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

// musl's own takes and gives back single pages while options are parsed, a third of what that costs.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// What the C library calls.
#[expect(unsafe_code, reason = "only here are the words of the command line what C says they are")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    sys::own::begin();
    // SAFETY: both come from the C library.
    run(unsafe { sys::own::words(count, words) })
}

#[expect(clippy::disallowed_methods, reason = "the one place that ends the process")]
fn run(words: Vec<OsString>) -> ! {
    let exit = match cli::parse(words) {
        Ok(Invocation::Run(plan)) => carry_out(&plan),
        Ok(Invocation::Print(product)) => print(&product),
        Ok(Invocation::ShowState(location, format)) => show_state(&location, format),
        Ok(Invocation::ResetState(location, name)) => reset_state(&location, &name),
        Err(usage) => {
            say(&Line::usage(&usage));
            Ok(Exit::Code(OWN_FAILURE))
        }
    };
    let exit = exit.unwrap_or_else(|error| {
        say(&Line::message(&format!("retry: {error:#}")));
        Exit::Code(OWN_FAILURE)
    });
    if let Exit::Signal(signal) = exit {
        sys::own::no_core_dump();
        sys::signals::take_default_action(signal);
        // Still here: nothing can kill pid 1 that way.
    }
    std::process::exit(exit.status().into())
}

/// Says the one thing that there is to say.
fn say(line: &Line) {
    output::line(line);
    output::finish(&mut Endless);
}

fn carry_out(plan: &Plan) -> Result<Exit> {
    let stderr_is_terminal = rustix::termios::isatty(rustix::stdio::stderr());
    let mut reporter = Reporter::new(plan, stderr_is_terminal, sys::own::offset_from_utc);
    for note in cli::notes(plan, stderr_is_terminal) {
        reporter.note(&note);
    }
    let reporter = RefCell::new(reporter);
    let mut supervisor = Supervisor::new(plan).context("cannot set up signal handling")?;
    if plan.verbosity == Verbosity::Verbose {
        supervisor.piped().into_iter().for_each(|stream| note_piped(&reporter, stream));
        if plan.streams.stdin == Stdin::Replay && rustix::termios::isatty(rustix::stdio::stdin()) {
            reporter.borrow_mut().note("note: stdin is a terminal, which is not replayed");
        }
    }
    let mut random = plan.seed.map_or_else(Random::from_system, Random::seeded);
    supervisor.on_tick(|moment| reporter.borrow_mut().tick(moment));
    let mut tell = |event: Event<'_, Outcome>| reporter.borrow_mut().tell(&event);
    let ending = block_on(retry::run::run(&plan.policy, &mut supervisor, &mut random, &mut tell));
    let ending = supervisor.conclude(ending, &mut tell);
    let exit = ending.exit(plan.flaky_exit);
    let times = supervisor.times();
    reporter.borrow_mut().finish(&ending, exit, times, &mut supervisor.patience());
    Ok(exit)
}

/// A program may write otherwise, and later, to a pipe than to the terminal that is expected there.
fn note_piped(reporter: &RefCell<Reporter>, stream: Stream) {
    let (fd, name) = match stream {
        Stream::Stdout => (rustix::stdio::stdout(), "stdout"),
        Stream::Stderr => (rustix::stdio::stderr(), "stderr"),
    };
    if rustix::termios::isatty(fd) {
        reporter.borrow_mut().note(&format!("note: {name} of the command is a pipe, not the terminal"));
    }
}

/// Drives the loop. A command's attempts and waits block in the kernel (`process::event_loop`), so the future
/// is ready when it was polled once, and no runtime is needed. (A Rust function's, under `retry::retry`,
/// are driven by the runtime of its caller.)
fn block_on<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("attempts and waits of a command block"),
    }
}

fn show_state(location: &Location, format: Format) -> Result<Exit> {
    let all = shared::show(location).map_err(|error| unusable(location, &error))?;
    let shown = match format {
        Format::Text => report::state::text(&all),
        Format::Json => report::state::json(&all),
    };
    print(shown.as_bytes())
}

fn reset_state(location: &Location, name: &Name) -> Result<Exit> {
    let removal = shared::reset(location, name).map_err(|error| unusable(location, &error))?;
    let name = report::safe::visible(&name.to_string());
    match removal {
        Removal::Removed => print(format!("{name} is forgotten\n").as_bytes()),
        Removal::Absent => print(format!("{name} was not there\n").as_bytes()),
    }
}

fn unusable(location: &Location, error: &StoreError) -> anyhow::Error {
    anyhow::anyhow!("shared state in {location} cannot be used: {error}")
}

fn print(product: &[u8]) -> Result<Exit> {
    match output::product(product) {
        Ok(()) => Ok(Exit::Code(0)),
        // `retry --help | head -1`: the reader had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Code(0)),
        Err(error) => Err(error).context("cannot write to stdout"),
    }
}
