//! The texts that the help and the man page share. The flags are described in [`super::args`].
//!
//! Words in backticks are literal; the man page prints them bold, like every `--flag`.

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
        what: "Ten attempts, each at most 30 s, all of it at most 5 min",
        command: "retry --retries 10 --timeout 30 --deadline 5m -- ./flaky-test",
    },
    Example {
        what: "Only what curl calls a passing network problem",
        command: "retry --retry-on curl -- curl -fsS https://example.com/api",
    },
    Example {
        what: "The delays as a list: 0.5, 2 and 5 s, each give or take 0.3 s",
        command: "retry --retries 4 --delays 0.5,2,5 --jitter +-0.3 -- ./deploy",
    },
    Example {
        what: "Wait until a server answers, however long it takes",
        command: "retry --retries inf --base 1 --backoff constant -- nc -z localhost 5432",
    },
    Example {
        what: "In a pipeline: each attempt reads the same, and what comes behind sees one",
        command: "retry --stdin replay -O -- ./convert",
    },
    Example {
        what: "Wait for as long as the server says, in a header that curl -v shows",
        command: "retry --retry-on curl --retry-after -- curl -fsSv https://example.com/api",
    },
    Example {
        what: "A publish step that has been done before is done",
        command: "retry --success-on-output already.exists -- cargo publish",
    },
    Example {
        what: "Leave a registry that is down alone, together with all other jobs that name it",
        command: "retry --breaker registry --budget registry -- docker pull alpine",
    },
    Example {
        what: "Add an account of the run to a file, as a line of JSON",
        command: "retry --report retries.jsonl --label deploy -- ./deploy",
    },
    Example {
        what: "Add up what such a file holds, as a table and as a page with charts",
        command: "retry --stats retries.jsonl --html retries.html",
    },
    Example {
        what: "See the plan without running anything",
        command: "retry --retries 6 --dry-run -- ./deploy",
    },
];

/// The exit table of [`crate::core::outcome`], whose statuses a test compares with these.
pub const EXIT_STATUS: &[Row] = &[
    Row { term: "0", meaning: "an attempt succeeded (with --flaky-exit N and an earlier failure: N)" },
    Row { term: "75", meaning: "the circuit of --breaker is open: nothing was run" },
    Row {
        term: "124",
        meaning: "the last attempt was ended by --timeout, --idle-timeout or --deadline, or the deadline \
                  passed before any",
    },
    Row { term: "125", meaning: "retry was called wrongly, or failed itself" },
    Row { term: "126", meaning: "the command was found but could not be run" },
    Row { term: "127", meaning: "the command was not found" },
    Row {
        term: "other",
        meaning: "the exit status of the last attempt; 1 if that was 0 and still no success",
    },
];

/// The paragraph below the exit table.
pub const EXIT_BY_SIGNAL: &str = "If --fallback ran, its status counts. A command that was killed by a signal makes retry die of the same signal \
    (a shell shows 128+n; so does retry where a signal cannot kill it, as process 1 of a container). After \
    HUP, INT, QUIT or TERM the running attempt gets the signal and is waited for; its exit code counts if \
    it has one, else retry dies of the signal.";

/// Paragraphs of the man page.
pub const SIGNALS: &[&str] = &[
    "retry and the command share the process group, the session and the terminal.",
    "After HUP, INT, QUIT or TERM there is no further attempt, and a delay ends at once. A running command \
     gets the signal and may clean up for as long as it likes. If a process sends the same INT or TERM again, the \
     command gets SIGKILL; so it does when Ctrl-C is pressed three times within two seconds. A different signal is \
     passed on. What the attempts left behind in the session gets the signal too, and SIGKILL after --kill-after.",
    "Every signal that would end retry and can be caught is passed on to the command, real-time signals included; as \
     process 1, retry passes on WINCH as well. A key such as Ctrl-C is not sent a second time: the terminal has \
     sent it to the whole foreground process group, the command included. The hang-up of the terminal goes to the \
     session leader alone, so retry passes it on where it is that leader. If the command dies of a signal that retry \
     has passed on, such as ALRM, there is no further attempt; USR1 and USR2 are the command's own business.",
    "On Linux, a command whose retry dies first (of SIGKILL, say) gets --timeout-signal, or the parent-death signal \
     that retry itself was given. A set-uid command does not: the kernel clears the setting.",
    "A signal that a process sends to the whole process group reaches the command twice, once directly and \
     once through retry, as with every wrapper that passes signals on.",
    "When the command stops (Ctrl-Z), so does retry; it goes on when it is continued, and continues the \
     command if only retry was. During a delay it stops by itself. Time spent stopped counts against no \
     limit and no delay, unless there is no controlling terminal: then nobody could continue it. Two stops cannot be noticed, and their time counts: a SIGSTOP that is sent to \
     retry alone, and the SIGTTOU for a message that retry writes from the background to a terminal \
     with `stty tostop`.",
    "Signals that are ignored when retry starts (`nohup`, `trap '' HUP`) stay ignored, in retry and in the \
     command, but for SIGCHLD: it is at its default action for the command, or retry could not wait for \
     it.",
    "A time limit ends the whole process tree. On Linux that is every process that the attempt started, \
     also one that left for another process group or session. Elsewhere it is the command's own process \
     group, which it has where there is no controlling terminal, else the command alone. If a process cannot \
     be ended, there is no further attempt, and the message names it.",
    "A command that is killed cannot put back what it did to the terminal (raw mode, no echo, another process group \
     in the foreground); retry does. What a command that exits by itself has set, stays.",
];

/// Paragraphs of the man page about the streams of a command.
pub const STREAMS: &[&str] = &[
    "stdin, stdout and stderr of the command are those of retry, unless a flag asks for more: then the stream \
     becomes a pipe. Held and watched are a stream with --stdout or --stderr `final` or `failure` (held), one \
     that a rule about the output, a preset with messages or --retry-after looks at, and both with \
     --idle-timeout or --retry-if (watched). --stdin `replay` makes a pipe of a stdin that cannot be rewound.",
    "A program notices that its stdout is a pipe and no terminal: many leave out colours and progress bars, \
     and write in blocks instead of lines, so that output comes late and --idle-timeout sees nothing. \
     `stdbuf -oL` helps with some. Of two streams that end in the same place, the order is kept where both \
     are held or watched in the same way, without --fallback and without a rule about one of them.",
    "What is held is written when the last attempt is over: up to 1 MiB of it is kept in memory, the rest in \
     a file without a name in $TMPDIR. If there is no room, or the output cannot be written, the run ends \
     with status 125. If the reader has gone, retry dies of SIGPIPE. A signal ends the writing.",
    "What is watched is passed on at once. If stdout or stderr cannot be written (a full disk, a terminal that hung up), \
     retry says so once, also with --quiet, and drops the rest; the command does not notice and its exit status \
     counts. If a full disk has to be the command's own failure, let it write to the file itself.",
    "A command that ends may leave a process behind that holds the pipe. It is not waited for where output is \
     held; where output is watched, it has 0.2 s. What it writes later meets a closed pipe, and SIGPIPE. Send \
     the output of a daemon to a file.",
    "Watched output is passed on as it comes, and the command is kept waiting as long as the reader of it is \
     not ready; that time counts against --timeout, but not as idle. After --deadline or a signal, the reader has \
     as long as --kill-after.",
    "Presets know a tool's messages in English: set `LC_ALL=C` for the command where another language is set. \
     What is matched is text: colours, links and cursor movements are left out, and a line ends at a carriage \
     return too.",
];

/// The paragraph of the man page above the forms of --retry-after.
pub const FORMS_OF_DEMANDS: &str = "What --retry-after understands in the output of a failed attempt, behind the marks and times that tools \
     and CI runners put in front, in quotes and braces, in colours, and in lines that a terminal has wrapped. \
     A number from 10^9 on is a point in time; a date needs its zone. What is not understood for certain is \
     left alone. Of one answer, milliseconds count more than seconds, and a demand more than the reset of a \
     limit; else the last one counts.";

/// Paragraphs of the man page.
pub const SHARED_STATE: &[&str] = &[
    "A circuit breaker and a retry budget keep many retry from making an outage worse. Every retry that gives \
     the same name, in the same --state, shares it. A breaker and a budget of one name are two things.",
    "--breaker counts failures in a row. Every failed attempt is one, the last of a run and one that timed \
     out included, but not what a stop rule matched, a permanent failure, what could not be started, or what \
     was interrupted. \
     At --breaker-failures the circuit opens: no attempt starts. A retry that has run nothing yet says so and \
     exits with 75, or runs its --fallback; one that was about to try again gives up with the status of its last \
     attempt. After --breaker-open the next attempt is a probe, and the others are still refused. If it \
     succeeds the circuit is closed; if it fails the circuit opens for twice as long, less up to a fifth, up \
     to 30 s. A probe that is killed is replaced when its lease is over: --timeout and --kill-after \
     together, at most a minute; it is renewed while the probe runs.",
    "--budget is a bucket of --budget-burst tokens, full at first. A retry takes one. A run that succeeds \
     puts --budget-ratio back, and time puts one back in a minute. Where there is none, retry gives up at \
     once with the status of the last attempt. First attempts take none and are never refused.",
    "Those who share a name should use the same settings; each applies its own. --show-state prints what \
     is shared (as JSON with --log-format json), --reset-state NAME forgets it.",
    "By default the state is in `$XDG_STATE_HOME/retry`, else `~/.local/state/retry`: a small file for each name, in \
     a directory that only this user may enter; for root, in a home of root's. A directory given with --state is \
     taken as it is, and a record in it has its group and the rights that its mode says, whatever the umask. \
     `redis://` is a Redis or Valkey server, which is asked once before each attempt and once after it. Its user needs \
     the commands EVAL, EVALSHA, GET, SET and TIME for the keys retry:*, and SCAN, GETRANGE and DEL for --show-state and \
     --reset-state, and CLUSTER SLOTS to show the state of a whole Redis cluster. Of a cluster any node may be named; \
     with Sentinel, an address that follows the primary. \
     A password on the command line is seen by everyone who can list processes. \
     `RETRY_STATE` is not, but the command inherits it.",
    "State that cannot be read, written or reached stops no command. All that one attempt asks may take 200 ms; after \
     the first error one warning says why, and the rest of the run does not use it. In the place of a server, the runs \
     of a user on one machine then share a circuit and a budget in the directory without-server of the default one. \
     This budget is one retry, and another one a minute later: a fleet that lost its budget must not retry as if it \
     had none. Where no state can be used, a run with --budget retries once; one with --breaker alone retries as \
     often as --retries says.",
];

/// The paragraph of the man page about settings.
pub const SETTINGS: &str = "Each of these variables is a flag: `RETRY_RETRIES=5` is --retries 5. Empty means \
    unset. The command line wins, also over a setting that conflicts with it, and a list on the command \
    line replaces the variable's. RETRY_ATTEMPTS is RETRY_RETRIES. RETRY_QUIET, RETRY_SILENT and RETRY_VERBOSE are 1 or \
    0. A bad value is ignored with a warning, because the variable may belong to another program; so is a variable that \
    looks like a setting and is none. With --verbose, retry says what came from the environment.";

/// The variables that others set, and their effects.
pub const SET_BY_OTHERS: &[Row] = &[
    Row {
        term: "GITHUB_ACTIONS",
        meaning: "`true` makes --ci auto write to GITHUB_STEP_SUMMARY and GITHUB_OUTPUT",
    },
    Row {
        term: "JOURNAL_STREAM",
        meaning: "if it says that stderr is the journal's, messages have a priority there",
    },
    Row {
        term: "NO_COLOR, CLICOLOR_FORCE",
        meaning: "if not empty: no colours, and colours also without a terminal; --color wins, then NO_COLOR",
    },
    Row { term: "TERM", meaning: "if not set or `dumb`: no colours and no countdown" },
    Row { term: "TMPDIR", meaning: "where held output is kept that is too much for memory" },
];

/// The variables that the command gets.
pub const SEEN_BY_THE_COMMAND: &[Row] = &[
    Row { term: "RETRY_ATTEMPT", meaning: "the number of this attempt, from 1" },
    Row { term: "RETRY_MAX_ATTEMPTS", meaning: "attempts in all, or `inf`" },
    Row {
        term: "RETRY_PREVIOUS_STATUS",
        meaning: "how the attempt before ended, as a shell shows it in `$?`; empty in the first attempt",
    },
    Row { term: "RETRY_ELAPSED", meaning: "seconds since the start, with three decimals" },
    Row { term: "RETRY_DEPTH", meaning: "how many retry are around the command; 1 unless they are nested" },
    Row {
        term: "RETRY_RUN_ID",
        meaning: "the same in all attempts of a run and in a retry inside it: a key by which a service knows a \
            request that it has seen before. Random, unless it is set; reports and logs have it as `run_id`",
    },
];

pub const SEE_ALSO: &str = "env(1), nohup(1), sh(1), timeout(1), signal(7)";

/// The width of the smallest usual terminal. Tables in the help are wrapped here, because clap does not keep their
/// columns.
const WIDTH: usize = 80;

pub const DURATION: &str =
    "A DUR is a number of seconds (0.5) or numbers with units: 500ms, 90s, 5m, 1m30s, 2h, 1d.";

/// What a SET of outcomes is, for `--help`.
const SET: &str = "A SET is a list of exit statuses (7), ranges (5-7), signals (KILL), nonzero, signal, timeout, spawn, \
    auto, and presets (curl, git, ...; see --list-presets). An RE is a regular expression for a line of the output.";

/// How many of the examples `--help` shows.
const SHOWN_EXAMPLES: usize = 7;

/// The text behind the flags in `--help`.
pub fn after_long_help() -> String {
    let mut text = String::new();
    fill(&mut text, "", 0, DURATION, WIDTH);
    fill(&mut text, "", 0, SET, WIDTH);
    text.push_str("\nEXAMPLES\n");
    for Example { what, command } in EXAMPLES.iter().take(SHOWN_EXAMPLES) {
        let _infallible = writeln!(text, "  {what}:\n      {command}");
    }
    text.push_str("\nEXIT STATUS\n");
    for Row { term, meaning } in EXIT_STATUS {
        fill(&mut text, &format!("  {term:<7}"), 9, meaning, WIDTH);
    }
    text.push_str("\nEverything else: man retry, or retry --generate man | man -l -\n");
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
        for Example { command, .. } in EXAMPLES {
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
