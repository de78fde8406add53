//! Where messages go: stderr, the journal, syslog, a file. Owns the protocols. A log that cannot be reached gets one
//! warning, and stderr takes its place: a message never changes how a run ends.

use super::clock::{self, rfc3339};
use super::json::{LogEntry, OutcomeField};
use super::sanitize::{self, Line};
use super::wait_policy::{Brief, Readiness, WaitPolicy};
use super::{file, format, output, text};
use crate::core::os_error::describe;
use crate::core::plan::{LogFormat, LogTarget, Plan, Terminal, Verbosity, Visibility};
use crate::core::stream::Cursor;
use crate::platform::console::may_draw;
use crate::platform::output_file::OutputFile;
use crate::platform::{local_socket, stdio};
use crate::run::event::{Importance, Severity};
use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The longest message for the journal, in bytes: its own default limit (LineMax=).
const MAX_JOURNAL_MESSAGE: usize = 48 * 1024;
/// The longest message for syslog, in bytes: the default limit of rsyslog.
const MAX_SYSLOG_MESSAGE: usize = 8 * 1024;
/// The facility LOG_USER of syslog(3), as a part of the priority.
const FACILITY_USER: u8 = 1 << 3;

/// Writes messages where the plan says.
#[derive(Debug)]
pub struct Log<'a> {
    plan: &'a Plan,
    destination: Destination<'a>,
    color: Color,
    /// `None` if stderr is not a terminal.
    terminal: Option<Terminal>,
    /// Where the cursor of the terminal is.
    cursor: Cell<Cursor>,
}

/// Whether lines on stderr have the color of their severity, which the words say as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    On,
    Off,
}

#[derive(Debug, Clone, Copy)]
enum Destination<'a> {
    Stderr,
    /// stderr is connected to the journal, which reads `<4>` before a line as the priority.
    StderrInJournal,
    Journald(&'a Path),
    Syslog(&'a Path),
    File(&'a Path),
}

impl<'a> Log<'a> {
    /// Opens nothing. Each message opens the log again, so that a log that was rotated or a daemon that was restarted
    /// gets the next message, and a run without messages costs nothing.
    pub fn new(plan: &'a Plan, stderr_is_terminal: bool) -> Self {
        let destination = match &plan.messages.target {
            LogTarget::Stderr => stderr(plan),
            // `/dev/stderr` and the like: a log there, with the messages that stderr gets as well, would repeat them.
            LogTarget::File(path) if OutputFile::is_stream(path, stdio::stderr()) => stderr(plan),
            LogTarget::Journald(socket) => Destination::Journald(socket),
            LogTarget::Syslog(socket) => Destination::Syslog(socket),
            LogTarget::File(path) => Destination::File(path),
        };
        let color = match plan.messages.color {
            Visibility::Always => Color::On,
            Visibility::OnTerminal if stderr_is_terminal => Color::On,
            Visibility::OnTerminal | Visibility::Never => Color::Off,
        };
        let terminal = stderr_is_terminal.then_some(plan.messages.terminal);
        Self { plan, destination, color, terminal, cursor: Cell::new(Cursor::AtStart) }
    }

    /// Whether messages have the time of day.
    pub fn needs_time(&self) -> bool {
        let timeless = matches!(
            self.destination,
            Destination::Stderr | Destination::StderrInJournal | Destination::Journald(_)
        );
        !timeless || self.plan.messages.format == LogFormat::Json
    }

    /// Whether messages go elsewhere than to stderr.
    pub fn is_elsewhere(&self) -> bool {
        !matches!(self.destination, Destination::Stderr | Destination::StderrInJournal)
    }

    /// Writes one entry. A log elsewhere gets all of them; stderr shows what `--quiet` and `--silent` let through.
    pub fn write(&mut self, entry: &LogEntry, importance: Importance, now: SystemTime) {
        let result = match self.destination {
            Destination::Stderr | Destination::StderrInJournal => Ok(()),
            Destination::Journald(socket) => send(socket, &self.journal_entry(entry)),
            Destination::Syslog(socket) => send(socket, self.syslog_packet(entry, now).as_bytes()),
            Destination::File(path) => file::append(path, self.file_line(entry, now).as_bytes(), &mut Brief),
        };
        if let Err(error) = result {
            let log = match self.destination {
                Destination::Journald(_) => "the journal".to_owned(),
                Destination::Syslog(_) => "syslog".to_owned(),
                Destination::File(path) => format::shell_words(&[path.into()]),
                Destination::Stderr | Destination::StderrInJournal => String::new(),
            };
            self.destination = stderr(self.plan);
            self.warn(&format!("cannot log to {log}: {}. Logging to stderr instead", describe(&error)));
        }
        if !self.is_elsewhere() && importance.is_shown(self.plan.verbosity) {
            self.write_to_stderr(entry.severity, &self.content(entry));
        }
    }

    /// Writes a warning to stderr, whatever the destination is.
    pub fn warn(&self, message: &str) {
        if self.plan.verbosity == Verbosity::Silent {
            return;
        }
        self.say_on_stderr(Severity::Warning, message);
    }

    /// Writes a message to stderr as text, whatever the destination, the format and the verbosity are.
    pub fn say_on_stderr(&self, severity: Severity, message: &str) {
        self.write_to_stderr(severity, &Line::message(&text::line(self.plan, message)));
    }

    /// Whether stderr is a terminal that we may write to, with a person who sees it: we are not in the background.
    pub fn is_at_terminal(&self) -> bool {
        self.terminal.is_some() && may_draw()
    }

    /// Notes where a command has left the cursor of the terminal.
    pub fn cursor_moved(&self, cursor: Cursor) {
        self.cursor.set(cursor);
    }

    /// What to write before a line of ours, so that the line does not continue one of the command's. In the background
    /// nothing: the user may be typing in the cursor's line.
    pub fn line_start(&self) -> String {
        let is_text = self.plan.messages.format == LogFormat::Text;
        match (self.cursor.replace(Cursor::AtStart), self.terminal) {
            // More than a newline: if the user has typed Return after a prompt that we passed on, the cursor is at
            // the start of a line already.
            (Cursor::InLine | Cursor::Unknown, Some(Terminal::Capable)) if is_text && may_draw() => {
                output::to_line_start(stdio::stderr())
            }
            (Cursor::InLine, Some(_)) => "\n".to_owned(),
            _ => String::new(),
        }
    }

    fn write_to_stderr(&self, severity: Severity, content: &Line) {
        let start = self.line_start();
        match self.destination {
            Destination::StderrInJournal => output::line(&content.with_priority(severity as u8)),
            _ if self.color == Color::On && self.plan.messages.format == LogFormat::Text => {
                output::line_after(&start, &colored(severity, content));
            }
            _ => output::line_after(&start, content),
        }
    }

    /// The entry as a line, without time and priority.
    fn content(&self, entry: &LogEntry) -> Line {
        match self.plan.messages.format {
            LogFormat::Text => {
                let message = entry.message.as_deref().unwrap_or_default();
                Line::message(&text::line(self.plan, message))
            }
            LogFormat::Json => Line::object(entry.json()),
        }
    }

    fn file_line(&self, entry: &LogEntry, now: SystemTime) -> String {
        match self.plan.messages.format {
            LogFormat::Text => format!("{} {}\n", rfc3339(now), self.content(entry).as_str()),
            LogFormat::Json => format!("{}\n", self.content(entry).as_str()),
        }
    }

    /// The message for a log that stores the name of the program in another field; at most `max` bytes.
    fn message(&self, entry: &LogEntry, max: usize) -> String {
        let mut message = match self.plan.messages.format {
            LogFormat::Text => {
                let message = text::labelled(self.plan, entry.message.as_deref().unwrap_or_default());
                sanitize::visible(&message)
            }
            LogFormat::Json => entry.json(),
        };
        while message.len() > max {
            message.pop();
        }
        message
    }

    /// The native protocol of the journal: `NAME=value` lines. A value with a newline is written as `NAME`, a newline,
    /// the value's length as a little-endian u64, the value.
    fn journal_entry(&self, entry: &LogEntry) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut field = |name: &str, value: &str| {
            let value = sanitize::field(value);
            bytes.extend_from_slice(name.as_bytes());
            if value.contains('\n') {
                bytes.push(b'\n');
                bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
            } else {
                bytes.push(b'=');
            }
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(b'\n');
        };
        field("MESSAGE", &self.message(entry, MAX_JOURNAL_MESSAGE));
        field("PRIORITY", &(entry.severity as u8).to_string());
        field("SYSLOG_IDENTIFIER", "retry");
        field("SYSLOG_PID", &std::process::id().to_string());
        field("RETRY_EVENT", entry.event);
        field("RETRY_COMMAND", &entry.command);
        if let Some(label) = &entry.label {
            field("RETRY_LABEL", label);
        }
        field("RETRY_RUN_ID", &entry.run_id);
        let Some(attempt) = &entry.attempt else { return bytes };
        field("RETRY_ATTEMPT", &attempt.attempt.to_string());
        field("RETRY_MAX_ATTEMPTS", &attempt.max_attempts.map_or("inf".to_owned(), |max| max.to_string()));
        let ended = attempt.ended.as_ref().map(|ended| match ended {
            OutcomeField::Exit(code) => format!("exit {code}"),
            OutcomeField::Signal(signal) => format!("signal {signal}"),
            OutcomeField::TimedOut(limit) => format!("timed_out {limit}"),
            OutcomeField::NotStarted(why) => format!("not_started {why}"),
        });
        for (name, value) in [
            ("RETRY_ENDED", ended),
            ("RETRY_STATUS", attempt.status.map(|status| status.to_string())),
            ("RETRY_ELAPSED_S", attempt.elapsed_s.map(|seconds| seconds.to_string())),
            ("RETRY_VERDICT", attempt.verdict.map(str::to_owned)),
            ("RETRY_RULE", attempt.rule.clone()),
            ("RETRY_DELAY_S", attempt.delay_s.map(|seconds| seconds.to_string())),
            ("RETRY_ASKED_S", attempt.asked_s.map(|seconds| seconds.to_string())),
        ] {
            if let Some(value) = value {
                field(name, &value);
            }
        }
        bytes
    }

    /// RFC 3164 as syslog(3) sends it to a daemon on the same machine: without the host name, in local time.
    fn syslog_packet(&self, entry: &LogEntry, now: SystemTime) -> String {
        let mut packet = format!("<{}>", FACILITY_USER | entry.severity as u8);
        let time = clock::local_for_syslog(now);
        let _infallible = write!(packet, "{time} retry[{}]: ", std::process::id());
        packet.push_str(&self.message(entry, MAX_SYSLOG_MESSAGE));
        packet
    }
}

/// Whether stderr is connected to the journal: systemd names the device and inode in JOURNAL_STREAM, and stderr may
/// have been redirected since.
fn stderr(plan: &Plan) -> Destination<'static> {
    let Some(journal) = &plan.messages.journal_stream else { return Destination::Stderr };
    if local_socket::journal_name(stdio::stderr()).is_some_and(|name| name == *journal) {
        Destination::StderrInJournal
    } else {
        Destination::Stderr
    }
}

fn colored(severity: Severity, line: &Line) -> Line {
    let code = match severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Notice => 32,
        Severity::Info => return line.clone(),
    };
    line.colored(code)
}

fn send(socket: &Path, datagram: &[u8]) -> io::Result<()> {
    local_socket::send(socket, datagram, |sender| Brief.writable(sender) == Readiness::Ready)
}
