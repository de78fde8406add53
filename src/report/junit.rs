//! The JUnit file: the run as one test case. Test reporters count a success with a `flakyFailure` as flaky, and show a
//! `rerunFailure` next to the failure. (The names are those of Maven Surefire; nextest writes the same.)

use super::history::{Detail, PastAttempt, Summary};
use super::sanitize::xml;
use super::{format, text};
use crate::core::outcome::{Ending, Outcome};
use crate::core::plan::{Plan, Verbosity};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use retry_loop::run::Verdict;
use std::io;
use std::time::SystemTime;

const NAME: &str = "retry";

/// The contents of the file.
///
/// # Errors
/// When quick-junit cannot write the XML.
pub fn document(plan: &Plan, detail: &Detail, summary: &Summary) -> io::Result<String> {
    let mut case = TestCase::new(xml(&name(plan)), status(plan, detail, summary));
    case.set_classname(xml(&format::command_name(&plan.command)));
    case.set_time(summary.times.elapsed);
    case.set_timestamp(date(detail.started));
    let mut suite = TestSuite::new(NAME);
    suite.set_time(summary.times.elapsed).set_timestamp(date(detail.started)).add_test_case(case);
    suite.add_property(("run_id", plan.run_id.as_str()));
    let mut report = Report::new(NAME);
    report.set_time(summary.times.elapsed).set_timestamp(date(detail.started)).add_test_suite(suite);
    report.to_string().map_err(io::Error::other)
}

/// The label, the command line with `-v`, or the command's name.
fn name(plan: &Plan) -> String {
    match &plan.messages.label {
        Some(label) => label.clone(),
        None if plan.verbosity == Verbosity::Verbose => format::shell_words(&plan.command),
        None => format::command_name(&plan.command),
    }
}

fn status(plan: &Plan, detail: &Detail, summary: &Summary) -> TestCaseStatus {
    let mut failed = detail.attempts().filter(|attempt| attempt.verdict != Some(Verdict::Success));
    if matches!(summary.ending, Ending::Succeeded { .. }) {
        let mut status = TestCaseStatus::success();
        status.add_reruns(failed.map(|attempt| rerun(plan, attempt)));
        return status;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    // As in Surefire's files, the first failure is the test's failure, and the others are reruns.
    match failed.next() {
        Some(first) => {
            status.set_message(message(plan, first)).set_type(kind(first));
            status.add_reruns(failed.map(|attempt| rerun(plan, attempt)));
        }
        None => {
            status.set_message("no attempt failed").set_type(summary.ending.name());
        }
    }
    status.set_description(format!("{}: exit status {}", summary.ending.name(), summary.exit_status));
    status
}

fn rerun(plan: &Plan, attempt: &PastAttempt) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Failure);
    rerun.set_timestamp(date(attempt.started)).set_message(message(plan, attempt)).set_type(kind(attempt));
    if let Some((took, _)) = &attempt.ended {
        rerun.set_time(*took);
    }
    rerun
}

fn message(plan: &Plan, attempt: &PastAttempt) -> String {
    let how = match &attempt.ended {
        Some((took, outcome)) => format!("{} after {}", text::status(plan, outcome), format::elapsed(*took)),
        None => "cut short".to_owned(),
    };
    xml(&format!("{}: {how}", text::attempt(plan.policy.attempts, attempt.number)))
}

fn kind(attempt: &PastAttempt) -> &'static str {
    match &attempt.ended {
        Some((_, Outcome::Exited(_))) => "exit",
        Some((_, Outcome::Killed(_))) => "signal",
        Some((_, Outcome::TimedOut(_))) => "timeout",
        Some((_, Outcome::NotStarted(_))) => "not-started",
        None => "cut-short",
    }
}

fn date(time: SystemTime) -> chrono::DateTime<chrono::Utc> {
    time.into()
}
