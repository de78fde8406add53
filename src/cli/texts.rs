//! The texts that the help and the man page share. The flags are described in [`super::args`].
//!
//! Words in backticks are literal; the man page prints them bold, like every `--flag`.

use super::windows;
use crate::core::system::System;
use std::fmt::Write as _;

#[derive(Debug)]
pub struct Example {
    /// Without a full stop.
    pub what: &'static str,
    pub command: &'static str,
}

#[derive(Debug)]
pub struct Row {
    pub term: &'static str,
    /// Without a full stop.
    pub meaning: &'static str,
}

/// From common to rare uses.
pub const EXAMPLES: &[Example] = &[
    Example {
        what: "Three attempts, about half a second and two seconds apart",
        command: "retry -- curl -fsS https://example.com/api",
    },
    Example {
        what: "Ten attempts of at most 30s each, at most 5m in total",
        command: "retry --retries 10 --timeout 30 --deadline 5m -- ./flaky-test",
    },
    Example {
        what: "Retry only curl's transient failures",
        command: "retry --retry-on curl -- curl -fsS https://example.com/api",
    },
    Example {
        what: "A list of delays: 0.5s, 2s and 5s, each plus or minus up to 0.3s",
        command: "retry --retries 4 --delays 0.5,2,5 --jitter +-0.3 -- ./deploy",
    },
    Example {
        what: "Wait until a server answers, however long it takes",
        command: "retry --retries inf --timeout 5 --base 1 --factor 1 -- nc -z db 5432",
    },
    Example {
        what: "In a pipeline: each attempt reads the same input, and only the last one's output goes on",
        command: "retry --stdin replay -O -- ./convert",
    },
    Example {
        what: "Wait as long as the server asks in its Retry-After header (curl -v prints it)",
        command: "retry --retry-on curl --retry-after -- curl -fsSv https://example.com/api",
    },
    Example {
        what: "Treat \"already exists\" as success when publishing",
        command: "retry --success-on-output already.exists -- cargo publish",
    },
    Example {
        what: "Back off from a registry that is down, together with all jobs that use the same names",
        command: "retry --breaker registry --budget registry -- docker pull alpine",
    },
    Example {
        what: "Append a report of the run to a file, as a line of JSON",
        command: "retry --report retries.jsonl --label deploy -- ./deploy",
    },
    Example {
        what: "Summarize that file as a table and as a web page with charts",
        command: "retry --stats retries.jsonl --html retries.html",
    },
    Example {
        what: "See the plan without running anything",
        command: "retry --retries 6 --dry-run -- ./deploy",
    },
];

/// The exit table of [`crate::core::outcome`], whose statuses a test compares with these.
pub const EXIT_STATUS: &[Row] = &[
    Row { term: "0", meaning: "an attempt succeeded (with --flaky-exit N: N if an earlier one failed)" },
    Row { term: "75", meaning: "the --breaker circuit was open, so the command was not run" },
    Row {
        term: "124",
        meaning: "--timeout, --idle-timeout or --deadline ended the last attempt, or the deadline \
                  passed before the first one",
    },
    Row { term: "125", meaning: "usage error, or retry itself failed" },
    Row { term: "126", meaning: "the command was found, but could not be run" },
    Row { term: "127", meaning: "the command was not found" },
    Row {
        term: "other",
        meaning: "the exit status of the last attempt; 1 if that was 0 and did not count as success",
    },
];

/// The paragraph below the exit table.
pub const EXIT_BY_SIGNAL: &str = "If --fallback ran, retry exits with its status. If a signal n killed the command, retry dies of the same \
    signal (a shell shows 128+n). Where a signal cannot kill it, as process 1 of a container, it exits with \
    128+n. On HUP, INT, QUIT or TERM, retry forwards the signal to the running attempt and waits for it. If \
    the command exits by itself, retry exits with its status; otherwise retry dies of the signal.";

/// Paragraphs of the man page.
pub const SIGNALS: &[&str] = &[
    "The command runs in the same process group, session and terminal as retry.",
    "On HUP, INT, QUIT or TERM, retry starts no further attempt, and a delay ends at once. retry forwards the \
     signal to the running command, which may take as long as it needs to clean up. If a process sends the same \
     INT or TERM again, the command gets SIGKILL. The same happens if Ctrl-C is pressed three times within 2s; \
     on a terminal, retry says so if the command still runs after 1s. A different signal is forwarded.",
    "Unlike a time limit, an interruption does not signal the processes that the running command started. A \
     bash script acts on INT, and on a signal that it traps, only when its foreground process has ended. To \
     interrupt it at once, signal the whole process group, as Ctrl-C does. When the command has ended, the \
     processes that the attempts left running in the same session get the signal too, and SIGKILL after \
     --kill-after. A process that moved to another session (setsid) goes on.",
    "retry forwards every catchable signal that would end it, real-time signals included; as process 1, it \
     also forwards WINCH. retry does not send the signal of a key such as Ctrl-C a second time, because the \
     terminal has sent it to the whole foreground process group, the command included. When the terminal \
     hangs up, the kernel signals only the session leader; if that is retry, it forwards HUP. If the command \
     dies of a signal that retry has forwarded, such as ALRM, retry starts no further attempt. USR1 and USR2 \
     are the exception: such a death is an ordinary failure.",
    "On Linux, if retry itself is killed (by SIGKILL, say), the command gets --timeout-signal, or the \
     parent-death signal that was set for retry. The processes that the command started get no signal. This \
     does not work for set-uid commands: the kernel clears the setting.",
    "A signal that a process sends to the whole process group reaches the command twice, once directly and \
     once through retry, as with every wrapper that forwards signals.",
    "When the command is stopped (Ctrl-Z), retry stops too. When retry is continued, it also continues the \
     command. Ctrl-Z during a delay stops retry. Time spent stopped does not count against limits or delays, \
     unless there is no controlling terminal, because then nobody could continue the command. retry cannot \
     detect two kinds of stop, so their time does count: a SIGSTOP that is sent to retry alone, and the \
     SIGTTOU for a message that retry writes from the background to a terminal with `stty tostop`.",
    "Signals that are ignored when retry starts (`nohup`, `trap '' HUP`) stay ignored in retry and in the \
     command. SIGCHLD is the exception: it is reset to its default action, because retry must wait for the \
     command.",
    "A time limit ends the whole process tree. On Linux, that is every process that the attempt started, even \
     in another process group or session. On macOS and FreeBSD, it is the command's process group if there is \
     no controlling terminal; with one, it is the command alone. If a process cannot be ended, retry names it \
     and starts no further attempt.",
    "A killed command cannot restore terminal settings that it changed (raw mode, no echo, another process \
     group in the foreground), so retry restores them. Settings that a command leaves \
     behind when it exits by itself are kept.",
];

/// Paragraphs of the man page about the streams of a command.
pub const STREAMS: &[&str] = &[
    "The command inherits retry's stdin, stdout and stderr unless an option needs a pipe. The modes \
     `final`, `failure` and `success` of --stdout and --stderr hold a stream. A rule about the output, a \
     preset with output patterns, or --retry-after watches the streams that it searches; --idle-timeout \
     and --retry-if watch both streams. With --stdin `replay`, a stdin that cannot be rewound becomes a \
     pipe.",
    "A program notices that its stdout is a pipe and not a terminal. Many then print no colours or progress \
     bars and write in blocks instead of lines, so that output comes late and --idle-timeout sees nothing. \
     `stdbuf -oL` helps with some. When stdout and stderr go to the same place, retry keeps their output in \
     order, provided that both are held or watched in the same way, --fallback is not used, and no rule \
     searches only one of them.",
    "Held output is written when the last attempt has ended. Up to 1 MiB is kept in memory, the rest in an \
     unlinked file in $TMPDIR. If there is no space, or the output cannot be written, retry exits with 125. \
     If the reader has closed the pipe, retry dies of SIGPIPE. A signal stops the writing.",
    "Watched output is passed on at once. If stdout or stderr cannot be written (a full disk, a terminal that \
     hung up), retry reports that once, even with --quiet, and discards the rest. The command does not \
     notice, and its exit status counts. If a full disk must make the command fail, let the command write to \
     the file itself.",
    "A process that the command leaves behind may hold the pipe. If output is held, retry does not wait for \
     that process; if output is watched, it waits 0.2s. If the process writes later, it gets SIGPIPE. Send \
     the output of a daemon to a file.",
    "If the reader of watched output is slow, the command has to wait; that time counts against --timeout, \
     but not against --idle-timeout. After --deadline or a signal, the reader has --kill-after to catch up.",
    "Presets recognize English messages only. If another language is set, run the command with `LC_ALL=C`. \
     Colours, links and cursor movements are removed before matching, and a carriage return also ends a line.",
];

/// The paragraph of the man page above the forms of --retry-after.
pub const FORMS_OF_DEMANDS: &str = "--retry-after recognizes these forms in the output of a failed attempt. Prefixes and timestamps of tools \
    and CI runners, quotes, braces, colours and wrapped lines do not matter. A number of 10^9 or more is a \
    Unix timestamp; a date needs a time zone. Anything ambiguous is ignored. If one response has several \
    values, milliseconds take precedence over seconds, and a requested delay over the reset time of a rate \
    limit; otherwise the last value counts.";

/// Paragraphs of the man page.
pub const SHARED_STATE: &[&str] = &[
    "A circuit breaker and a retry budget keep many retry processes from making an outage worse. All runs \
     with the same name and the same --state share them. A breaker and a budget with the same name are \
     independent.",
    "--breaker counts consecutive failures. Every failed attempt counts, including timeouts and the last \
     attempt of a run. Permanent failures, attempts that a stop rule matched, commands that could not be \
     started, and interrupted attempts do not count. At --breaker-failures the circuit opens, and no attempt \
     starts. A run that has not started its first attempt exits with 75, or runs its --fallback. A run that \
     was about to retry gives up with the status of its last attempt. After --breaker-open the next attempt \
     is a probe, and the others are still refused. If it succeeds, the circuit closes. If it fails, the \
     circuit opens again for twice as long (minus up to 20%), at most 30s or --breaker-open, \
     whichever is longer. If a probe is killed, another one may start when its lease expires. The lease is \
     --timeout plus --kill-after, at most 1m, and is renewed while the probe runs.",
    "--budget is a bucket of --budget-burst tokens, full at first. Each retry takes one. A run that succeeds \
     returns --budget-ratio tokens, and one more returns every minute. If no token is left, retry gives up at \
     once with the status of the last attempt. First attempts take no token and are never refused.",
    "Runs that share a name should use the same settings, because each run applies its own. --show-state \
     prints the shared state (as JSON with --log-format json), and --reset-state NAME resets it.",
    "By default the state is in `$XDG_STATE_HOME/retry`, else `~/.local/state/retry`: a small file for each \
     name, in a directory that only this user can enter; root uses only a home directory that root owns. A \
     directory given with --state is used as is. Records in it get its group and its permissions, regardless \
     of the umask. `redis://` is a Redis or Valkey server, which retry asks once before each attempt and once \
     after it. Its user needs the commands EVAL, EVALSHA, GET, SET and TIME for the keys retry:*. \
     --show-state and --reset-state also need SCAN, GETRANGE and DEL, and CLUSTER SLOTS to show the state of \
     a whole Redis cluster. For a cluster, give any node. `redis+sentinel://` names Sentinels, one of which \
     retry asks for the primary before it connects. The user and the password are the primary's; those of the \
     Sentinels are `?sentinel_username=USER&sentinel_password=PASSWORD`, and need the command SENTINEL. \
     Everyone who can list processes can see a password on the command line. A password in `RETRY_STATE` is \
     not visible there, but the command inherits the variable.",
    "State that cannot be read, written or reached never stops a run. All state operations of one attempt \
     together take at most 200ms. After the first error, retry prints one warning and stops using that state for \
     the rest of the run. If a server cannot be used, or RETRY_STATE is invalid, the runs of a user on one machine share a circuit and a \
     budget in the directory without-server of the default directory instead. That budget allows one retry, \
     and one more each minute, because a fleet that lost its budget must not retry as if it had none. \
     --show-state prints the command that shows them. If no \
     state can be used, a run with --budget retries once; one with --breaker alone retries as often as \
     --retries allows.",
];

/// The paragraph of the man page about settings.
pub const SETTINGS: &str = "Each of these variables sets an option: `RETRY_RETRIES=5` is --retries 5. An empty variable counts as \
    unset. The command line overrides the environment, including variables that conflict with it; a list on \
    the command line replaces the list in the variable. RETRY_ATTEMPTS is RETRY_RETRIES. RETRY_QUIET, \
    RETRY_SILENT and RETRY_VERBOSE are 1 or 0. retry ignores an invalid value with a warning, because the \
    variable may belong to another program. The same goes for a preset file that cannot be read, for \
    RETRY_CONSECUTIVE or RETRY_RETRIES if there would be fewer attempts than required successes, and for one \
    of two variables that conflict or name the same file. It also warns about variables that look like settings \
    but are not. --verbose shows which variables were used.";

/// The variables that others set, and their effects.
pub const SET_BY_OTHERS: &[Row] = &[
    Row {
        term: "GITHUB_ACTIONS",
        meaning: "`true` makes --ci auto write to GITHUB_STEP_SUMMARY and GITHUB_OUTPUT",
    },
    Row {
        term: "JOURNAL_STREAM",
        meaning: "if it shows that stderr is connected to the journal, messages have a priority",
    },
    Row {
        term: "NO_COLOR, CLICOLOR_FORCE",
        meaning: "if not empty, NO_COLOR turns colours off; if neither empty nor 0, CLICOLOR_FORCE turns them on without a terminal. --color \
            overrides both, and NO_COLOR overrides CLICOLOR_FORCE",
    },
    Row { term: "TERM", meaning: "if unset or `dumb`, there are no colours and no countdown" },
    Row { term: "TMPDIR", meaning: "directory for held output that exceeds 1 MiB" },
];

/// The variables that the command gets.
pub const SEEN_BY_THE_COMMAND: &[Row] = &[
    Row { term: "RETRY_ATTEMPT", meaning: "number of this attempt, starting at 1" },
    Row { term: "RETRY_MAX_ATTEMPTS", meaning: "total number of attempts, or `inf`" },
    Row {
        term: "RETRY_PREVIOUS_STATUS",
        meaning: "status of the previous attempt, as in `$?`; empty in the first attempt",
    },
    Row { term: "RETRY_ELAPSED", meaning: "seconds since retry started, with three decimals" },
    Row { term: "RETRY_DEPTH", meaning: "nesting level; 1 unless retry runs inside another retry" },
    Row {
        term: "RETRY_OUTER_BREAKER",
        meaning: "the circuit breaker of this run, if it has one; a nested retry does not use the same breaker again",
    },
    Row {
        term: "RETRY_RUN_ID",
        meaning: "identifier of the run, the same in all its attempts and in a nested retry; random unless already set. \
            For an idempotency key, add something of the request: `$RETRY_RUN_ID-$ORDER`. Reports and logs have it as \
            `run_id`",
    },
];

pub const SEE_ALSO: &str = "env(1), nohup(1), sh(1), timeout(1), signal(7)";

/// The width of the smallest usual terminal. Tables in the help are wrapped here, because clap does not keep their
/// columns.
const WIDTH: usize = 80;

pub const DURATION: &str =
    "A DUR is a number of seconds (0.5) or numbers with units: 500ms, 90s, 5m, 1m30s, 2h, 1d, 1w.";

/// What a SET of outcomes is, for `--help`.
const SET: &str = "A SET is a list of exit statuses (7), ranges (5-7), signals (KILL), nonzero, signal, timeout, spawn, \
    auto, and presets (curl, git, ...; see --list-presets). An RE is a regular expression for a line of the output.";

/// How many of the examples `--help` shows.
const SHOWN_EXAMPLES: usize = 7;

const REST: &str = "Everything else: man retry, or retry --generate text";

/// The text after the flags in `--help`.
pub fn after_long_help(system: System) -> String {
    let (set, examples, rest) = match system {
        System::Unix => (SET, &EXAMPLES[..SHOWN_EXAMPLES], REST),
        System::Windows => (windows::SET, windows::EXAMPLES, windows::REST),
    };
    let mut text = String::new();
    fill(&mut text, "", 0, DURATION, WIDTH);
    fill(&mut text, "", 0, set, WIDTH);
    text.push_str("\nEXAMPLES\n");
    for Example { what, command } in examples {
        let _infallible = writeln!(text, "  {what}:\n      {command}");
    }
    text.push_str("\nEXIT STATUS\n");
    for Row { term, meaning } in EXIT_STATUS {
        fill(&mut text, &format!("  {term:<7}"), 9, meaning, WIDTH);
    }
    text.push('\n');
    fill(&mut text, "", 0, rest, WIDTH);
    text
}

/// Appends `words` in lines of at most `width` characters, except for a longer word: the first line behind `head`, the
/// others indented.
pub fn fill(text: &mut String, head: &str, indent: usize, words: &str, width: usize) {
    let mut line = head.to_owned();
    let mut is_empty = true;
    for word in words.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::*;
    use clap::Parser;

    #[test]
    fn the_examples_are_valid() {
        for Example { command, .. } in EXAMPLES.iter().chain(windows::EXAMPLES) {
            // Windows has codes of 32 bits.
            let command = command.replace("0xC0000005", "5");
            assert!(Args::try_parse_from(command.split(' ')).is_ok(), "{command}");
        }
    }

    #[test]
    fn tables_are_filled_with_a_hanging_indent() {
        let mut text = String::new();
        fill(&mut text, "  1  ", 5, &"word ".repeat(17), WIDTH);
        let first = format!("  1  {}", ["word"; 15].join(" "));
        assert_eq!(text, format!("{first}\n     word word\n"));
    }
}
