//! Where messages go: stderr, the journal, syslog, a file. Owns the protocols. A log that cannot be
//! reached is said so once, and stderr takes its place: a message never changes how a run ends.

use super::clock::{self, stamp};
use super::json::{Ended, Line};
use super::patience::{Patience, Ready, Short};
use super::progress::may_draw;
use super::{file, output, safe, text};
use crate::core::os_error::describe;
use crate::core::output::Cursor;
use crate::core::plan::{LogFormat, LogTarget, Plan, Shown, Terminal};
use crate::run::event::Severity;
use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::SystemTime;

/// The journal's own limit for a line, unless it is told otherwise.
const JOURNAL_TEXT: usize = 48 * 1024;
/// What syslog daemons take (rsyslog's default).
const SYSLOG_TEXT: usize = 8 * 1024;
/// The facility "user" of syslog(3), shifted as it is in a priority.
const USER: u8 = 1 << 3;

/// Writes messages where the plan says.
#[derive(Debug)]
pub struct Log<'a> {
    plan: &'a Plan,
    target: Target<'a>,
    color: Color,
    /// The terminal that stderr is.
    terminal: Option<Terminal>,
    /// Where its cursor is.
    cursor: Cell<Cursor>,
}

/// Whether lines on stderr are coloured; the words alone say everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy)]
enum Target<'a> {
    Stderr,
    /// stderr leads to the journal, which takes `<4>` before a line as its priority.
    StderrInJournal,
    Journald(&'a Path),
    Syslog(&'a Path),
    File(&'a Path),
}

impl<'a> Log<'a> {
    /// Opens nothing: each message does, so that a log that is rotated or restarted meanwhile gets the
    /// next one, and a run without messages costs nothing.
    pub fn new(plan: &'a Plan, stderr_is_terminal: bool) -> Self {
        let target = match &plan.messages.target {
            LogTarget::Stderr => stderr(plan),
            LogTarget::Journald(socket) => Target::Journald(socket),
            LogTarget::Syslog(socket) => Target::Syslog(socket),
            LogTarget::File(path) => Target::File(path),
        };
        let color = match plan.messages.color {
            Shown::Always => Color::Yes,
            Shown::OnTerminal if stderr_is_terminal => Color::Yes,
            Shown::OnTerminal | Shown::Never => Color::No,
        };
        let terminal = stderr_is_terminal.then_some(plan.messages.terminal);
        Self { plan, target, color, terminal, cursor: Cell::new(Cursor::AtStart) }
    }

    /// Whether a message needs the time of day.
    pub fn needs_time(&self) -> bool {
        let timeless = matches!(self.target, Target::Stderr | Target::StderrInJournal | Target::Journald(_));
        !timeless || self.plan.messages.format == LogFormat::Json
    }

    /// Whether stderr shows nothing of what is logged.
    pub fn is_elsewhere(&self) -> bool {
        !matches!(self.target, Target::Stderr | Target::StderrInJournal)
    }

    /// Writes one message.
    pub fn write(&mut self, line: &Line, now: SystemTime) {
        let sent = match self.target {
            Target::Stderr | Target::StderrInJournal => Ok(()),
            Target::Journald(socket) => send(socket, &self.journal_entry(line)),
            Target::Syslog(socket) => send(socket, self.syslog_packet(line, now).as_bytes()),
            Target::File(path) => file::append(path, self.file_line(line, now).as_bytes(), &mut Short),
        };
        if let Err(error) = sent {
            let what = match self.target {
                Target::Journald(_) => "the journal".to_owned(),
                Target::Syslog(_) => "syslog".to_owned(),
                Target::File(path) => text::shell_words(&[path.into()]),
                Target::Stderr | Target::StderrInJournal => String::new(),
            };
            self.target = stderr(self.plan);
            self.warn(&format!("cannot log to {what}: {}. Logging to stderr", describe(&error)));
        }
        if !self.is_elsewhere() {
            self.write_to_stderr(line.severity, &self.content(line));
        }
    }

    /// Says on stderr, and nowhere else, that something of ours failed.
    pub fn warn(&self, message: &str) {
        self.write_to_stderr(Severity::Warning, &safe::Line::message(&text::line(self.plan, message)));
    }

    /// A command has left the cursor there.
    pub fn moved(&self, cursor: Cursor) {
        self.cursor.set(cursor);
    }

    /// What goes to a terminal before a line of ours, so that it is not glued to what the command has left there.
    /// In the background nothing does: the line in which the cursor is may be one that someone types.
    pub fn line_start(&self) -> String {
        let is_text = self.plan.messages.format == LogFormat::Text;
        match (self.cursor.replace(Cursor::AtStart), self.terminal) {
            // Return, typed behind a prompt that we have passed on, ends its line.
            (Cursor::InLine | Cursor::Unknown, Some(Terminal::Capable)) if is_text && may_draw() => {
                output::to_line_start(rustix::stdio::stderr())
            }
            (Cursor::InLine, Some(_)) => "\n".to_owned(),
            _ => String::new(),
        }
    }

    fn write_to_stderr(&self, severity: Severity, content: &safe::Line) {
        let start = self.line_start();
        match self.target {
            Target::StderrInJournal => output::line(&content.with_priority(severity as u8)),
            _ if self.color == Color::Yes && self.plan.messages.format == LogFormat::Text => {
                output::line_after(&start, &colored(severity, content));
            }
            _ => output::line_after(&start, content),
        }
    }

    /// What stands in a line, whatever stands before it.
    fn content(&self, line: &Line) -> safe::Line {
        match self.plan.messages.format {
            LogFormat::Text => {
                let message = line.message.as_deref().unwrap_or_default();
                safe::Line::message(&text::line(self.plan, message))
            }
            LogFormat::Json => safe::Line::object(line.json()),
        }
    }

    fn file_line(&self, line: &Line, now: SystemTime) -> String {
        match self.plan.messages.format {
            LogFormat::Text => format!("{} {}\n", stamp(now), self.content(line).as_str()),
            LogFormat::Json => format!("{}\n", self.content(line).as_str()),
        }
    }

    /// The message for a reader to whom a field says who sent it.
    fn message(&self, line: &Line, most: usize) -> String {
        let mut message = match self.plan.messages.format {
            LogFormat::Text => {
                let message = text::labelled(self.plan, line.message.as_deref().unwrap_or_default());
                safe::visible(&message)
            }
            LogFormat::Json => line.json(),
        };
        while message.len() > most {
            message.pop();
        }
        message
    }

    /// systemd's native protocol: `NAME=value` lines; a value with a newline as `NAME`, a newline, its
    /// length as 64 bits in little endian, the value.
    fn journal_entry(&self, line: &Line) -> Vec<u8> {
        let mut entry = Vec::new();
        let mut field = |name: &str, value: &str| {
            let value = safe::field(value);
            entry.extend_from_slice(name.as_bytes());
            if value.contains('\n') {
                entry.push(b'\n');
                entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
            } else {
                entry.push(b'=');
            }
            entry.extend_from_slice(value.as_bytes());
            entry.push(b'\n');
        };
        field("MESSAGE", &self.message(line, JOURNAL_TEXT));
        field("PRIORITY", &(line.severity as u8).to_string());
        field("SYSLOG_IDENTIFIER", "retry");
        field("SYSLOG_PID", &std::process::id().to_string());
        field("RETRY_EVENT", line.event);
        field("RETRY_COMMAND", &line.command);
        if let Some(label) = &line.label {
            field("RETRY_LABEL", label);
        }
        field("RETRY_RUN_ID", &line.run_id);
        let Some(attempt) = &line.attempt else { return entry };
        field("RETRY_ATTEMPT", &attempt.attempt.to_string());
        field("RETRY_MAX_ATTEMPTS", &attempt.max_attempts.map_or("inf".to_owned(), |max| max.to_string()));
        let outcome = attempt.outcome.as_ref().map(|outcome| match outcome {
            Ended::Exit(code) => format!("exit {code}"),
            Ended::Signal(signal) => format!("signal {signal}"),
            Ended::TimedOut(limit) => format!("timed_out {limit}"),
            Ended::NotStarted(why) => format!("not_started {why}"),
        });
        for (name, value) in [
            ("RETRY_OUTCOME", outcome),
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
        entry
    }

    /// RFC 3164 as syslog(3) sends it to a daemon on the same machine: no host name, local time.
    fn syslog_packet(&self, line: &Line, now: SystemTime) -> String {
        let mut packet = format!("<{}>", USER | line.severity as u8);
        let time = clock::local_for_syslog(now);
        let _infallible = write!(packet, "{time} retry[{}]: ", std::process::id());
        packet.push_str(&self.message(line, SYSLOG_TEXT));
        packet
    }
}

/// stderr as it is: systemd says in JOURNAL_STREAM which file is the journal's, and a redirection may
/// have put another one in its place.
fn stderr(plan: &Plan) -> Target<'static> {
    let Some(journal) = &plan.messages.journal_stream else { return Target::Stderr };
    let ours = rustix::fs::fstat(rustix::stdio::stderr());
    if ours.is_ok_and(|ours| format!("{}:{}", ours.st_dev, ours.st_ino) == *journal) {
        Target::StderrInJournal
    } else {
        Target::Stderr
    }
}

fn colored(severity: Severity, line: &safe::Line) -> safe::Line {
    let code = match severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Notice => 32,
        Severity::Info => return line.clone(),
    };
    line.colored(code)
}

fn send(socket: &Path, datagram: &[u8]) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    // Only a connected socket tells poll(2) whether its daemon has room (unix_dgram_poll in the kernel).
    sender.connect(socket)?;
    sender.set_nonblocking(true)?;
    match sender.send(datagram) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            if Short.writable(sender.as_fd()) == Ready::No {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes no messages"));
            }
            sender.send(datagram).map(drop)
        }
        sent => sent.map(drop),
    }
}
