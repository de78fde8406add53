//! The JUnit file: the run as one test case. Test reporters count a late success with `flakyFailure` as
//! flaky, and show `rerunFailure` beside the failure. (The names are Maven Surefire's; nextest writes the
//! same.)

use super::record::{AttemptRecord, Detail, Judged, Summary};
use super::safe::xml;
use super::text;
use crate::core::outcome::{Ending, Outcome};
use crate::core::plan::{Plan, Verbosity};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::io;
use std::time::SystemTime;

const NAME: &str = "retry";

/// The whole file.
///
/// # Errors
/// Whatever the writer of XML answers.
pub fn document(plan: &Plan, detail: &Detail, summary: &Summary) -> io::Result<String> {
    let mut case = TestCase::new(xml(&name(plan)), status(plan, detail, summary));
    case.set_classname(xml(&text::command_name(&plan.command)));
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
        None if plan.verbosity == Verbosity::Verbose => text::shell_words(&plan.command),
        None => text::command_name(&plan.command),
    }
}

fn status(plan: &Plan, detail: &Detail, summary: &Summary) -> TestCaseStatus {
    let mut failed = detail.attempts().filter(|attempt| attempt.verdict != Some(Judged::Good));
    if matches!(summary.ending, Ending::Succeeded { .. }) {
        let mut status = TestCaseStatus::success();
        status.add_reruns(failed.map(|attempt| rerun(plan, attempt)));
        return status;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    // The first failure is the failure, as Surefire has it.
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

fn rerun(plan: &Plan, attempt: &AttemptRecord) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Failure);
    rerun.set_timestamp(date(attempt.started)).set_message(message(plan, attempt)).set_type(kind(attempt));
    if let Some((took, _)) = &attempt.ended {
        rerun.set_time(*took);
    }
    rerun
}

fn message(plan: &Plan, attempt: &AttemptRecord) -> String {
    let how = match &attempt.ended {
        Some((took, outcome)) => format!("{} after {}", text::status(plan, outcome), text::elapsed(*took)),
        None => "cut short".to_owned(),
    };
    xml(&format!("{}: {how}", text::attempt(plan.policy.attempts, attempt.number)))
}

fn kind(attempt: &AttemptRecord) -> &'static str {
    match &attempt.ended {
        Some((_, Outcome::Exited(_))) => "exit",
        Some((_, Outcome::Killed(_))) => "signal",
        Some((_, Outcome::TimedOut(_))) => "timeout",
        Some((_, Outcome::NotStarted(_))) => "not-started",
        None => "cut-short",
    }
}

/// In the type of quick-junit's own dates.
fn date(time: SystemTime) -> chrono::DateTime<chrono::Utc> {
    time.into()
}
