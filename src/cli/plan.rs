//! From the flags to the plan.

use super::args::{
    Args, BackoffShape, Ci, DisplayWhen, Format, HintStream, LeftoversMode, OutputMode, StdinMode,
};
use super::environment::{self, RunId, Settings};
use super::presets::Catalog;
use super::sets::OutcomeSet;
use super::{checks, shown, usage_error};
use crate::core::plan::{
    Hooks, Leftovers, Limits, LogFormat, Messages, Output, Plan, Stdin, StreamPlan, Verbosity, Visibility,
};
use crate::core::rules::{Rules, Then};
use crate::core::run_id;
use crate::core::shared::{Location, Name, SharedConfig};
use crate::core::stream::Side;
use retry_loop::backoff::{Backoff, Growth};
use retry_loop::bucket::{BudgetSettings, DEFAULT_BURST, DEFAULT_RATIO};
use retry_loop::circuit::{BreakerSettings, DEFAULT_MINIMUM, Trip};
use retry_loop::policy::Policy;
use std::num::{NonZeroU32, NonZeroU64};

/// The plan for these flags, or the line of a usage error.
pub fn plan(mut args: Args, mut settings: Settings) -> Result<Plan, String> {
    checks::check(&mut args, &mut settings)?;
    let Parsed { rules, auto, mut warnings } = rules(&mut args, &mut settings)?;
    let default = Policy::default();
    let attempts = args.retries.unwrap_or(default.attempts);
    let consecutive = args.consecutive.map_or(default.consecutive, NonZeroU64::get);
    let shared = shared(&args, &settings);
    // The run itself warns of it, and says what it uses instead.
    if let Some(Location::Rejected(line)) = shared.as_ref().map(|shared| &shared.location) {
        warnings.retain(|warning| *warning != usage_error::ignored(line));
    }
    let limits = Limits::default();
    let (streams, verbosity) = (streams(&args), verbosity(&args));
    let mut policy = Policy::default().attempts(attempts).consecutive(consecutive);
    policy.backoff = backoff(&args);
    policy.initial_delay = args.initial_delay.unwrap_or_default();
    policy.stagger = args.stagger.unwrap_or_default();
    policy.reset_after = args.reset_after;
    policy.deadline = args.deadline;
    policy.max_retry_after = args.max_retry_after.unwrap_or(policy.max_retry_after);
    policy.seed = args.seed;
    Ok(Plan {
        command: args.command,
        if_not_found: None,
        policy,
        rules,
        limits: Limits {
            timeout: args.timeout,
            idle: args.idle_timeout,
            timeout_signal: args.timeout_signal.unwrap_or(limits.timeout_signal),
            kill_after: args.kill_after.unwrap_or(limits.kill_after),
            leftovers: args.leftovers.map_or(limits.leftovers, |choice| match choice {
                LeftoversMode::Keep => Leftovers::Keep,
                LeftoversMode::End => Leftovers::End,
            }),
        },
        streams,
        hooks: Hooks { before_retry: args.before_retry, retry_if: args.retry_if, fallback: args.fallback },
        shared,
        flaky_exit: args.flaky_exit,
        verbosity,
        messages: Messages {
            target: args.log.unwrap_or_default(),
            format: match args.log_format.unwrap_or_default() {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
            journal_stream: environment::journal_stream(),
            label: args.label,
            report: args.report,
            junit: args.junit,
            github: match args.ci.unwrap_or_default() {
                Ci::Auto if environment::is_github_actions() => Some(environment::github()),
                Ci::Github => Some(environment::github()),
                Ci::Auto | Ci::None => None,
            },
            progress: visibility(args.progress.unwrap_or_default()),
            terminal: environment::terminal(),
            color: match args.color.unwrap_or_default() {
                DisplayWhen::Auto => environment::color(),
                when => visibility(when),
            },
        },
        depth: environment::depth().saturating_add(1),
        run_id: match environment::run_id() {
            RunId::Given(id) => id,
            RunId::Unusable | RunId::None => run_id::random(),
        },
        outer_attempts: environment::outer_attempts(),
        settings: settings.notes(),
        warnings,
        auto,
    })
}

/// `--silent`, `--quiet` and `--verbose`, of which clap leaves the last one.
pub fn verbosity(args: &Args) -> Verbosity {
    match (args.silent, args.quiet, args.verbose) {
        (true, ..) => Verbosity::Silent,
        (_, true, _) => Verbosity::Quiet,
        (.., true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

fn backoff(args: &Args) -> Backoff {
    let default = Backoff::default();
    let growth = match (&args.delays, args.backoff.unwrap_or_default()) {
        (Some(delays), _) => Growth::List(delays.0.clone()),
        (None, BackoffShape::Exponential) => match args.factor {
            Some(factor) => Growth::Exponential { factor },
            None => default.growth,
        },
        (None, BackoffShape::Linear) => Growth::Linear,
        (None, BackoffShape::Fibonacci) => Growth::Fibonacci,
        (None, BackoffShape::Constant) => Growth::Constant,
    };
    let base = match &growth {
        Growth::List(delays) => delays.first().copied().unwrap_or_default(),
        _ => args.base.unwrap_or(default.base),
    };
    Backoff { base, growth, max_delay: args.max_delay, jitter: args.jitter.unwrap_or(default.jitter) }
}

fn streams(args: &Args) -> StreamPlan {
    StreamPlan {
        stdin: match args.stdin.unwrap_or_default() {
            StdinMode::Inherit => Stdin::Inherit,
            StdinMode::Replay => Stdin::Replay,
            StdinMode::Null => Stdin::Null,
        },
        stdout: if args.one { Output::Final } else { output(args.stdout.unwrap_or_default()) },
        stderr: output(args.stderr.unwrap_or_default()),
        hint_streams: args.retry_after.map(|stream| match stream {
            HintStream::Stderr => Side::Stderr,
            HintStream::Stdout => Side::Stdout,
            HintStream::Both => Side::Both,
        }),
    }
}

fn visibility(when: DisplayWhen) -> Visibility {
    match when {
        DisplayWhen::Auto => Visibility::OnTerminal,
        DisplayWhen::Always => Visibility::Always,
        DisplayWhen::Never => Visibility::Never,
    }
}

/// Where shared state is kept. A bad `RETRY_STATE` is not the same as none: it was meant for a server (any other text is a
/// directory), and without its server a run gets one retry from a budget, not all of them.
pub fn location(args: &Args, settings: &Settings) -> Location {
    match (&args.state, settings.bad("state")) {
        (Some(location), _) => location.clone(),
        (None, Some(why)) => Location::Rejected(why.to_owned()),
        (None, None) => environment::state_directory(),
    }
}

/// Where the runs of this user on this machine keep state while the server at `location` cannot be used.
pub fn machine(location: &Location) -> Option<Location> {
    match location {
        Location::Redis(_) | Location::Rejected(_) => environment::state_directory().without_server(),
        Location::Default(_) | Location::Directory(_) | Location::Unavailable => None,
    }
}

/// The circuit breaker and the retry budget, if one was asked for.
fn shared(args: &Args, settings: &Settings) -> Option<SharedConfig> {
    let breaker = args.breaker.as_ref().map(|name| {
        let default = BreakerSettings::default();
        let settings = BreakerSettings {
            trip: trip(args, default.trip),
            open: args.breaker_open.unwrap_or(default.open),
        };
        (Name::from(name.as_os_str()), settings)
    });
    let budget = args.budget.as_ref().map(|name| {
        let settings = BudgetSettings::new(
            args.budget_burst.map_or(DEFAULT_BURST, NonZeroU32::get),
            args.budget_ratio.unwrap_or(DEFAULT_RATIO),
        );
        (Name::from(name.as_os_str()), settings)
    });
    (breaker.is_some() || budget.is_some()).then(|| {
        let location = location(args, settings);
        let machine = machine(&location);
        let mut shared = SharedConfig { location, machine, breaker, budget };
        if shared.breaker.is_some() && shared.outer_breaker() == environment::outer_breaker() {
            shared.breaker = None;
        }
        shared
    })
}

fn trip(args: &Args, default: Trip) -> Trip {
    let trip = match args.breaker_rate {
        Some(rate) => Trip::rate(rate, args.breaker_min_attempts.unwrap_or(DEFAULT_MINIMUM)),
        None => args.breaker_failures.map_or(default, Trip::in_a_row),
    };
    args.breaker_window.map_or(trip, |window| trip.within(window))
}

fn output(mode: OutputMode) -> Output {
    match mode {
        OutputMode::Live => Output::Live,
        OutputMode::Final => Output::Final,
        OutputMode::Failure => Output::Failure,
        OutputMode::Success => Output::Success,
    }
}

/// The presets of this invocation. The error says what is wrong with a file of `--preset-file`.
pub fn catalog(args: &Args, settings: &Settings) -> Result<Catalog, String> {
    Catalog::read(&args.preset_file, |file| settings.given("preset_file", file))
}

/// The presets for a run. It needs no file that only a variable names.
fn catalog_for_run(args: &mut Args, settings: &mut Settings) -> Result<Catalog, String> {
    match catalog(args, settings) {
        Err(line) if settings.has("preset_file") => {
            args.preset_file.clear();
            settings.ignore("preset_file", line);
            Ok(Catalog::default())
        }
        read => read.map_err(|line| format!("retry: {line}")),
    }
}

/// The rules, and what is said about them.
struct Parsed {
    rules: Rules,
    /// The meaning of `auto`.
    auto: Option<String>,
    /// What is wrong with settings, those about rules included.
    warnings: Vec<String>,
}

fn rules(args: &mut Args, settings: &mut Settings) -> Result<Parsed, String> {
    let catalog = catalog_for_run(args, settings)?;
    let flags = [
        ("retry_on", Then::Retry, &args.retry_on),
        ("stop_on", Then::Stop, &args.stop_on),
        ("success_on", Then::Success, &args.success_on),
    ];
    let mut rules = Vec::new();
    let mut warnings = settings.warnings().to_vec();
    for (id, then, sets) in flags {
        for set in sets {
            match (set.rules(then, &catalog, &args.command), settings.variable(id)) {
                (Ok(more), _) => rules.extend(more),
                (Err(why), None) => {
                    // The file that was ignored may have the preset.
                    if let Some(bad) = settings.bad("preset_file") {
                        return Err(format!("retry: {bad}"));
                    }
                    return Err(usage_error::line_for_value(&environment::flag(id), &set.text(), &why));
                }
                (Err(why), Some(variable)) => {
                    let flag = environment::flag(id);
                    let line = usage_error::bad_set(&flag, variable, &set.text(), &why);
                    warnings.push(usage_error::ignored(&line));
                }
            }
        }
    }
    let output = [&args.retry_on_output, &args.stop_on_output, &args.success_on_output, &args.require_output];
    rules.extend(output.into_iter().flatten().cloned());
    let has_auto = flags.iter().any(|(.., sets)| sets.iter().any(OutcomeSet::has_auto));
    let auto = has_auto.then(|| catalog.for_command(&args.command));
    let has_no_preset = matches!(auto, Some((None, _)));
    let mut auto = auto.map(|found| match found {
        (Some(name), tool) => shown::escaped(&format!("auto selects the preset {name} for {tool}")),
        (None, tool) => shown::escaped(&format!("auto has no preset for {tool}: every failure is retried")),
    });
    // Whoever asks for auto with this command expects fewer attempts. A variable is meant for other commands as well.
    if has_no_preset && settings.variable("retry_on").is_none() {
        warnings
            .extend(auto.take().map(|note| format!("{note} (--list-presets shows those that can be named)")));
    }
    Ok(Parsed { rules: Rules::new(rules), auto, warnings })
}
