//! The flags. The doc comments here are the help, the man page and the completions: they are written for the readers of
//! those.

use super::generate;
use super::sets::{self, OutcomeSet};
use super::values::{self, Delays};
use crate::core::exit_code::ExitCode;
use crate::core::plan::LogTarget;
use crate::core::rules::Rule;
use crate::core::shared::Location;
use crate::core::signal::Signal;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser, ValueEnum};
use retry_loop::backoff::Jitter;
use retry_loop::policy::Attempts;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

const AFTER_SHORT: &str = "\
Durations: 0.5 (seconds), 500ms, 1m30s. SET: 7, 5-7, KILL, nonzero, curl, ...
Exit status: the command's; 75 circuit open, 124 timed out, 125 usage error,
126/127 cannot run. More options and examples: retry --help, man retry";

/// Run a command until it succeeds, with exponential backoff and jitter
///
/// retry runs COMMAND until it succeeds, at most three times by default. The delay grows after each failure (0.5s, 2s,
/// 8s, ... up to 1m). A random part of up to 0.3s keeps clients that failed together from retrying together. retry
/// reports each failure and what it does next on stderr, and exits with the status of the last attempt.
///
/// Options end at the first word that is not an option, so COMMAND's own options need no `--` before COMMAND. COMMAND
/// runs directly, without a shell. If an option is given twice, the last one counts. Options that take a SET or an RE,
/// and --preset-file, add up instead. Most options can be set in the environment: `RETRY_RETRIES=5` is --retries 5.
#[derive(Parser, Debug, Default)]
#[command(
    name = "retry",
    version,
    override_usage = "retry [OPTIONS] [--] COMMAND [ARG]...",
    after_help = AFTER_SHORT,
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}",
    max_term_width = 100,
    disable_help_flag = true,
    args_override_self = true,
    disable_version_flag = true
)]
#[expect(clippy::struct_excessive_bools, reason = "flags without a value; `parse` makes enums of them")]
pub struct Args {
    /// Total attempts, including the first, or inf [default: 3]
    ///
    /// 1 means no retries, `inf` means no limit. (`curl --retry 3` makes four attempts, which is --retries 4 here.)
    #[arg(short, long, visible_alias = "attempts", value_name = "N", value_parser = values::attempts, help_heading = "Attempts", allow_hyphen_values = true)]
    pub retries: Option<Attempts>,

    /// Time limit for one attempt and its process tree
    ///
    /// At the limit, the process tree gets --timeout-signal and, after --kill-after, SIGKILL. The next attempt starts
    /// only after the whole tree has ended. Time spent stopped (Ctrl-Z) does not count.
    #[arg(short, long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true)]
    pub timeout: Option<Duration>,

    /// Time limit for the whole run, delays included
    ///
    /// At the deadline, retry ends a running attempt as --timeout does, and starts no other. If the next delay
    /// would exceed the deadline, retry gives up at once. Processes that ignore --timeout-signal may take
    /// --kill-after longer, and the deadline does not apply to --fallback.
    #[arg(long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true)]
    pub deadline: Option<Duration>,

    /// Signal that ends the process tree at a time limit [default: TERM]
    #[arg(long, value_name = "SIG", value_parser = values::signal, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub timeout_signal: Option<Signal>,

    /// Time between --timeout-signal and SIGKILL [default: 10]
    ///
    /// Also applies to processes that an interrupted command leaves behind. 0 sends SIGKILL directly after the first signal.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub kill_after: Option<Duration>,

    /// Keep or end what a failed attempt leaves running [default: keep]
    ///
    /// A leftover process may hold a port or a lock that the next attempt needs. `keep` leaves it running and
    /// reports it. `end` ends it before the next attempt, as a time limit would. Leftover processes of a successful
    /// attempt are never touched.
    #[arg(long, value_name = "WHAT", help_heading = "Attempts", hide_short_help = true)]
    pub leftovers: Option<LeftoversMode>,

    /// How long an attempt may go without output
    ///
    /// An attempt that writes nothing to stdout or stderr for this long times out. Both streams become pipes. A program
    /// that then buffers its output looks idle, so turn buffering off (`PYTHONUNBUFFERED=1`, `stdbuf -oL`).
    #[arg(long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub idle_timeout: Option<Duration>,

    /// Number of consecutive successes required [default: 1]
    ///
    /// Each one counts as an attempt. retry waits --base between them.
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub consecutive: Option<NonZeroU64>,

    /// Delay after the first failure [default: 0.5]
    #[arg(short, long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true)]
    pub base: Option<Duration>,

    /// Growth of the delay after each failure [default: 4]
    #[arg(short, long, value_name = "F", value_parser = values::factor, help_heading = "Delay", allow_hyphen_values = true)]
    pub factor: Option<f64>,

    /// Maximum delay, before jitter [default: 60, or --base if longer]
    ///
    /// Jitter is added on top, so that clients that have reached the maximum do not retry in step.
    #[arg(short, long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true)]
    pub max_delay: Option<Duration>,

    /// Random part of a delay: a duration, 20%, full, ... [default: 0.3]
    ///
    /// `0.3` adds 0 to 0.3s to the delay. `+-0.3` adds or subtracts up to 0.3s, and `20%` up to 20% of the delay. The
    /// other values replace the delay by a random one: `full` from 0 to the delay, `equal` from half of the delay to the
    /// delay, `decorrelated` from --base to three times the last delay, at most --max-delay. `none` turns jitter off.
    #[arg(short, long, value_name = "J", value_parser = values::jitter, help_heading = "Delay", allow_hyphen_values = true)]
    pub jitter: Option<Jitter>,

    /// How the delay grows [default: exponential]
    #[arg(long, value_name = "SHAPE", help_heading = "Delay", hide_short_help = true)]
    pub backoff: Option<BackoffShape>,

    /// List of delays; the last one repeats
    #[arg(long, value_name = "LIST", value_parser = values::delays, help_heading = "Delay", conflicts_with_all = ["base", "factor", "backoff"], allow_hyphen_values = true, hide_short_help = true)]
    pub delays: Option<Delays>,

    /// Wait before the first attempt
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub initial_delay: Option<Duration>,

    /// Wait a random time, up to DUR, before the first attempt
    ///
    /// It spreads out jobs that start at the same time.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub stagger: Option<Duration>,

    /// Reset the backoff after an attempt that ran at least this long
    ///
    /// For long-running services: with 1h, if the service ran for an hour before it failed, the next delay is
    /// --base again.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub reset_after: Option<Duration>,

    /// Wait as long as the server asks (Retry-After)
    ///
    /// Searches `stderr`, `stdout` or `both` of a failed attempt (default: `stderr`) for the delay that the server asks
    /// for in a header, a JSON object or a message. COMMAND must print it: `curl -v`, `curl -D /dev/stderr` and `wget -S`
    /// print headers. retry waits that long, plus up to 10% (at most 5s). The delay never gets shorter, and a permanent
    /// failure stays permanent. If the server says that waiting will not help (insufficient_quota), retry stops.
    ///
    /// Only the last response counts: a status line such as HTTP/1.1 503 discards what earlier responses asked for.
    /// Headers of successful responses (2xx except 202, and 3xx) are ignored. So is what a tool says about its own
    /// retries ("will try again in 5 seconds").
    #[arg(long, value_name = "STREAM", num_args = 0..=1, require_equals = true, default_missing_value = "stderr", help_heading = "Delay", hide_possible_values = true)]
    pub retry_after: Option<HintStream>,

    /// Give up if the server asks for a longer delay [default: 2m]
    ///
    /// An earlier attempt would fail, so retry makes none.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub max_retry_after: Option<Duration>,

    /// Seed for reproducible jitter
    #[arg(
        long,
        value_name = "N",
        value_parser = values::seed,
        help_heading = "Delay",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub seed: Option<u64>,

    /// Retry only on these outcomes
    ///
    /// A SET is a comma-separated list of exit statuses (`7`; 128+n also matches death by signal n, and
    /// 124 a time limit), ranges (`5-7`), signals (`SIGKILL`), `nonzero` (any status but 0), `signal` (any but PIPE, INT and QUIT), `timeout`, `spawn`
    /// (the command could not be started), and presets.
    ///
    /// A preset recognizes the transient failures of a tool by exit status and output: `ansible`, `apk`, `apt`,
    /// `aws`, `az`, `brew`, `bundler`, `cargo`, `composer`, `conda`, `curl`, `dnf`, `docker`, `dotnet`, `gcloud`,
    /// `gh`, `git`, `go`, `gradle`, `helm`, `kubectl`, `maven`, `npm`, `pip`, `pnpm`, `rsync`, `ssh`, `tempfail`,
    /// `terraform`, `uv`, `wget` and `yarn`. Each one includes `timeout`. `auto` selects the preset for COMMAND. It
    /// looks through sudo, env, timeout, `python -m` and similar wrappers, and through `bash -c` and `cmd /c` if the script
    /// is one plain command. If there is no preset, every failure is retried; name the preset to be strict. See --list-presets.
    ///
    /// Without --retry-on, every failure is retried except permanent ones: a command that is not found or cannot be
    /// run, and death by PIPE, INT or QUIT. Those are retried only if SET names them.
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Rules", action = ArgAction::Append, allow_hyphen_values = true)]
    pub retry_on: Vec<OutcomeSet>,

    /// Stop on these outcomes; overrides --retry-on
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Rules", action = ArgAction::Append, allow_hyphen_values = true)]
    pub stop_on: Vec<OutcomeSet>,

    /// Count these outcomes as success [default: 0]
    ///
    /// A success rule overrides a stop rule, even if a time limit ended the attempt. A retry rule overrides a success rule.
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Rules", action = ArgAction::Append, allow_hyphen_values = true, hide_short_help = true)]
    pub success_on: Vec<OutcomeSet>,

    /// Load more presets from a file
    ///
    /// The format is that of the built-in presets; docs/presets.md in the source describes it. May be given more than
    /// once. Later files override earlier ones and built-in presets.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Rules", action = ArgAction::Append, hide_short_help = true)]
    pub preset_file: Vec<PathBuf>,

    /// Retry if a line of the output matches
    ///
    /// RE is a regular expression (Rust regex syntax). It is matched against each line of stdout and stderr,
    /// without colours and cursor movements. `stdout:RE` and `stderr:RE` match only that stream. As with
    /// --retry-on, a failure that no retry rule covers is not retried. If a line matches, exit status 0 is a
    /// failure too. A stream that is searched becomes a pipe; its output is passed on at once.
    #[arg(long, value_name = "RE", value_parser = values::retry_pattern, help_heading = "Rules", action = ArgAction::Append, hide_short_help = true)]
    pub retry_on_output: Vec<Rule>,

    /// Stop if a line of the output matches; overrides retry rules
    #[arg(long, value_name = "RE", value_parser = values::stop_pattern, help_heading = "Rules", action = ArgAction::Append, hide_short_help = true)]
    pub stop_on_output: Vec<Rule>,

    /// Count an attempt as success if a line matches
    #[arg(long, value_name = "RE", value_parser = values::success_pattern, help_heading = "Rules", action = ArgAction::Append, hide_short_help = true)]
    pub success_on_output: Vec<Rule>,

    /// Count an attempt as failed unless a line matches
    #[arg(long, value_name = "RE", value_parser = values::required_pattern, help_heading = "Rules", action = ArgAction::Append, hide_short_help = true)]
    pub require_output: Vec<Rule>,

    /// Shell command that decides whether to retry
    ///
    /// Run with sh -c after each failure that no rule stopped. Exit status 0 means retry, 1 means stop. Any other
    /// status is reported once and otherwise ignored. stdin is the last 64 KiB of the attempt's stdout and stderr,
    /// which become pipes. RETRY_STATUS is the attempt's status as in `$?`, and RETRY_ATTEMPT its number. stdout goes
    /// to stderr. Signals and --deadline end it.
    #[arg(long, value_name = "CMD", value_parser = OsStringValueParser::new().try_map(values::shell_command), help_heading = "Rules", hide_short_help = true)]
    pub retry_if: Option<OsString>,

    /// Exit status for a success after a failed attempt
    #[arg(long, value_name = "N", value_parser = values::failure_status, help_heading = "Rules", allow_hyphen_values = true, hide_short_help = true)]
    pub flaky_exit: Option<ExitCode>,

    /// What each attempt reads [default: inherit]
    ///
    /// `inherit` is retry's own stdin. Each attempt reads a file from where the first one began; a pipe continues
    /// where the last attempt stopped reading. `replay` gives each attempt the same bytes even from a pipe: retry
    /// keeps them in an unlinked file. A terminal is always inherited. `null` is /dev/null.
    #[arg(long, value_name = "MODE", help_heading = "Streams", hide_possible_values = true)]
    pub stdin: Option<StdinMode>,

    /// When to write the command's stdout [default: live]
    ///
    /// `live`: at once, from every attempt. `final`: only from the last attempt, when it has ended, even if it failed.
    /// `failure`: like `final`, but only if that attempt failed. `success`: like `final`, but only if it succeeded. Up to 1 MiB is
    /// held in memory, more in an unlinked file in $TMPDIR.
    #[arg(
        long,
        value_name = "MODE",
        help_heading = "Streams",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub stdout: Option<OutputMode>,

    /// When to write the command's stderr [default: live]
    ///
    /// The modes are those of --stdout.
    #[arg(
        long,
        value_name = "MODE",
        help_heading = "Streams",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub stderr: Option<OutputMode>,

    /// Write only the last attempt's stdout: --stdout final
    #[arg(short = 'O', overrides_with = "stdout", help_heading = "Streams")]
    pub one: bool,

    /// Shell command to run before each retry
    ///
    /// Run with sh -c after the delay. stdin is /dev/null, and stdout goes to stderr. A failure is reported but
    /// otherwise ignored. Signals and --deadline end it.
    #[arg(long, value_name = "CMD", value_parser = OsStringValueParser::new().try_map(values::shell_command), help_heading = "Hooks", hide_short_help = true)]
    pub before_retry: Option<OsString>,

    /// Shell command to run when retry gives up
    ///
    /// Run with sh -c after a failed run, but not if retry was interrupted or itself failed (125). Held stdout is
    /// discarded, a replayed stdin is replayed once more, and retry exits with the status of CMD. --deadline does not
    /// apply to it.
    #[arg(long, value_name = "CMD", value_parser = OsStringValueParser::new().try_map(values::shell_command), help_heading = "Hooks", hide_short_help = true)]
    pub fallback: Option<OsString>,

    /// Name of a circuit breaker to share
    ///
    /// All runs of this user with the same NAME share a count of consecutive failures; --state shares it more widely.
    /// At --breaker-failures (or --breaker-rate) the circuit opens. While it is open, no attempt starts: a run that has
    /// not started yet exits with 75, and one in progress gives up with its last status. After --breaker-open, one
    /// attempt is allowed as a probe.
    #[arg(
        long,
        value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name),
        help_heading = "Shared",
        hide_short_help = true
    )]
    pub breaker: Option<OsString>,

    /// Consecutive failures that open the circuit [default: 5]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_failures: Option<NonZeroU32>,

    /// Failure rate that opens the circuit, such as 50%
    ///
    /// Replaces --breaker-failures. If two of three attempts fail, five consecutive failures may never happen. In a large
    /// fleet, five consecutive failures can happen by chance; there, use 50% with a --breaker-window of 10s. The rate
    /// covers the attempts that ended within --breaker-window, if there are at least --breaker-min-attempts. An attempt
    /// counts when it ends, however long it took. Each success costs a write to the state; with --breaker-failures a
    /// success costs no write.
    #[arg(long, value_name = "PERCENT", value_parser = values::failure_rate, conflicts_with = "breaker_failures", help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_rate: Option<f64>,

    /// Attempts needed before --breaker-rate applies [default: 10]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_min_attempts: Option<NonZeroU32>,

    /// How long a failure counts [default: 60 with --breaker-rate]
    ///
    /// From 10ms to 7d, accurate to a tenth of the window. Older failures do not open the circuit. Without a window,
    /// consecutive failures count until a success.
    #[arg(long, value_name = "DUR", value_parser = values::window, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_window: Option<Duration>,

    /// How long the circuit is open at first [default: 5]
    ///
    /// At most 7d. Doubles, with jitter, each time a probe fails, up to 30s or DUR, whichever is longer.
    #[arg(long, value_name = "DUR", value_parser = values::open_time, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_open: Option<Duration>,

    /// Name of a retry budget to share
    ///
    /// A token bucket, full at first. Each retry takes a token. A run that succeeds returns --budget-ratio tokens, and
    /// one more returns every minute. If no token is left, retry gives up at once. First attempts take no token.
    #[arg(
        long,
        value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name),
        help_heading = "Shared",
        hide_short_help = true
    )]
    pub budget: Option<OsString>,

    /// Tokens that a successful run returns [default: 0.2]
    #[arg(long, value_name = "R", value_parser = values::ratio, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub budget_ratio: Option<f64>,

    /// Size of the budget in tokens [default: 10]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub budget_burst: Option<NonZeroU32>,

    /// Where to keep shared state: a directory or redis://...
    ///
    /// By default $XDG_STATE_HOME/retry, else ~/.local/state/retry, for this user only. A directory given here is used
    /// as is, so that a group can share it; records get its group and its read and write permissions.
    /// `redis://USER:PASSWORD@HOST:PORT/DB` (only HOST is required) and redis+unix:///SOCKET name a Redis or Valkey
    /// server, to share state between machines. `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST2:PORT2/PRIMARY_NAME/DB`
    /// (only HOST and PRIMARY_NAME are required) asks Sentinels for the server. rediss:// and rediss+sentinel:// are the
    /// same with TLS, if retry was built with it (releases are). If the state cannot be used, retry prints a warning and runs COMMAND anyway.
    #[arg(long, value_name = "WHERE", value_parser = values::location, help_heading = "Shared", hide_short_help = true)]
    pub state: Option<Location>,

    /// Print the shared state and exit
    #[arg(long, help_heading = "Shared", conflicts_with_all = ["command", "reset_state", "dry_run"], hide_short_help = true)]
    pub show_state: bool,

    /// Reset the breaker and the budget with this name, and exit
    ///
    /// If there is neither, retry says so on stderr and exits with 1.
    #[arg(long, value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name), conflicts_with_all = ["command", "dry_run"], help_heading = "Shared", hide_short_help = true)]
    pub reset_state: Option<OsString>,

    /// Print one message if the run fails, else none
    ///
    /// This is about retry's own messages; the command's output does not change. retry prints nothing about failed
    /// attempts that it retries or about a success after a failure, and shows no countdown. A --log elsewhere still gets
    /// every message. Of --quiet, --silent and --verbose, the last one counts.
    #[arg(short, long, help_heading = "Messages", overrides_with_all = ["silent", "verbose"])]
    pub quiet: bool,

    /// Print no messages, not even if the run fails
    ///
    /// This is about retry's own messages; the command's output does not change. Usage errors are still printed. A --log
    /// elsewhere still gets every message.
    #[arg(long, help_heading = "Messages", overrides_with_all = ["quiet", "verbose"], hide_short_help = true)]
    pub silent: bool,

    /// Also print command lines and which rule decided
    #[arg(short, long, help_heading = "Messages", overrides_with_all = ["quiet", "silent"])]
    pub verbose: bool,

    /// Where messages go: stderr, journald, syslog, a file
    ///
    /// `journald` also sends a priority and the fields RETRY_ATTEMPT, RETRY_STATUS and so on to the systemd journal.
    /// If TARGET is a file, messages are appended to it, each with a timestamp; /dev/stderr is the same as stderr. If
    /// TARGET cannot be written, retry says so once and uses stderr instead. If stderr is connected to the journal, lines have a priority.
    /// `journald:PATH` and `syslog:PATH` select another socket; `./journald` is a file. With --quiet and --silent, the
    /// log still gets every message. With --quiet, stderr gets the line that says why the run failed, as well.
    #[arg(long, value_name = "TARGET", value_parser = values::log_target, help_heading = "Messages", hide_short_help = true)]
    pub log: Option<LogTarget>,

    /// Format of messages and of what --dry-run, --show-state and --stats print
    ///
    /// `json` is one object per line; the last one has the totals.
    #[arg(long, value_name = "FORMAT", help_heading = "Messages", hide_short_help = true)]
    pub log_format: Option<Format>,

    /// Write a report of the run as JSON
    ///
    /// One object with the outcome and every attempt. FILE is replaced atomically; if its name ends in .jsonl, a
    /// line is appended instead. The report has the command's name, and its arguments only with --verbose. It is
    /// written even after a signal. If it cannot be written, retry prints a warning; the exit status does not
    /// change.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Messages", hide_short_help = true)]
    pub report: Option<PathBuf>,

    /// Write the run as a test case to a JUnit XML file
    ///
    /// Each run replaces FILE, so give each step its own. A run that succeeded after failures has a flakyFailure
    /// for each of them. A run that failed has a failure, and a rerunFailure for each retry.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Messages", hide_short_help = true)]
    pub junit: Option<PathBuf>,

    /// Write annotations, a summary and outputs for a CI step
    ///
    /// `auto` is `github` if GITHUB_ACTIONS is true, else `none`. On GitHub, a success after a failure becomes a warning,
    /// and a failed run becomes an error, or a warning if --fallback succeeded. Each adds a row to the step summary.
    /// Warnings and errors are lines on stderr. --quiet hides warnings, and --silent errors as well. Every run sets the
    /// step outputs `attempts`, `outcome` and `exit-status`; with several runs in a step, the last one counts.
    #[arg(long, value_name = "CI", help_heading = "Messages", hide_short_help = true)]
    pub ci: Option<Ci>,

    /// Show a countdown during delays [default: auto]
    ///
    /// `auto` shows it on a terminal if retry is in the foreground. Without a terminal, retry prints a line every
    /// minute during a long delay, and during an attempt whose output is held for `final` or `success`. With `failure`
    /// an attempt gets no such line, so that a run that succeeds at once prints nothing and cron sends no mail.
    #[arg(long, value_name = "WHEN", help_heading = "Messages", hide_short_help = true)]
    pub progress: Option<DisplayWhen>,

    /// Colour messages in red, yellow and green [default: auto]
    ///
    /// `auto` uses colours on a terminal unless NO_COLOR is set, and everywhere if CLICOLOR_FORCE is set.
    #[arg(long, value_name = "WHEN", help_heading = "Messages", hide_short_help = true)]
    pub color: Option<DisplayWhen>,

    /// Name of the run in messages and reports
    #[arg(long, value_name = "NAME", value_parser = values::label, help_heading = "Messages", hide_short_help = true)]
    pub label: Option<String>,

    /// Print the plan and exit
    #[arg(long, help_heading = "Other")]
    pub dry_run: bool,

    /// Print all presets, or the rules and sources of one
    #[arg(long, value_name = "NAME", num_args = 0..=1, help_heading = "Other", conflicts_with_all = ["command", "show_state", "reset_state", "dry_run"], hide_short_help = true)]
    pub list_presets: Option<Option<String>>,

    /// Summarize files that --report wrote; - is stdin
    ///
    /// Shows, by name (the label or the command's name) and by day: runs, runs that succeeded after a failure (rescued),
    /// failed runs, attempts, time spent waiting, and why attempts failed. --log-format json prints JSON; --html also writes a web
    /// page. Lines that are not reports are skipped with a warning. Options may follow FILE.
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = OsStringValueParser::new().try_map(values::source), value_hint = clap::ValueHint::FilePath, help_heading = "Other", conflicts_with_all = ["command", "show_state", "reset_state", "dry_run", "list_presets"], hide_short_help = true)]
    pub stats: Vec<PathBuf>,

    /// Also write the --stats summary as a web page
    ///
    /// A single file with charts, without scripts or external resources.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Other", hide_short_help = true)]
    pub html: Option<PathBuf>,

    /// Print the manual or shell completions
    #[arg(long, value_name = "WHAT", help_heading = "Other", exclusive = true, hide_short_help = true)]
    pub generate: Option<generate::Product>,

    /// Print help (-h: common options, --help: all)
    #[arg(short, long, action = ArgAction::Help, help_heading = "Other")]
    pub help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Other", hide_short_help = true)]
    pub version: Option<bool>,

    /// The command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, required_unless_present_any = ["generate", "show_state", "reset_state", "list_presets", "stats"], hide = true, value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// `--backoff`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum BackoffShape {
    /// base * factor^(n-1)
    #[default]
    Exponential,
    /// base * n
    Linear,
    /// base * 1, 1, 2, 3, 5, ...
    Fibonacci,
    /// base
    Constant,
}

/// `--leftovers`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum LeftoversMode {
    /// Leave them running and report them
    #[default]
    Keep,
    /// End them as a time limit would
    End,
}

/// `--stdin`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum StdinMode {
    /// retry's own stdin
    #[default]
    Inherit,
    /// The same bytes for each attempt
    Replay,
    /// /dev/null
    Null,
}

/// `--stdout`, `--stderr`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum OutputMode {
    /// At once, from every attempt
    #[default]
    Live,
    /// Only the last attempt's
    Final,
    /// Only the last attempt's, if it failed
    Failure,
    /// Only the last attempt's, if it succeeded
    Success,
}

/// `--retry-after`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HintStream {
    /// Where curl -v and wget -S print headers
    Stderr,
    /// Where curl -i prints them
    Stdout,
    /// Both
    Both,
}

/// `--ci`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Ci {
    /// Detect from the environment
    #[default]
    Auto,
    /// GitHub Actions
    Github,
    /// No CI output
    None,
}

/// `--progress`, `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum DisplayWhen {
    /// Only on a terminal
    #[default]
    Auto,
    /// Also without a terminal
    Always,
    /// Never
    Never,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    /// Text for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}
