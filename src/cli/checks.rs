//! The checks that need more than one flag. A setting from the environment makes no usage error: if it does not go with
//! the command line, it is ignored, with a warning.

use super::args::{Args, BackoffShape};
use super::environment::{self, Settings};
use super::{shown, usage_error};
use crate::core::plan::{LogTarget, is_appended};
use crate::platform::input_file;
use retry_loop::backoff::Jitter;
use retry_loop::policy::{Attempts, Policy};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// Checks the flags of a run, and drops settings that do not go with them. The error is the line of a usage error.
pub fn check(args: &mut Args, settings: &mut Settings) -> Result<(), String> {
    check_factor(args)?;
    check_decorrelated(args)?;
    check_consecutive(args, settings)?;
    check_idle(args, settings)?;
    check_outputs(args, settings)
}

/// Only exponential growth has a factor.
fn check_factor(args: &Args) -> Result<(), String> {
    let shape = match args.backoff.unwrap_or_default() {
        BackoffShape::Exponential => return Ok(()),
        BackoffShape::Linear => "linear",
        BackoffShape::Fibonacci => "fibonacci",
        BackoffShape::Constant => "constant",
    };
    match args.factor {
        Some(_) => Err(format!(
            "retry: --factor has no effect with --backoff {shape}. Example: --backoff exponential"
        )),
        None => Ok(()),
    }
}

/// Decorrelated jitter grows by itself, so a flag about growth would do nothing.
fn check_decorrelated(args: &Args) -> Result<(), String> {
    if args.jitter != Some(Jitter::Decorrelated) {
        return Ok(());
    }
    let given = [args.factor.is_some(), args.backoff.is_some(), args.delays.is_some()];
    match environment::GROWTH.into_iter().zip(given).find(|(_, given)| *given) {
        Some((id, _)) => {
            Err(format!("retry: --{id} has no effect with --jitter decorrelated. Example: --jitter full"))
        }
        None => Ok(()),
    }
}

/// Each success that is required takes an attempt.
fn check_consecutive(args: &mut Args, settings: &mut Settings) -> Result<(), String> {
    let too_many = |args: &Args| {
        let default = Policy::default();
        let needed = args.consecutive.map_or(default.consecutive, NonZeroU64::get);
        match args.retries.unwrap_or(default.attempts) {
            Attempts::AtMost(limit) if needed > limit => Some((needed, limit)),
            Attempts::AtMost(_) | Attempts::Unlimited => None,
        }
    };
    let why = |settings: &Settings, (needed, limit)| {
        let (consecutive, retries) =
            (settings.given("consecutive", needed), settings.given("retries", limit));
        format!("{consecutive} needs at least {needed} attempts, but {retries} allows {limit}")
    };
    if let Some(counts) = too_many(args).filter(|_| settings.has("consecutive")) {
        let line = why(settings, counts);
        settings.ignore("consecutive", line);
        args.consecutive = None;
    }
    if let Some(counts) = too_many(args).filter(|_| settings.has("retries")) {
        let line = why(settings, counts);
        settings.ignore("retries", line);
        args.retries = None;
    }
    match too_many(args) {
        Some(counts) => Err(format!("retry: {}. Example: --retries {}", why(settings, counts), counts.0)),
        None => Ok(()),
    }
}

/// A flag that does nothing without another one is a mistake on the command line, but not in the environment, where it
/// is a default.
fn check_idle(args: &Args, settings: &Settings) -> Result<(), String> {
    let (breaker, budget) =
        ((args.breaker.is_some(), "--breaker registry"), (args.budget.is_some(), "--budget registry"));
    let rate = (args.breaker_rate.is_some(), "--breaker-rate 50%");
    let retry_after = (args.retry_after.is_some(), "--retry-after");
    let idle = [
        ("breaker_failures", args.breaker_failures.is_some(), breaker),
        ("breaker_rate", args.breaker_rate.is_some(), breaker),
        ("breaker_min_attempts", args.breaker_min_attempts.is_some(), rate),
        ("breaker_window", args.breaker_window.is_some(), breaker),
        ("breaker_open", args.breaker_open.is_some(), breaker),
        ("budget_ratio", args.budget_ratio.is_some(), budget),
        ("budget_burst", args.budget_burst.is_some(), budget),
        ("max_retry_after", args.max_retry_after.is_some(), retry_after),
    ];
    for (id, is_given, (has_use, needs)) in idle {
        let typed = is_given && !settings.has(id);
        if typed && !has_use {
            let flag = environment::flag(id);
            let other = needs.split(' ').next().unwrap_or_default();
            return Err(format!(
                "retry: {flag} needs {other}. Example: {needs} {flag} {}",
                usage_error::example(&flag)
            ));
        }
    }
    Ok(())
}

/// Two outputs in one file destroy each other, unless both are appended.
fn check_outputs(args: &mut Args, settings: &mut Settings) -> Result<(), String> {
    for (first, second) in [("log", "report"), ("log", "junit"), ("report", "junit")] {
        let path = |id: &str| match id {
            "log" => match &args.log {
                Some(LogTarget::File(path)) => Some(path),
                _ => None,
            },
            "report" => args.report.as_ref(),
            _ => args.junit.as_ref(),
        };
        let (Some(one), Some(other)) = (path(first), path(second)) else { continue };
        let is_both_appended = (first, second) == ("log", "report") && is_appended(other);
        if is_both_appended || !is_same_file(one, other) {
            continue;
        }
        let line = one_file(
            &settings.variable(first).map_or_else(|| environment::flag(first), str::to_owned),
            &settings.variable(second).map_or_else(|| environment::flag(second), str::to_owned),
            other,
        );
        let Some(dropped) = [second, first].into_iter().find(|id| settings.has(id)) else {
            return Err(format!("retry: {line}; give each its own"));
        };
        settings.ignore(dropped, line);
        match dropped {
            "log" => args.log = None,
            "report" => args.report = None,
            _ => args.junit = None,
        }
    }
    Ok(())
}

/// The page of `--html` must not replace a file that `--stats` reads.
pub fn check_page(args: &Args) -> Result<(), String> {
    let Some(page) = &args.html else { return Ok(()) };
    if args.stats.iter().any(|file| is_same_file(file, page)) {
        return Err(format!("retry: {}; give each its own", one_file("--stats", "--html", page)));
    }
    Ok(())
}

fn one_file(first: &str, second: &str, path: &Path) -> String {
    format!(
        "{first} and {second} name the same file, '{}'",
        shown::visible("--html", &path.to_string_lossy())
    )
}

/// Whether both paths lead to one regular file, or to one that does not exist yet. A device or a pipe may have several
/// writers, and `/dev/stdout` may be a regular file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    if [one, other].into_iter().any(|path| path.starts_with("/dev") || path.starts_with("/proc")) {
        return false;
    }
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one_found), Ok(other_found)) => {
            // A pipe is not opened: that would wait for its other end.
            one_found.is_file() && other_found.is_file() && {
                let identity = |path: &Path| input_file::identity(&File::open(path).ok()?).ok()?;
                one == other || identity(one).is_some_and(|id| identity(other) == Some(id))
            }
        }
        // On Windows, a device such as NUL has another error.
        (Err(first), Err(second)) => {
            let is_missing = |error: &io::Error| error.kind() == ErrorKind::NotFound;
            is_missing(&first) && is_missing(&second) && in_directory(one) == in_directory(other)
        }
        _ => false,
    }
}

/// The path of a file that does not exist yet, whatever its directory was called, and whichever links lead to it.
fn in_directory(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // Links may form a circle.
    for _ in 0..8 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| target.clone(), |directory| directory.join(&target));
    }
    match (path.parent().and_then(|directory| directory.canonicalize().ok()), path.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => path,
    }
}
