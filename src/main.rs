//! The command `retry`: parses its arguments, runs the command, and exits.

// Except on Windows, the C library calls `main` in start.rs.
#![cfg_attr(unix, no_main)]

#[cfg(unix)]
mod start;

use anyhow::Result;
use retry::cli::{self, Format, Invocation, ShowState, Stats};
use retry::core::exit_code::ExitCode;
use retry::core::os_error::describe;
use retry::core::outcome::{Exit, OWN_FAILURE};
use retry::core::plan::{Plan, Stdin, Verbosity};
use retry::core::shared::{Location, Name};
use retry::core::stream::Stream;
use retry::platform::{signals, stdio, this_process};
use retry::process::supervisor::Supervisor;
use retry::report::{self, output, reporter::Reporter, sanitize::Line, wait_policy::UntilSignal};
use retry::state::error::{Removal, StoreError};
use retry::state::inspect;
use retry::stats::Remark;
use std::ffi::OsString;
use std::io::ErrorKind;

/// std's own exit code has 8 bits.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "nothing runs behind it")]
fn main() {
    std::process::exit(run_program(std::env::args_os().collect()).cast_signed())
}

/// Runs with these arguments, the program's name first. Returns the exit status, or ends this process with the signal
/// that ended the command.
fn run_program(argv: Vec<OsString>) -> ExitCode {
    let exit = match cli::parse(argv) {
        Ok(Invocation::Run(plan)) => run(&plan),
        Ok(Invocation::Print(text)) => print(&text),
        Ok(Invocation::ShowState(asked)) => show_state(&asked),
        Ok(Invocation::ResetState(location, name)) => reset_state(&location, &name),
        Ok(Invocation::Stats(asked)) => add_up(&asked),
        Err(usage) => {
            print_message(&Line::usage(&usage));
            Ok(Exit::Code(OWN_FAILURE))
        }
    };
    let exit = exit.unwrap_or_else(|error| {
        print_message(&Line::message(&format!("retry: {error:#}")));
        Exit::Code(OWN_FAILURE)
    });
    if let Exit::Signal(signal) = exit {
        this_process::no_core_dump();
        signals::take_default_action(signal);
        // Only process 1 survives this: the kernel discards signals with their default action for it.
    }
    exit.status()
}

/// Writes a message outside of a run.
fn print_message(line: &Line) {
    output::line(line);
    output::finish(&mut UntilSignal);
}

fn run(plan: &Plan) -> Result<Exit> {
    let stderr_is_terminal = stdio::is_terminal(stdio::stderr());
    let mut reporter = Reporter::new(plan, stderr_is_terminal);
    for note in cli::notes(plan, stderr_is_terminal) {
        reporter.note(&note);
    }
    let mut supervisor = Supervisor::new(plan)
        .map_err(|error| anyhow::anyhow!("cannot set up signal handling: {}", describe(&error)))?;
    if plan.verbosity == Verbosity::Verbose {
        supervisor.piped().into_iter().for_each(|stream| note_piped(&mut reporter, stream));
        if plan.streams.stdin == Stdin::Replay && stdio::is_terminal(stdio::stdin()) {
            reporter.note("note: stdin is a terminal and is not replayed");
        }
    }
    let end = retry::run::run(&plan.policy, &mut supervisor, &mut reporter);
    let end = supervisor.conclude(end, &mut reporter);
    let exit = end.exit(plan.flaky_exit);
    let times = supervisor.times();
    reporter.finish(&end, exit, times, &mut supervisor.final_wait_policy());
    Ok(exit)
}

/// Notes that a stream is a pipe and not the terminal: the command may buffer or format its output differently.
fn note_piped(reporter: &mut Reporter<'_>, stream: Stream) {
    let (stream, name) = match stream {
        Stream::Stdout => (stdio::stdout(), "stdout"),
        Stream::Stderr => (stdio::stderr(), "stderr"),
    };
    if stdio::is_terminal(stream) {
        reporter.note(&format!("note: the command's {name} is a pipe, not the terminal"));
    }
}

fn show_state(asked: &ShowState) -> Result<Exit> {
    let ShowState { location, machine, format } = asked;
    let all = inspect::show(location).map_err(|error| {
        let elsewhere = machine.as_ref().map(report::state::instead_of_server).unwrap_or_default();
        anyhow::anyhow!("{}{elsewhere}", unusable(location, &error))
    })?;
    let shown = match format {
        Format::Text => report::state::text(location, &all),
        Format::Json => report::state::json(&all),
    };
    let exit = print(shown.as_bytes())?;
    if *format == Format::Text
        && let Some(machine) = machine.as_ref().filter(|machine| inspect::has_circuit(machine))
    {
        print_message(&Line::message(&report::state::besides_server(machine)));
    }
    Ok(exit)
}

fn reset_state(location: &Location, name: &Name) -> Result<Exit> {
    let removal = inspect::reset(location, name).map_err(|error| unusable(location, &error))?;
    let name = report::sanitize::visible(&name.to_string());
    match removal {
        Removal::Removed => print(format!("{name} was reset\n").as_bytes()),
        // As rm(1) and systemctl(1) do: a script that misspells the name has to notice.
        Removal::Absent => {
            let message = format!("retry: no shared state named {name} in {location}");
            print_message(&Line::message(&message));
            Ok(Exit::Code(1))
        }
    }
}

fn add_up(asked: &Stats) -> Result<Exit> {
    use report::stats::{self, text};
    let (found, remarks) = retry::stats::read(&asked.files).map_err(|failed| {
        anyhow::anyhow!("cannot read {}: {}", text::name(&failed.path), describe(&failed.error))
    })?;
    for remark in remarks.iter().filter(|_| asked.verbosity > Verbosity::Quiet) {
        output::line(&Line::message(&format!("retry: {}", text::remark(remark))));
    }
    output::finish(&mut UntilSignal);
    if found.all.total.runs == 0 && remarks.iter().any(|remark| matches!(remark, Remark::LeftOut(..))) {
        anyhow::bail!("no reports found in these files. Example: --stats retries.jsonl");
    }
    if let Some(path) = &asked.html {
        report::file::replace(path, stats::page(&found).as_bytes(), &mut UntilSignal).map_err(|error| {
            anyhow::anyhow!("cannot write --html {}: {}", text::name(path), describe(&error))
        })?;
    }
    let shown = match asked.format {
        Format::Text => stats::text(&found),
        Format::Json => stats::json(&found),
    };
    print(shown.as_bytes())
}

fn unusable(location: &Location, error: &StoreError) -> anyhow::Error {
    anyhow::anyhow!("cannot use shared state in {location}: {error}")
}

fn print(text: &[u8]) -> Result<Exit> {
    match output::write_stdout(text) {
        Ok(()) => Ok(Exit::Code(0)),
        // `retry --help | head -1`: the reader has ended.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Code(0)),
        Err(error) => Err(anyhow::anyhow!("cannot write to stdout: {}", describe(&error))),
    }
}
