//! From words to what was asked: a plan, or a text to print.

use super::args::{Args, Ci, Format, Listened, OutputMode, Shape, StdinMode, When};
use super::{dry_run, environment, generate, usage_error};
use crate::core::backoff::{Backoff, Growth, Jitter};
use crate::core::output::{Side, Watchlist};
use crate::core::plan::{
    Hooks, Limits, LogFormat, Messages, Output, Plan, Shown, Stdin, StreamPlan, Verbosity,
};
use crate::core::policy::{Attempts, Condition, Consecutive, MaxRetryAfter, Policy, Rules, Set};
use crate::core::shared::{self, Location, Name};
use crate::core::{breaker, budget};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// What an invocation asks for.
#[derive(Debug)]
pub enum Asked {
    /// To run a command.
    Run(Box<Plan>),
    /// To print this on stdout.
    Print(Vec<u8>),
    /// To show what is shared.
    ShowState(Location, Format),
    /// To forget what is shared under a name.
    ResetState(Location, Name),
}

/// Reads the words of an invocation (its own name first) and the settings in the environment.
///
/// # Errors
/// A usage error, as the line to print on stderr.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let words: Vec<OsString> = words.into_iter().collect();
    let mut model = Args::command();
    if words.len() <= 1 {
        return Err(format!("{}\nTry 'retry -h'.", model.render_usage()));
    }
    let matches = match model.try_get_matches_from_mut(&words) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Asked::Print(rendered(&error)));
        }
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            return Err(usage_error::line_for_not_utf8(&model, &words));
        }
        Err(error) => return Err(usage_error::line(&error)),
    };
    let settings = environment::merge(&mut model, matches, &words)?;
    let args = Args::from_arg_matches(&settings.matches).map_err(|error| usage_error::line(&error))?;
    if let Some(what) = args.generate {
        return Ok(Asked::Print(generate::generate(model, what)));
    }
    if args.show_state {
        return Ok(Asked::ShowState(location(&args), args.log_format));
    }
    if let Some(name) = &args.reset_state {
        return Ok(Asked::ResetState(location(&args), Name::from(name.as_os_str())));
    }
    let (dry, format) = (args.dry_run, args.log_format);
    let plan = plan(args, &settings)?;
    Ok(match (dry, format) {
        (false, _) => Asked::Run(Box::new(plan)),
        (true, Format::Text) => Asked::Print(dry_run::text(&plan).into_bytes()),
        (true, Format::Json) => Asked::Print(dry_run::json(&plan).into_bytes()),
    })
}

/// Help as clap renders it: in colour on a terminal only.
fn rendered(error: &clap::Error) -> Vec<u8> {
    let text = error.render();
    if rustix::termios::isatty(rustix::stdio::stdout()) { text.ansi().to_string() } else { text.to_string() }
        .into_bytes()
}

fn plan(args: Args, settings: &environment::Merged) -> Result<Plan, String> {
    check_decorrelated(&args, &settings.matches, &settings.from_environment)?;
    if let Attempts::AtMost(limit) = args.retries
        && args.consecutive > limit
    {
        return Err(format!(
            "retry: {} can never be reached with {}. Good: {}",
            settings.given("consecutive", args.consecutive),
            settings.given("retries", limit),
            settings.given("consecutive", limit),
        ));
    }
    check_idle(&args, settings)?;
    let watchlist = watchlist(&args)?;
    let shared = shared(&args);
    let growth = match (args.delays, args.backoff) {
        (Some(delays), _) => Growth::List(delays.0),
        (None, Shape::Exponential) => Growth::Exponential { factor: args.factor },
        (None, Shape::Linear) => Growth::Linear,
        (None, Shape::Fibonacci) => Growth::Fibonacci,
        (None, Shape::Constant) => Growth::Constant,
    };
    let base = match &growth {
        Growth::List(delays) => delays.first().copied().unwrap_or_default(),
        _ => args.base,
    };
    Ok(Plan {
        command: args.command,
        policy: Policy {
            attempts: args.retries,
            consecutive: Consecutive(args.consecutive),
            backoff: Backoff { base, growth, max_delay: args.max_delay, jitter: args.jitter },
            initial_delay: args.initial_delay,
            stagger: args.stagger,
            reset_after: args.reset_after,
            deadline: args.deadline,
            max_retry_after: MaxRetryAfter(args.max_retry_after),
            rules: Rules {
                retry_on: union(args.retry_on),
                stop_on: union(args.stop_on),
                success_on: union(args.success_on),
            },
        },
        limits: Limits {
            timeout: args.timeout,
            deadline: args.deadline,
            idle: args.idle_timeout,
            signal: args.timeout_signal,
            kill_after: args.kill_after,
        },
        streams: StreamPlan {
            stdin: match args.stdin {
                StdinMode::Inherit => Stdin::Inherit,
                StdinMode::Replay => Stdin::Replay,
                StdinMode::Null => Stdin::Null,
            },
            stdout: if args.one { Output::Final } else { output(args.stdout) },
            stderr: output(args.stderr),
            retry_after: args.retry_after.map(|listened| match listened {
                Listened::Stderr => Side::Stderr,
                Listened::Stdout => Side::Stdout,
                Listened::Both => Side::Either,
            }),
        },
        watchlist,
        hooks: Hooks { before_retry: args.before_retry, fallback: args.fallback },
        shared,
        seed: args.seed,
        flaky_exit: args.flaky_exit,
        verbosity: match (args.quiet, args.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
        messages: Messages {
            target: args.log,
            format: match args.log_format {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
            journal_stream: environment::journal_stream(),
            label: args.label,
            report: args.report,
            junit: args.junit,
            github: match args.ci {
                Ci::Auto if environment::is_github_actions() => Some(environment::github()),
                Ci::Github => Some(environment::github()),
                Ci::Auto | Ci::None => None,
            },
            progress: shown(args.progress),
            terminal: environment::terminal(),
            color: match args.color {
                When::Auto => environment::color(),
                when => shown(when),
            },
        },
        depth: environment::depth().saturating_add(1),
        outer_attempts: environment::outer_attempts(),
        settings: settings.from_environment.iter().map(environment::Setting::note).collect(),
    })
}

/// Decorrelated jitter is a growth of its own, so a flag about growth would do nothing beside it.
fn check_decorrelated(
    args: &Args,
    matches: &ArgMatches,
    settings: &[environment::Setting],
) -> Result<(), String> {
    if args.jitter != Jitter::Decorrelated {
        return Ok(());
    }
    // Two settings may meet here: defaults that someone else chose, of which one is idle.
    let idle = environment::GROWTH.into_iter().find(|id| {
        matches.value_source(id) == Some(ValueSource::CommandLine)
            && !settings.iter().any(|setting| setting.is_about(id))
    });
    match idle {
        Some(id) => Err(format!(
            "retry: --{id} does nothing with --jitter decorrelated, which grows by itself. Good: --jitter full"
        )),
        None => Ok(()),
    }
}

fn shown(when: When) -> Shown {
    match when {
        When::Auto => Shown::OnTerminal,
        When::Always => Shown::Always,
        When::Never => Shown::Never,
    }
}

fn location(args: &Args) -> Location {
    args.state.clone().unwrap_or_else(environment::state_directory)
}

/// What is shared, if anything is.
fn shared(args: &Args) -> Option<shared::Asked> {
    let breaker = args.breaker.as_ref().map(|name| {
        let settings = breaker::Settings { failures: args.breaker_failures, open: args.breaker_open };
        (Name::from(name.as_os_str()), settings)
    });
    let budget = args.budget.as_ref().map(|name| {
        let settings = budget::Settings::new(args.budget_burst.get(), args.budget_ratio);
        (Name::from(name.as_os_str()), settings)
    });
    (breaker.is_some() || budget.is_some()).then(|| shared::Asked {
        location: location(args),
        breaker,
        budget,
    })
}

/// Flags that do nothing without another one are a slip on the command line, though not as defaults in the
/// environment.
fn check_idle(args: &Args, settings: &environment::Merged) -> Result<(), String> {
    let idle = [
        ("breaker_failures", args.breaker.is_some(), "--breaker NAME"),
        ("breaker_open", args.breaker.is_some(), "--breaker NAME"),
        ("budget_ratio", args.budget.is_some(), "--budget NAME"),
        ("budget_burst", args.budget.is_some(), "--budget NAME"),
        ("max_retry_after", args.retry_after.is_some(), "--retry-after"),
    ];
    for (id, has_use, needs) in idle {
        let typed = settings.matches.value_source(id) == Some(ValueSource::CommandLine)
            && !settings.from_environment.iter().any(|setting| setting.is_about(id));
        if typed && !has_use {
            let flag = format!("--{}", id.replace('_', "-"));
            return Err(format!(
                "retry: {flag} does nothing without {needs}. Good: {needs} {flag} {}",
                usage_error::example(&flag)
            ));
        }
    }
    Ok(())
}

fn output(mode: OutputMode) -> Output {
    match mode {
        OutputMode::Live => Output::Live,
        OutputMode::Final => Output::Final,
        OutputMode::Failure => Output::Failure,
    }
}

/// The rules about output, and the words of the presets that the sets name.
fn watchlist(args: &Args) -> Result<Watchlist, String> {
    let rules = [&args.retry_on_output, &args.stop_on_output, &args.success_on_output, &args.require_output];
    let sets = [&args.retry_on, &args.stop_on, &args.success_on];
    let items = sets.into_iter().flatten().flat_map(|set| &set.0);
    let presets = items.filter_map(|item| match item.condition {
        Condition::Preset(preset) => Some(preset),
        _ => None,
    });
    Watchlist::new(rules.into_iter().flatten().cloned().collect(), presets)
        .map_err(|error| format!("retry: a preset cannot be used: {error}"))
}

fn union(sets: Vec<Set>) -> Set {
    Set(sets.into_iter().flat_map(|set| set.0).collect())
}
