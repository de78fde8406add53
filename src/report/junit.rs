//! The JUnit file: the run as one test case. Test reporters count a success with a `flakyFailure` as flaky, and show a
//! `rerunFailure` next to the failure. (The names are those of Maven Surefire, whose schema also wants a `type` on each
//! of them; nextest writes the same.)

use super::clock::rfc3339;
use super::history::{Detail, PastAttempt, Summary};
use super::sanitize::xml;
use super::{format, text};
use crate::core::account::{Account, RunResult};
use crate::core::outcome::{Ending, Outcome};
use crate::core::plan::{Plan, Verbosity};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use retry_loop::run::Verdict;
use std::io;
use std::time::Duration;

const NAME: &str = "retry";

/// The contents of the file.
///
/// # Errors
/// When quick-xml cannot write the XML.
pub fn document(plan: &Plan, detail: &Detail, summary: &Summary) -> io::Result<String> {
    let account = summary.account(plan);
    let failures = if has_failed(summary, &account) { "1" } else { "0" };
    let (started, time) = (rfc3339(detail.started), seconds(account.elapsed));
    let totals = [
        ("name", NAME),
        ("tests", "1"),
        ("skipped", "0"),
        ("failures", failures),
        ("errors", "0"),
        ("timestamp", &started),
        ("time", &time),
    ];
    let mut document = Writer::new_with_indent(Vec::new(), b' ', 4);
    document.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    document.create_element("testsuites").with_attributes(totals).write_inner_content(|suites| {
        suites.create_element("testsuite").with_attributes(totals).write_inner_content(|suite| {
            suite.create_element("properties").write_inner_content(|properties| {
                let run_id = xml(&plan.run_id);
                let property = [("name", "run_id"), ("value", &run_id)];
                properties.create_element("property").with_attributes(property).write_empty()?;
                Ok(())
            })?;
            let (name, class) = (name(plan, &account), xml(&format::command_name(&plan.command)));
            let attributes =
                [("name", name.as_str()), ("classname", &class), ("timestamp", &started), ("time", &time)];
            let case = suite.create_element("testcase").with_attributes(attributes);
            case.write_inner_content(|case| failures_of(case, plan, detail, summary))?;
            Ok(())
        })?;
        Ok(())
    })?;
    let mut bytes = document.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Whether the test case has failed. A command that a signal has interrupted and that exited with 0 has done what it was
/// asked to do.
fn has_failed(summary: &Summary, account: &Account) -> bool {
    let is_interrupted = matches!(summary.ending, Ending::Interrupted(_));
    account.result == RunResult::Lost && !(is_interrupted && summary.exit_status == 0)
}

/// The label, the command line with `-v`, or the command's name.
fn name(plan: &Plan, account: &Account) -> String {
    if plan.messages.label.is_none() && plan.verbosity == Verbosity::Verbose {
        return xml(&format::shell_words(&plan.command));
    }
    xml(&account.name)
}

fn failures_of(
    case: &mut Writer<Vec<u8>>,
    plan: &Plan,
    detail: &Detail,
    summary: &Summary,
) -> io::Result<()> {
    let account = &summary.account(plan);
    let interrupted_well = matches!(summary.ending, Ending::Interrupted(_)) && summary.exit_status == 0;
    let is_failure = |attempt: &&PastAttempt| match attempt.verdict {
        Some(verdict) => verdict != Verdict::Success,
        None => !interrupted_well,
    };
    let mut failed = detail.attempts().filter(is_failure);
    let rerun = if has_failed(summary, account) {
        // As in Surefire's files, the first failure is the test's failure, and the others are reruns.
        let (message, kind) = match failed.next() {
            Some(first) => (message(plan, first), kind(first)),
            None => ("no failed attempt".to_owned(), account.outcome.as_ref()),
        };
        let failure =
            case.create_element("failure").with_attributes([("message", message.as_str()), ("type", kind)]);
        let mut description = format!("{}; retry exited with {}", account.outcome, account.exit_status);
        if let Some(fallback) = &summary.fallback {
            description.push_str(&xml(&format!(" ({})", text::fallback(fallback))));
        }
        failure.write_text_content(BytesText::new(&description))?;
        "rerunFailure"
    } else {
        "flakyFailure"
    };
    for attempt in failed {
        let (started, message) = (rfc3339(attempt.started), message(plan, attempt));
        let time = attempt.ended.as_ref().map(|(took, _)| seconds(*took));
        let times = time.iter().map(|time| ("time", time.as_str()));
        let element = case.create_element(rerun).with_attribute(("timestamp", started.as_str()));
        let element = element.with_attributes(times);
        element.with_attributes([("message", message.as_str()), ("type", kind(attempt))]).write_empty()?;
    }
    Ok(())
}

fn message(plan: &Plan, attempt: &PastAttempt) -> String {
    let how = match &attempt.ended {
        Some((took, outcome)) => text::what_happened(plan, outcome, *took),
        None => "interrupted".to_owned(),
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

/// Thousandths are what others write.
fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
