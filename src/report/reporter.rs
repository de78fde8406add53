//! The one receiver of events: keeps the record and gives each view what it shows. What the views look
//! like is theirs.

use super::clock;
use super::file::Lock;
use super::json::{self, Line};
use super::log::Log;
use super::patience::Patience;
use super::progress::{self, Progress, Show};
use super::record::{Record, Summary};
use super::{file, github, junit, output, safe, text};
use crate::core::os_error::describe;
use crate::core::outcome::{Exit, Outcome, RunEnd};
use crate::core::plan::{LogFormat, Plan, Verbosity};
use crate::run::event::{Activity, Event, Observer, Times};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Shows what happens.
#[derive(Debug)]
pub struct Reporter<'a> {
    plan: &'a Plan,
    log: Log<'a>,
    record: Record,
    progress: Progress,
}

impl<'a> Reporter<'a> {
    /// Opens no file, and asks for the time of day only if a report needs it.
    pub fn new(plan: &'a Plan, stderr_is_terminal: bool) -> Self {
        let wanted = plan.messages.report.is_some() || plan.messages.junit.is_some();
        let log = Log::new(plan, stderr_is_terminal);
        let progress = Progress::new(plan, stderr_is_terminal, log.is_elsewhere());
        Self { plan, log, record: Record::new(wanted.then(clock::now)), progress }
    }

    /// Says something that is no event: a note before the first attempt.
    pub fn note(&mut self, message: &str) {
        let now = self.now();
        self.log.write(&Line::note(self.plan, now, message), now);
    }

    fn say_moment(&mut self, event: &'static str, attempt: u64, message: String) {
        let now = self.now();
        self.log.write(&Line::moment(self.plan, now, event, attempt, message), now);
    }

    /// Says how it ended, with `exit` as the consequence, and writes the reports. Those who read all this
    /// have as long as `patience` says.
    pub fn finish(&mut self, end: &RunEnd<Outcome>, exit: Exit, times: Times, patience: &mut dyn Patience) {
        let summary = self.record.summary(end, exit, times);
        if self.plan.messages.format == LogFormat::Json && self.plan.verbosity > Verbosity::Quiet {
            let now = clock::now();
            self.log.write(&Line::end(self.plan, now, &summary), now);
        }
        self.write_report(&summary, patience);
        self.write_junit(&summary, patience);
        self.show_on_github(&summary, patience);
        output::finish(patience);
    }

    fn write_report(&self, summary: &Summary, patience: &mut dyn Patience) {
        let Some(path) = &self.plan.messages.report else { return };
        let Some(report) = json::report(self.plan, &self.record, summary) else { return };
        let report = format!("{report}\n");
        let append = path.extension().is_some_and(|extension| extension == "jsonl");
        let write = if append { file::append } else { file::replace };
        self.check(write(path, report.as_bytes(), patience), "report", path);
    }

    fn write_junit(&self, summary: &Summary, patience: &mut dyn Patience) {
        let Some(path) = &self.plan.messages.junit else { return };
        let Some(detail) = &self.record.detail else { return };
        let written = junit::document(self.plan, detail, summary)
            .and_then(|xml| file::replace(path, xml.as_bytes(), patience));
        self.check(written, "JUnit file", path);
    }

    fn show_on_github(&self, summary: &Summary, patience: &mut dyn Patience) {
        let Some(step) = &self.plan.messages.github else { return };
        if github::is_clean(summary) {
            return;
        }
        if self.plan.verbosity > Verbosity::Quiet
            && let Some(annotation) = github::annotation(self.plan, &self.record, summary)
        {
            // The runner takes commands only from the beginning of a line. Where our own messages are elsewhere, the last
            // line on stderr is the command's, and it may have no end.
            let start = if self.log.is_elsewhere() { "\n" } else { "" };
            output::line_after(start, &annotation);
        }
        if let Some(path) = &step.summary {
            let row = |present: &str| github::row(self.plan, &self.record, summary, present);
            let written = file::append_knowing(path, row, patience);
            self.check_locked(written, "summary of the step", path);
        }
        if let Some(path) = &step.output {
            let outputs = |present: &str| github::outputs(summary, present);
            let written = file::append_knowing(path, outputs, patience);
            self.check_locked(written, "outputs of the step", path);
        }
    }

    fn check_locked(&self, written: io::Result<Lock>, what: &str, path: &Path) {
        if let Ok(Lock::Refused) = written {
            let path = text::shell_words(&[path.into()]);
            self.log.warn(&format!("someone else has locked the {what} {path}. Written without a lock"));
        }
        self.check(written.map(drop), what, path);
    }

    /// A report that cannot be written changes nothing else.
    fn check(&self, written: io::Result<()>, what: &str, path: &Path) {
        if let Err(error) = written {
            let (path, reason) = (text::shell_words(&[path.into()]), describe(&error));
            self.log.warn(&format!("cannot write the {what} {path}: {reason}"));
        }
    }

    /// The time of day, if anybody sees it.
    fn now(&self) -> SystemTime {
        if self.log.needs_time() { clock::now() } else { SystemTime::UNIX_EPOCH }
    }
}

impl Observer<Outcome> for Reporter<'_> {
    fn event(&mut self, event: &Event<'_, Outcome>) {
        self.record.note(event);
        let Some(message) = text::message(self.plan, event) else { return };
        let now = self.now();
        self.log.write(&Line::of(self.plan, now, event, &message), now);
        // Whoever looks at the status 125 looks here for the reason.
        if matches!(event, Event::Broken { .. }) && self.log.is_elsewhere() {
            output::line(&safe::Line::message(&text::line(self.plan, &message)));
        }
    }

    fn activity(&mut self, moment: Activity) -> Option<Duration> {
        let attempts = self.record.attempts;
        if let Activity::Wrote { cursor } = moment {
            self.log.moved(cursor);
        }
        match self.progress.at(moment) {
            Show::Nothing => {}
            Show::NoLine => output::replace_line("", None),
            Show::Line { left, elapsed } => {
                let line = text::countdown(self.plan, &self.record, left, elapsed);
                let line = safe::Line::message(&text::line(self.plan, &line));
                output::replace_line(&self.log.line_start(), Some(&progress::fitting(&line)));
            }
            Show::StillWaiting { left } => {
                let number = attempts + 1;
                self.say_moment("waiting", number, text::still_waiting(self.plan, number, left));
            }
            // The record hears of an attempt before it runs.
            Show::StillRunning { took } => {
                self.say_moment("running", attempts, text::still_running(self.plan, attempts, took));
            }
        }
        self.progress.again(moment)
    }
}
