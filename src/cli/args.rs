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
Exit status: the command's own; 124 timed out, 125 misuse, 126/127 cannot run.
More flags, examples, exit status and signals: retry --help, man retry";

/// Run a command until it succeeds, with exponential backoff and jitter
///
/// retry runs COMMAND until it succeeds, at most three times by default, the first attempt included. Between attempts it
/// waits 0.5 s, 2 s, 8 s, ... up to a minute, plus a random part of up to 0.3 s, so that clients that failed together do
/// not come back together. It says on stderr what failed and what comes next, and exits with the status of the last
/// attempt.
///
/// Options end at the first word that is not one, so the options of COMMAND need no `--` before them. COMMAND runs as it
/// is typed, without a shell. Of a flag that is given twice the last one counts, and lists add up. Most flags can be set
/// in the environment: `RETRY_RETRIES=5` is --retries 5.
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
    /// Attempts, the first included, or inf [default: 3]
    ///
    /// --attempts is the same. 1 means that nothing is retried, `inf` sets no limit. (`curl --retry 3` makes four
    /// attempts, which is --retries 4 here.)
    #[arg(short, long, visible_alias = "attempts", value_name = "N", value_parser = values::attempts, help_heading = "Attempts", allow_hyphen_values = true)]
    pub retries: Option<Attempts>,

    /// Time limit for one attempt and its process tree
    ///
    /// The tree gets --timeout-signal, and after --kill-after SIGKILL. It is gone before the next
    /// attempt starts. Time stopped by Ctrl-Z does not count.
    #[arg(short, long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true)]
    pub timeout: Option<Duration>,

    /// Time limit for everything, delays included
    ///
    /// No attempt starts after it, a running one is ended as by --timeout, and a delay that would pass
    /// it is not slept: retry gives up at once.
    #[arg(long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true)]
    pub deadline: Option<Duration>,

    /// First signal to the process tree when time is up [default: TERM]
    #[arg(long, value_name = "SIG", value_parser = values::signal, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub timeout_signal: Option<Signal>,

    /// Grace between that signal and SIGKILL [default: 10]
    ///
    /// Also the grace for what an interrupted command leaves behind. 0 means SIGKILL at once.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub kill_after: Option<Duration>,

    /// What a failed attempt leaves running: keep or end [default: keep]
    ///
    /// A background process of a failed attempt may hold the port or the lock that the next attempt needs. `keep`
    /// lets it run and says so; `end` ends it as a time limit would, before the next attempt.
    #[arg(long, value_name = "WHAT", help_heading = "Attempts", hide_short_help = true)]
    pub leftovers: Option<LeftoversMode>,

    /// Time limit for an attempt that writes nothing
    ///
    /// An attempt that has written nothing to stdout and stderr for this time has timed out. Both become
    /// pipes, and a program that buffers its output in blocks looks idle.
    #[arg(long, value_name = "DUR", value_parser = values::limit, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub idle_timeout: Option<Duration>,

    /// Successes in a row that make success [default: 1]
    ///
    /// Each one counts as an attempt; between them retry waits --base.
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = "Attempts", allow_hyphen_values = true, hide_short_help = true)]
    pub consecutive: Option<NonZeroU64>,

    /// Delay after the first failure [default: 0.5]
    #[arg(short, long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true)]
    pub base: Option<Duration>,

    /// Growth of the delay per failure [default: 4]
    #[arg(short, long, value_name = "F", value_parser = values::factor, help_heading = "Delay", allow_hyphen_values = true)]
    pub factor: Option<f64>,

    /// Longest delay [default: 60, or a longer --base]
    ///
    /// Before jitter, so that clients that have reached it do not meet.
    #[arg(short, long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true)]
    pub max_delay: Option<Duration>,

    /// Random part: a duration, 20%, full, ... [default: 0.3]
    ///
    /// With b the delay so far: a duration J adds U(0, J); +-J adds U(-J, J); 20% multiplies by 1 +
    /// U(-0.2, 0.2); `full` is U(0, b); `equal` is b/2 + U(0, b/2); `decorrelated` is U(base, 3 * the
    /// last delay), at most --max-delay; `none` is b.
    #[arg(short, long, value_name = "J", value_parser = values::jitter, help_heading = "Delay", allow_hyphen_values = true)]
    pub jitter: Option<Jitter>,

    /// How the delay grows [default: exponential]
    #[arg(long, value_name = "SHAPE", help_heading = "Delay", hide_short_help = true)]
    pub backoff: Option<BackoffShape>,

    /// The delays as a list; the last one repeats
    #[arg(long, value_name = "LIST", value_parser = values::delays, help_heading = "Delay", conflicts_with_all = ["base", "factor", "backoff"], allow_hyphen_values = true, hide_short_help = true)]
    pub delays: Option<Delays>,

    /// Wait before the first attempt
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub initial_delay: Option<Duration>,

    /// Wait a random part of this before the first attempt
    ///
    /// So that jobs that are started together do not run together.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub stagger: Option<Duration>,

    /// After an attempt at least this long the backoff starts anew
    ///
    /// For a service that is kept running: if it ran for an hour, the next delay is --base again.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub reset_after: Option<Duration>,

    /// Honour Retry-After from the server
    ///
    /// Reads the output of a failed attempt on `stderr`, `stdout` or `both` (`stderr` if no stream is given). If
    /// the server asks for a delay there, in a header, an object or a message, retry waits for it, plus up to
    /// 10 % or 5 s. It never shortens the delay, and makes no permanent failure transient. Words that say that
    /// waiting will not help, such as insufficient_quota, end the run.
    ///
    /// Only the last answer counts: a line with HTTP/1.1 503 ends what was asked for before. Headers of an
    /// answer that did not fail (2xx except 202, and 3xx) ask for nothing. What a tool says about itself
    /// ("will try again in 5 seconds") does not come from the server.
    #[arg(long, value_name = "STREAM", num_args = 0..=1, require_equals = true, default_missing_value = "stderr", help_heading = "Delay", hide_possible_values = true, hide_short_help = true)]
    pub retry_after: Option<HintStream>,

    /// Stop when the server asks for a longer delay than this [default: 2m]
    ///
    /// An attempt before that time would fail for certain, so there is none.
    #[arg(long, value_name = "DUR", value_parser = values::duration, help_heading = "Delay", allow_hyphen_values = true, hide_short_help = true)]
    pub max_retry_after: Option<Duration>,

    /// Makes the jitter repeatable
    #[arg(
        long,
        value_name = "N",
        value_parser = values::seed,
        help_heading = "Delay",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub seed: Option<u64>,

    /// Retry on these outcomes only
    ///
    /// A SET is a comma-separated list of exit codes (`7`; above 128 also death by that signal), ranges
    /// (`5-7`), signals (`SIGKILL`), `nonzero` (any code but 0), `signal` (any but PIPE, INT and QUIT),
    /// `timeout`, `spawn` (could not be started), and presets.
    ///
    /// A preset knows by exit status and output which failures of a tool will pass: `ansible`, `apk`,
    /// `apt`, `aws`, `az`, `brew`, `bundler`, `cargo`, `composer`, `conda`, `curl`, `dnf`, `docker`,
    /// `dotnet`, `gcloud`, `gh`, `git`, `go`, `gradle`, `helm`, `kubectl`, `maven`, `npm`, `pip`, `pnpm`,
    /// `rsync`, `ssh`, `tempfail`, `terraform`, `uv`, `wget` and `yarn`. Each one includes `timeout`.
    /// `auto` is the preset of COMMAND, seen through sudo, env, timeout, `python -m`, `bash -c` and the
    /// like; where there is none, every failure is retried. See --list-presets.
    ///
    /// Without it every failure is retried except permanent ones: a command that is not found or cannot
    /// be run, and death by PIPE, INT or QUIT. Those are retried only when they are named here.
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Verdict", action = ArgAction::Append, allow_hyphen_values = true)]
    pub retry_on: Vec<OutcomeSet>,

    /// Stop on these outcomes; beats --retry-on
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Verdict", action = ArgAction::Append, allow_hyphen_values = true)]
    pub stop_on: Vec<OutcomeSet>,

    /// Count these outcomes as success [default: 0]
    #[arg(long, value_name = "SET", value_parser = sets::outcome_set, help_heading = "Verdict", action = ArgAction::Append, allow_hyphen_values = true, hide_short_help = true)]
    pub success_on: Vec<OutcomeSet>,

    /// More presets from a file
    ///
    /// The format is that of the presets that are built in: docs/presets.md. It may be given more than
    /// once; a later file wins, also over a preset that is built in.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Verdict", action = ArgAction::Append, hide_short_help = true)]
    pub preset_file: Vec<PathBuf>,

    /// Retry if a line of the output matches
    ///
    /// RE is a regular expression of the regex crate's syntax, matched line by line against the bytes of
    /// stdout and stderr, without colours and cursor movements; `stdout:RE` and `stderr:RE` look at one of them. Like --retry-on, it leaves out
    /// what no retry rule matches. A stream that is looked at becomes a pipe, and is passed on as it comes.
    #[arg(long, value_name = "RE", value_parser = values::retry_pattern, help_heading = "Verdict", action = ArgAction::Append)]
    pub retry_on_output: Vec<Rule>,

    /// Stop if a line of the output matches; beats retry
    #[arg(long, value_name = "RE", value_parser = values::stop_pattern, help_heading = "Verdict", action = ArgAction::Append, hide_short_help = true)]
    pub stop_on_output: Vec<Rule>,

    /// Count an attempt as good if a line of its output matches
    #[arg(long, value_name = "RE", value_parser = values::success_pattern, help_heading = "Verdict", action = ArgAction::Append, hide_short_help = true)]
    pub success_on_output: Vec<Rule>,

    /// Count no attempt as good without a line that matches
    #[arg(long, value_name = "RE", value_parser = values::required_pattern, help_heading = "Verdict", action = ArgAction::Append, hide_short_help = true)]
    pub require_output: Vec<Rule>,

    /// Shell command that decides about a failed attempt
    ///
    /// It runs after each failure that no rule stopped. Its exit status 0 means retry, 1 means stop. Any other is reported
    /// once and otherwise ignored. Its stdin is the end (64 KiB) of what the attempt
    /// printed, of both streams, which become pipes; RETRY_STATUS is how it ended, as in `$?`, and
    /// RETRY_ATTEMPT its number. Runs by sh -c, with stderr as stdout. Signals and --deadline end it.
    #[arg(long, value_name = "CMD", help_heading = "Verdict", hide_short_help = true)]
    pub retry_if: Option<OsString>,

    /// Exit status of a success that needed more than one attempt
    #[arg(long, value_name = "N", value_parser = values::failure_status, help_heading = "Verdict", allow_hyphen_values = true, hide_short_help = true)]
    pub flaky_exit: Option<ExitCode>,

    /// What each attempt reads [default: inherit]
    ///
    /// `inherit` is what retry itself would read; a file starts each attempt where the first one began, a
    /// pipe goes on. `replay` gives each attempt the same bytes of a pipe too: what was read is kept in an
    /// unlinked file; a terminal is inherited all the same. `null` is /dev/null.
    #[arg(long, value_name = "MODE", help_heading = "Streams", hide_possible_values = true)]
    pub stdin: Option<StdinMode>,

    /// When its stdout is written [default: live]
    ///
    /// `live` as it comes, from each attempt. `final` only that of the last attempt, when it is over.
    /// `failure` as `final`, but nothing if it succeeded; `success` nothing if it did not. Up to 1 MiB is held in memory, more in an unlinked
    /// file in $TMPDIR.
    #[arg(
        long,
        value_name = "MODE",
        help_heading = "Streams",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub stdout: Option<OutputMode>,

    /// When its stderr is written [default: live]
    ///
    /// As --stdout.
    #[arg(
        long,
        value_name = "MODE",
        help_heading = "Streams",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub stderr: Option<OutputMode>,

    /// Short for --stdout final: a pipe sees one attempt
    #[arg(short = 'O', overrides_with = "stdout", help_heading = "Streams")]
    pub one: bool,

    /// Shell command to run before each further attempt
    ///
    /// Runs by sh -c after the delay, with /dev/null as stdin and stderr as stdout. A failure is reported but
    /// otherwise ignored. Signals and --deadline end it.
    #[arg(long, value_name = "CMD", help_heading = "Hooks", hide_short_help = true)]
    pub before_retry: Option<OsString>,

    /// Shell command to run when all attempts have failed
    ///
    /// Runs by sh -c after every ending except success, an interruption and a failure of retry itself (125).
    /// What was held of stdout is dropped, stdin is given again where it was replayed, and the exit status
    /// is its own. The deadline does not count for it.
    #[arg(long, value_name = "CMD", help_heading = "Hooks", hide_short_help = true)]
    pub fallback: Option<OsString>,

    /// Circuit breaker to share under this name
    ///
    /// Every retry of this user that names it (see --state for more) counts its failures in a row. At
    /// --breaker-failures of them (or at --breaker-rate) the circuit opens: attempts are refused, with status 75
    /// and nothing run where it was the first, until --breaker-open has passed. Then one attempt probes.
    #[arg(
        long,
        value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name),
        help_heading = "Shared",
        hide_short_help = true
    )]
    pub breaker: Option<OsString>,

    /// Failures in a row that open the circuit [default: 5]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_failures: Option<NonZeroU32>,

    /// Share of failed attempts that opens the circuit, as 50%
    ///
    /// Instead of failures in a row: where two of three attempts fail, there are never five in a row, and among the jobs
    /// of a fleet five in a row come by chance (with 10s as the window, 50% is a good rule for those). It counts
    /// the attempts that ended within --breaker-window, and opens at no fewer than --breaker-min-attempts. How long
    /// an attempt took does not matter. Each success is counted too, so it costs a write where failures in a row
    /// cost none.
    #[arg(long, value_name = "PERCENT", value_parser = values::failure_rate, conflicts_with = "breaker_failures", help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_rate: Option<f64>,

    /// Attempts below which --breaker-rate opens nothing [default: 10]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_min_attempts: Option<NonZeroU32>,

    /// Time in which failures count [default: 60, for a rate]
    ///
    /// From 10 ms to a week; it is exact to a tenth. Older failures do not open the circuit. Without it, failures in
    /// a row count until there is a success.
    #[arg(long, value_name = "DUR", value_parser = values::window, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_window: Option<Duration>,

    /// How long the circuit is open at first [default: 5]
    ///
    /// At most a week. Doubled, with jitter, whenever a probe fails, up to 30 s.
    #[arg(long, value_name = "DUR", value_parser = values::open_time, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub breaker_open: Option<Duration>,

    /// Retry budget to share under this name
    ///
    /// A bucket of tokens, full at first. A retry takes one, a success gives back --budget-ratio, and time
    /// gives back one in a minute. Without a token retry gives up at once. First attempts are free.
    #[arg(
        long,
        value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name),
        help_heading = "Shared",
        hide_short_help = true
    )]
    pub budget: Option<OsString>,

    /// What a success gives back to the budget [default: 0.2]
    #[arg(long, value_name = "R", value_parser = values::ratio, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub budget_ratio: Option<f64>,

    /// How many retries the budget holds [default: 10]
    #[arg(long, value_name = "N", value_parser = values::small_count, help_heading = "Shared", allow_hyphen_values = true, hide_short_help = true)]
    pub budget_burst: Option<NonZeroU32>,

    /// Where shared state lives: a directory or redis://...
    ///
    /// By default $XDG_STATE_HOME/retry, else ~/.local/state/retry, for this user alone. A directory that is
    /// named is taken as it is, so that a group can share one; records have its group and mode. `redis://USER:PASSWORD@HOST:PORT/DB` (all
    /// but HOST may be left out) and redis+unix:///SOCKET are a Redis or Valkey server, for a fleet;
    /// rediss:// is the same with TLS, if retry was built with it (releases are). State that cannot be used is warned of, and the command runs.
    #[arg(long, value_name = "WHERE", value_parser = values::location, help_heading = "Shared", hide_short_help = true)]
    pub state: Option<Location>,

    /// Print what is shared, and run nothing
    #[arg(long, help_heading = "Shared", conflicts_with_all = ["command", "reset_state", "dry_run"], hide_short_help = true)]
    pub show_state: bool,

    /// Forget the breaker and the budget of this name, and run nothing
    #[arg(long, value_name = "NAME", value_parser = OsStringValueParser::new().try_map(values::shared_name), conflicts_with_all = ["command", "dry_run"], help_heading = "Shared", hide_short_help = true)]
    pub reset_state: Option<OsString>,

    /// Say only why it failed in the end, in one line
    ///
    /// No line for each failed attempt, none for a late success, no live line. A log that --log names still gets all of
    /// them. Of --quiet, --silent and --verbose the last one counts.
    #[arg(short, long, help_heading = "Messages", overrides_with_all = ["silent", "verbose"])]
    pub quiet: bool,

    /// Say nothing at all, not even that it failed
    ///
    /// Usage errors are still shown. A log that --log names still gets everything.
    #[arg(long, help_heading = "Messages", overrides_with_all = ["quiet", "verbose"], hide_short_help = true)]
    pub silent: bool,

    /// Also say what starts, its arguments, and which rule decided
    #[arg(short, long, help_heading = "Messages", overrides_with_all = ["quiet", "silent"])]
    pub verbose: bool,

    /// Where messages go: stderr, journald, syslog, a file
    ///
    /// `journald` gives the systemd journal a priority and the fields RETRY_ATTEMPT, RETRY_STATUS and so on.
    /// A file is appended to; each of its lines begins with the time. If it cannot be reached, that is said
    /// once and stderr takes its place. On a stderr that is the journal's, lines have a priority.
    /// `journald:PATH` and `syslog:PATH` name another socket, `./journald` is a file. --quiet and --silent are about
    /// stderr; a log elsewhere gets every message.
    #[arg(long, value_name = "TARGET", value_parser = values::log_target, help_heading = "Messages", hide_short_help = true)]
    pub log: Option<LogTarget>,

    /// Messages, and what --dry-run prints, as text or JSON
    ///
    /// `json` is one object per line, and one more with the totals at the end.
    #[arg(long, value_name = "FORMAT", help_heading = "Messages", hide_short_help = true)]
    pub log_format: Option<Format>,

    /// Write an account of the run as JSON
    ///
    /// One object with how it ended and each attempt. FILE is replaced whole or not at all; one that ends in
    /// .jsonl gets one more line. It holds the command's name, its arguments only with --verbose. It is also
    /// written after a signal. If it cannot be written, a warning says so, and nothing else changes.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Messages", hide_short_help = true)]
    pub report: Option<PathBuf>,

    /// Write the run as a test case of a JUnit file
    ///
    /// One that succeeded late has a flakyFailure for each failed attempt; one that did not succeed has a
    /// failure, and a rerunFailure for each further attempt.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Messages", hide_short_help = true)]
    pub junit: Option<PathBuf>,

    /// Annotations, summary and outputs of a CI step
    ///
    /// `auto` is `github` where GITHUB_ACTIONS is true, else `none`. On GitHub a late success is a warning and
    /// giving up an error; both add a row to the summary of the step, and set its outputs `attempts`,
    /// `outcome` and `exit-status`. A success at once sets the outputs alone. --quiet hides the warning, --silent
    /// the error as well.
    #[arg(long, value_name = "CI", help_heading = "Messages", hide_short_help = true)]
    pub ci: Option<Ci>,

    /// Count a delay down in one line [default: auto]
    ///
    /// `auto` does so on a terminal, if retry is in its foreground. Without a terminal there is a line each
    /// minute instead while a delay is long, and while output is held that a success releases.
    #[arg(long, value_name = "WHEN", help_heading = "Messages", hide_short_help = true)]
    pub progress: Option<DisplayWhen>,

    /// Colour messages: red, yellow, green [default: auto]
    ///
    /// `auto` does so on a terminal, unless NO_COLOR is set, and also elsewhere if CLICOLOR_FORCE is.
    #[arg(long, value_name = "WHEN", help_heading = "Messages", hide_short_help = true)]
    pub color: Option<DisplayWhen>,

    /// A name for the run in messages and reports
    #[arg(long, value_name = "NAME", value_parser = values::label, help_heading = "Messages", hide_short_help = true)]
    pub label: Option<String>,

    /// Print the plan and run nothing
    #[arg(long, help_heading = "Tools")]
    pub dry_run: bool,

    /// Print all presets, or the rules and sources of one
    #[arg(long, value_name = "NAME", num_args = 0..=1, help_heading = "Tools", conflicts_with_all = ["command", "show_state", "reset_state", "dry_run"], hide_short_help = true)]
    pub list_presets: Option<Option<String>>,

    /// Add up what --report wrote into these files; - is stdin
    ///
    /// By name (the label, or the command's name) and by day: how many runs there were, how many another attempt
    /// rescued, how many were lost all the same, the attempts, the time spent waiting, why attempts failed.
    /// --log-format json prints it as JSON, --html writes a page. Lines that are no reports are left out, and
    /// that is said. Options after a FILE are options.
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath, help_heading = "Tools", conflicts_with_all = ["command", "show_state", "reset_state", "dry_run", "list_presets"], hide_short_help = true)]
    pub stats: Vec<PathBuf>,

    /// Also write what --stats found as a page for a browser
    ///
    /// One file with charts, without scripts, that loads nothing else.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(values::file), value_hint = clap::ValueHint::FilePath, help_heading = "Tools", hide_short_help = true)]
    pub html: Option<PathBuf>,

    /// Print the man page or a shell's completions
    #[arg(long, value_name = "WHAT", help_heading = "Tools", exclusive = true, hide_short_help = true)]
    pub generate: Option<generate::Product>,

    /// Print help (-h the short one, --help all of it)
    #[arg(short, long, action = ArgAction::Help, help_heading = "Tools")]
    pub help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Tools", hide_short_help = true)]
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
    /// They go on, and a message says so
    #[default]
    Keep,
    /// They are ended as by a time limit
    End,
}

/// `--stdin`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum StdinMode {
    /// What retry itself would read
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
    /// As it comes
    #[default]
    Live,
    /// That of the last attempt only
    Final,
    /// That of the last attempt only, if it failed
    Failure,
    /// That of the last attempt only, if it succeeded
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
    /// What the environment says
    #[default]
    Auto,
    /// GitHub Actions
    Github,
    /// Nothing of the kind
    None,
}

/// `--progress`, `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum DisplayWhen {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For machines
    Json,
}
