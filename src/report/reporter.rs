//! The observer of the run: adds each event to the history, and gives each view what it shows. What the views look like
//! is in their own files.

use super::clock;
use super::file::LockResult;
use super::history::{History, Summary};
use super::json::{self, LogEntry};
use super::log::Log;
use super::progress::{self, Progress, ProgressUpdate};
use super::sanitize::Line;
use super::wait_policy::WaitPolicy;
use super::{file, format, github, junit, output, text};
use crate::core::os_error::describe;
use crate::core::outcome::{Exit, Outcome, RunEnd};
use crate::core::plan::{LogFormat, Plan, Verbosity, is_appended};
use crate::core::stream::Cursor;
use crate::run::event::{Activity, Event, Importance, Observer, Severity, Times};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Shows what happens in a run.
#[derive(Debug)]
pub struct Reporter<'a> {
    plan: &'a Plan,
    log: Log<'a>,
    history: History,
    progress: Progress,
}

impl<'a> Reporter<'a> {
    /// Opens no file, and reads the wall clock only if a report needs the time.
    pub fn new(plan: &'a Plan, stderr_is_terminal: bool) -> Self {
        let needs_history = plan.messages.report.is_some() || plan.messages.junit.is_some();
        let log = Log::new(plan, stderr_is_terminal);
        let progress = Progress::new(plan, stderr_is_terminal, log.is_elsewhere());
        Self { plan, log, history: History::new(needs_history.then(clock::now)), progress }
    }

    /// Writes a note before the first attempt.
    pub fn note(&mut self, message: &str) {
        let now = self.now();
        self.log.write(&LogEntry::note(self.plan, now, message), Importance::Progress, now);
    }

    fn heartbeat(&mut self, event: &'static str, attempt: u64, message: String) {
        let now = self.now();
        let entry = LogEntry::heartbeat(self.plan, now, event, attempt, message);
        self.log.write(&entry, Importance::Progress, now);
    }

    /// Writes how the run ended, and the reports. `wait` says how long to wait for their readers.
    pub fn finish(&mut self, end: &RunEnd<Outcome>, exit: Exit, times: Times, wait: &mut dyn WaitPolicy) {
        let summary = self.history.summary(end, exit, times);
        if self.plan.messages.format == LogFormat::Json {
            let now = clock::now();
            self.log.write(&LogEntry::end(self.plan, now, &summary), Importance::Progress, now);
        }
        self.write_report(&summary, wait);
        self.write_junit(&summary, wait);
        self.show_on_github(&summary, wait);
        output::finish(wait);
    }

    fn write_report(&self, summary: &Summary, wait: &mut dyn WaitPolicy) {
        let Some(path) = &self.plan.messages.report else { return };
        let Some(report) = json::report(self.plan, &self.history, summary) else { return };
        let report = format!("{report}\n");
        let write = if is_appended(path) { file::append } else { file::replace };
        self.check(write(path, report.as_bytes(), wait), "report", path);
    }

    fn write_junit(&self, summary: &Summary, wait: &mut dyn WaitPolicy) {
        let Some(path) = &self.plan.messages.junit else { return };
        let Some(detail) = &self.history.detail else { return };
        let written = junit::document(self.plan, detail, summary)
            .and_then(|xml| file::replace(path, xml.as_bytes(), wait));
        self.check(written, "JUnit file", path);
    }

    fn show_on_github(&self, summary: &Summary, wait: &mut dyn WaitPolicy) {
        let Some(step) = &self.plan.messages.github else { return };
        if let Some(annotation) = github::annotation(self.plan, &self.history, summary) {
            // The runner reads a command only at the start of a line. If our messages go elsewhere, the last line on
            // stderr is the command's, and may be unfinished.
            let start = if self.log.is_elsewhere() { "\n" } else { "" };
            output::line_after(start, &annotation);
        }
        if let Some(path) = &step.summary
            && !github::is_clean(summary)
        {
            let row = |present: &str| github::row(self.plan, &self.history, summary, present);
            let written = file::append_with(path, row, wait);
            self.check_locked(written, "GITHUB_STEP_SUMMARY file", path);
        }
        if let Some(path) = &step.output {
            let outputs = |present: &str| github::outputs(summary, present);
            let written = file::append_with(path, outputs, wait);
            self.check_locked(written, "GITHUB_OUTPUT file", path);
        }
    }

    fn check_locked(&self, written: io::Result<LockResult>, what: &str, path: &Path) {
        if let Ok(LockResult::NotAcquired) = written {
            let path = format::shell_words(&[path.into()]);
            self.log.warn(&format!("another process has locked the {what} {path}; wrote it without a lock"));
        }
        self.check(written.map(drop), what, path);
    }

    /// A report that cannot be written gets a warning, and changes nothing else.
    fn check(&self, written: io::Result<()>, what: &str, path: &Path) {
        if let Err(error) = written {
            let (path, why) = (format::shell_words(&[path.into()]), describe(&error));
            self.log.warn(&format!("cannot write the {what} {path}: {why}"));
        }
    }

    /// The time of day, or the epoch if the log does not show times.
    fn now(&self) -> SystemTime {
        if self.log.needs_time() { clock::now() } else { SystemTime::UNIX_EPOCH }
    }
}

impl Observer<Outcome> for Reporter<'_> {
    fn event(&mut self, event: &Event<'_, Outcome>) {
        self.history.add(event);
        let Some(message) = text::message(self.plan, event) else { return };
        let now = self.now();
        self.log.write(&LogEntry::of(self.plan, now, event, &message), event.importance(), now);
        // stderr too: a user who sees the status 125 looks for the reason there, and cron mails the line that --quiet
        // leaves.
        let is_shown = event.importance().is_shown(self.plan.verbosity);
        let is_for_stderr = matches!(event, Event::Broken { .. }) || self.plan.verbosity == Verbosity::Quiet;
        if self.log.is_elsewhere() && is_shown && is_for_stderr {
            self.log.say_on_stderr(event.severity(), &message);
        }
    }

    fn activity(&mut self, activity: Activity) -> Option<Duration> {
        let attempts = self.history.attempts;
        if let Activity::CursorMoved { cursor } = activity {
            self.log.cursor_moved(cursor);
        }
        if activity == Activity::AfterCtrlC {
            if self.plan.verbosity > Verbosity::Quiet && self.log.is_at_terminal() {
                // The terminal has echoed `^C`, wherever the cursor was.
                self.log.cursor_moved(Cursor::Unknown);
                self.log.say_on_stderr(Severity::Info, text::AFTER_CTRL_C);
            }
            return None;
        }
        match self.progress.update(activity) {
            ProgressUpdate::Nothing => {}
            ProgressUpdate::EraseLine => output::replace_line("", None),
            ProgressUpdate::DrawLine { left, elapsed } => {
                let line = text::countdown(self.plan, &self.history, left, elapsed);
                let line = Line::message(&text::line(self.plan, &line));
                output::replace_line(&self.log.line_start(), Some(&progress::fit_in_row(&line)));
            }
            ProgressUpdate::StillWaiting { left } => {
                let number = attempts + 1;
                self.heartbeat("waiting", number, text::still_waiting(self.plan, number, left));
            }
            // The history has the attempt that runs.
            ProgressUpdate::StillRunning { took } => {
                self.heartbeat("running", attempts, text::still_running(self.plan, attempts, took));
            }
        }
        self.progress.next_update(activity)
    }
}
