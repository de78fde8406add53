//! From words to what was asked: a plan, or a text to print.

use super::args::{Args, Ci, Format, LeftoversMode, Listened, OutputMode, Shape, StdinMode, When};
use super::environment::{self, RunId, Settings};
use super::presets::{Shelf, list};
use super::sets::Typed;
use super::{dry_run, generate, texts, usage_error};
use crate::core::output::{Side, Watchlist};
use crate::core::plan::{
    Hooks, Leftovers, Limits, LogFormat, Messages, Output, Plan, Shown, Stdin, StreamPlan, Verbosity,
};
use crate::core::rules::{Condition, Rules, Set};
use crate::core::run_id;
use crate::core::shared::{self, Location, Name};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use retry_loop::backoff::{Backoff, Growth, Jitter};
use retry_loop::bucket::{BudgetSettings, DEFAULT_BURST, DEFAULT_RATIO};
use retry_loop::circuit::BreakerSettings;
use retry_loop::policy::{Attempts, Policy};
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// What an invocation asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To run a command.
    Run(Box<Plan>),
    /// To print this on stdout.
    Print(Vec<u8>),
    /// To show what is shared.
    ShowState(Location, Format),
    /// To forget what is shared under a name.
    ResetState(Location, Name),
    /// To add up reports.
    Stats(Stats),
}

/// What `--stats` was asked for.
#[derive(Debug)]
pub struct Stats {
    /// Files that `--report` wrote; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// In which form the answer is printed.
    pub format: Format,
    /// Where the page goes.
    pub html: Option<PathBuf>,
    /// Whether what was left out is said.
    pub verbosity: Verbosity,
}

/// Reads the words of an invocation (its own name first) and the settings in the environment.
///
/// # Errors
/// A usage error, as the line to print on stderr.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(command) = command_alone(&words)
        && !environment::has_settings()
    {
        let args = Args { command: command.to_vec(), ..Args::default() };
        return plan(args, &Settings::default()).map(|plan| Invocation::Run(Box::new(plan)));
    }
    parse_options(&words)
}

// A function of its own also in the binary, as its frame is two pages that a command alone need not touch.
#[inline(never)]
fn parse_options(words: &[OsString]) -> Result<Invocation, String> {
    let mut model = Args::command();
    if words.len() <= 1 {
        return Err(format!("{}\nTry 'retry -h'.", model.render_usage()));
    }
    let matches = match model.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(rendered(words, error)));
        }
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            return Err(usage_error::line_for_not_utf8(&model, words));
        }
        Err(error) => return Err(usage_error::line(&error)),
    };
    let (matches, settings) = environment::merge(&mut model, matches, words)?;
    let args = Args::from_arg_matches(&matches).map_err(|error| usage_error::line(&error))?;
    if let Some(what) = args.generate {
        return Ok(Invocation::Print(generate::generate(model, what)));
    }
    let format = args.log_format.unwrap_or_default();
    let verbosity = verbosity(&args);
    if args.show_state {
        return Ok(Invocation::ShowState(location(&args), format));
    }
    if let Some(name) = &args.reset_state {
        return Ok(Invocation::ResetState(location(&args), Name::from(name.as_os_str())));
    }
    if let Some(name) = &args.list_presets {
        return list_presets(name.as_deref(), &args, &settings).map(Invocation::Print);
    }
    if !args.stats.is_empty() {
        let Args { stats: files, html, .. } = args;
        return Ok(Invocation::Stats(Stats { files, format, html, verbosity }));
    }
    if args.html.is_some() {
        return Err(format!(
            "retry: --html does nothing without --stats. Good: --stats {} --html {}",
            usage_error::example("--stats"),
            usage_error::example("--html")
        ));
    }
    let dry = args.dry_run;
    let plan = plan(args, &settings)?;
    Ok(match (dry, format) {
        (false, _) => Invocation::Run(Box::new(plan)),
        (true, Format::Text) => Invocation::Print(dry_run::text(&plan).into_bytes()),
        (true, Format::Json) => Invocation::Print(dry_run::json(&plan).into_bytes()),
    })
}

/// The command of an invocation without options: there is nothing to parse, so the model need not be
/// built. It is half of what a start costs (benches/README.md).
fn command_alone(words: &[OsString]) -> Option<&[OsString]> {
    let command = match words.get(1)?.as_bytes() {
        b"--" => words.get(2..)?,
        [b'-', ..] => return None,
        _ => words.get(1..)?,
    };
    (!command.is_empty()).then_some(command)
}

/// Help or the version as clap renders it: in colour on a terminal only. What comes behind the flags in the
/// long help takes time to put together, so the model does without it until it is asked for.
fn rendered(words: &[OsString], error: clap::Error) -> Vec<u8> {
    let whole = Args::command().after_long_help(texts::after_long_help()).mut_arg("retry_after", |arg| {
        let help = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
        arg.long_help(format!("{help}\n\n{}", texts::known_forms()))
    });
    let text = whole.try_get_matches_from(words).err().unwrap_or(error).render();
    if rustix::termios::isatty(rustix::stdio::stdout()) { text.ansi().to_string() } else { text.to_string() }
        .into_bytes()
}

fn plan(args: Args, settings: &Settings) -> Result<Plan, String> {
    check_decorrelated(&args, settings)?;
    let default = Policy::default();
    let attempts = args.retries.unwrap_or(default.attempts);
    let consecutive = args.consecutive.map_or(default.consecutive, NonZeroU64::get);
    if let Attempts::AtMost(limit) = attempts
        && consecutive > limit
    {
        return Err(format!(
            "retry: {} can never be reached with {}. Good: {}",
            settings.given("consecutive", consecutive),
            settings.given("retries", limit),
            settings.given("consecutive", limit),
        ));
    }
    check_idle(&args, settings)?;
    let (rules, auto) = rules(&args, settings)?;
    let watchlist = watchlist(&args, &rules);
    let shared = shared(&args);
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
        policy,
        rules,
        limits: Limits {
            timeout: args.timeout,
            deadline: args.deadline,
            idle: args.idle_timeout,
            signal: args.timeout_signal.unwrap_or(limits.signal),
            kill_after: args.kill_after.unwrap_or(limits.kill_after),
            leftovers: args.leftovers.map_or(limits.leftovers, |choice| match choice {
                LeftoversMode::Keep => Leftovers::Keep,
                LeftoversMode::End => Leftovers::End,
            }),
        },
        streams,
        watchlist,
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
            progress: shown(args.progress.unwrap_or_default()),
            terminal: environment::terminal(),
            color: match args.color.unwrap_or_default() {
                When::Auto => environment::color(),
                when => shown(when),
            },
        },
        depth: environment::depth().saturating_add(1),
        run_id: match environment::run_id() {
            RunId::Given(id) => id,
            RunId::Unusable | RunId::None => run_id::random(),
        },
        outer_attempts: environment::outer_attempts(),
        settings: settings.notes(),
        auto,
    })
}

fn verbosity(args: &Args) -> Verbosity {
    match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

fn backoff(args: &Args) -> Backoff {
    let default = Backoff::default();
    let growth = match (&args.delays, args.backoff.unwrap_or_default()) {
        (Some(delays), _) => Growth::List(delays.0.clone()),
        (None, Shape::Exponential) => match args.factor {
            Some(factor) => Growth::Exponential { factor },
            None => default.growth,
        },
        (None, Shape::Linear) => Growth::Linear,
        (None, Shape::Fibonacci) => Growth::Fibonacci,
        (None, Shape::Constant) => Growth::Constant,
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
        retry_after: args.retry_after.map(|listened| match listened {
            Listened::Stderr => Side::Stderr,
            Listened::Stdout => Side::Stdout,
            Listened::Both => Side::Either,
        }),
    }
}

/// Decorrelated jitter is a growth of its own, so a flag about growth would do nothing beside it.
fn check_decorrelated(args: &Args, settings: &Settings) -> Result<(), String> {
    if args.jitter != Some(Jitter::Decorrelated) {
        return Ok(());
    }
    // Two settings may meet here: defaults that someone else chose, of which one is idle.
    let given = [args.factor.is_some(), args.backoff.is_some(), args.delays.is_some()];
    let idle = environment::GROWTH.into_iter().zip(given).find(|&(id, given)| given && !settings.set(id));
    match idle {
        Some((id, _)) => Err(format!(
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
fn shared(args: &Args) -> Option<shared::SharedConfig> {
    let breaker = args.breaker.as_ref().map(|name| {
        let default = BreakerSettings::default();
        let settings = BreakerSettings {
            failures: args.breaker_failures.unwrap_or(default.failures),
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
    (breaker.is_some() || budget.is_some()).then(|| shared::SharedConfig {
        location: location(args),
        breaker,
        budget,
    })
}

/// Flags that do nothing without another one are a slip on the command line, though not as defaults in the
/// environment.
fn check_idle(args: &Args, settings: &Settings) -> Result<(), String> {
    let (breaker, budget) =
        ((args.breaker.is_some(), "--breaker NAME"), (args.budget.is_some(), "--budget NAME"));
    let retry_after = (args.retry_after.is_some(), "--retry-after");
    let idle = [
        ("breaker_failures", args.breaker_failures.is_some(), breaker),
        ("breaker_open", args.breaker_open.is_some(), breaker),
        ("budget_ratio", args.budget_ratio.is_some(), budget),
        ("budget_burst", args.budget_burst.is_some(), budget),
        ("max_retry_after", args.max_retry_after.is_some(), retry_after),
    ];
    for (id, is_given, (has_use, needs)) in idle {
        let typed = is_given && !settings.set(id);
        if typed && !has_use {
            let flag = environment::flag(id);
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
        OutputMode::Success => Output::Success,
    }
}

fn shelf(args: &Args, settings: &Settings) -> Result<Shelf, String> {
    Shelf::read(&args.preset_file, |file| settings.given("preset_file", file))
}

/// The sets with the presets that they name, and a note about what `auto` is.
fn rules(args: &Args, settings: &Settings) -> Result<(Rules, Option<String>), String> {
    let shelf = shelf(args, settings)?;
    let set = |id: &str, sets: &[Typed]| {
        let mut union = Set::default();
        for typed in sets {
            let resolved = typed.clone().resolve(&shelf, &args.command).map_err(|why| {
                let value = typed.text();
                usage_error::line_for_value(&environment::flag(id), &settings.given(id, &value), &value, &why)
            });
            union.0.extend(resolved?.0);
        }
        Ok::<_, String>(union)
    };
    let rules = Rules {
        retry_on: set("retry_on", &args.retry_on)?,
        stop_on: set("stop_on", &args.stop_on)?,
        success_on: set("success_on", &args.success_on)?,
    };
    let all = [&args.retry_on, &args.stop_on, &args.success_on];
    let auto =
        all.into_iter().flatten().any(Typed::is_automatic).then(|| match shelf.for_command(&args.command) {
            (Some(name), tool) => format!("auto is the preset {name}, for {tool}"),
            (None, tool) => format!("auto knows no preset for {tool}: every failure is retried"),
        });
    Ok((rules, auto.map(|note| usage_error::escaped(&note))))
}

/// The rules about output, and what the presets that the sets name look for.
fn watchlist(args: &Args, rules: &Rules) -> Watchlist {
    let about_output =
        [&args.retry_on_output, &args.stop_on_output, &args.success_on_output, &args.require_output];
    let sets = [&rules.retry_on, &rules.stop_on, &rules.success_on];
    let items = sets.into_iter().flat_map(|set| &set.0);
    let presets = items.filter_map(|item| match &item.condition {
        Condition::Preset(preset) => Some(Arc::clone(preset)),
        _ => None,
    });
    Watchlist::new(about_output.into_iter().flatten().cloned().collect(), presets)
}

/// What `--list-presets` prints.
fn list_presets(name: Option<&str>, args: &Args, settings: &Settings) -> Result<Vec<u8>, String> {
    let shelf = shelf(args, settings)?;
    let Some(name) = name else { return Ok(list::all(&shelf).into_bytes()) };
    let found = shelf.find(name).ok_or_else(|| {
        let why = format!("not one of {}", shelf.names().join(", "));
        usage_error::line_for_value("--list-presets", "", name, &why)
    });
    Ok(list::one(&found?).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(words: &[&str]) -> String {
        let words = std::iter::once("retry").chain(words.iter().copied()).map(OsString::from);
        match parse(words) {
            // Each run has another one.
            Ok(Invocation::Run(plan)) => format!("{:#?}", Plan { run_id: String::new(), ..*plan }),
            other => panic!("{other:?}"),
        }
    }

    /// The defaults are in `core`, their description is in the help, and a command alone is not parsed.
    #[test]
    fn the_defaults_are_what_the_help_says() {
        // Some options need another one beside them.
        for beside in [&[][..], &["--breaker=b", "--budget=b", "--retry-after"]] {
            let mut described = 0;
            for option in Args::command().get_arguments() {
                let help = option.get_help().map(ToString::to_string).unwrap_or_default();
                let Some((_, default)) = help.split_once("[default: ") else { continue };
                let default = default.split([']', ',']).next().unwrap_or_default();
                let given = format!("--{}={default}", option.get_long().expect("a long name"));
                let needs_another = ["--breaker-", "--budget-", "--max-retry"];
                if beside.is_empty() && needs_another.iter().any(|start| given.starts_with(start)) {
                    continue;
                }
                let with = [beside, &[&given, "true"]].concat();
                let without = [beside, &["true"]].concat();
                // Said, it is no longer a matter of --base; and 0 in a set is not told from no set.
                if !["--max-delay=60", "--success-on=0"].contains(&given.as_str()) {
                    assert_eq!(plan_of(&with), plan_of(&without), "{given}");
                }
                described += 1;
            }
            assert!(described >= 14, "{described}");
        }
    }

    #[test]
    fn a_command_alone_keeps_its_words() {
        for (words, command) in [
            (&["true"][..], Some(&["true"][..])),
            (&["--", "-x", "--"], Some(&["-x", "--"])),
            (&["true", "--help"], Some(&["true", "--help"])),
            (&[""], Some(&[""])),
            (&["--"], None),
            (&["-v", "true"], None),
            (&["-"], None),
            (&[], None),
        ] {
            let words: Vec<OsString> = ["retry"].iter().chain(words).map(OsString::from).collect();
            let command = command.map(|words| words.iter().map(OsString::from).collect::<Vec<_>>());
            assert_eq!(command_alone(&words), command.as_deref(), "{words:?}");
        }
    }
}
