//! What differs by platform: a table of the man page. Each line holds by a test, or says that it is untested. Nothing is
//! tested on FreeBSD, and on macOS only what the CI's machine runs.

/// One difference. No text has a full stop at its end.
#[derive(Debug)]
pub struct Difference {
    pub what: &'static str,
    pub linux: &'static str,
    /// On macOS and FreeBSD.
    pub bsd: &'static str,
    pub windows: &'static str,
}

/// The paragraph above the table.
pub const INTRODUCTION: &str = "Other sections describe Linux. `Untested` marks what retry's tests do not cover. On macOS and \
    FreeBSD, they cover nothing in this table.";

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        what: "What a time limit ends",
        linux: "every process that the attempt started, also in another process group or session",
        bsd: "the command's process group if there is no controlling terminal, else the command alone",
        windows: "every process that the attempt started: each attempt has a job object",
    },
    Difference {
        what: "How a time limit ends it",
        linux: "--timeout-signal, and SIGKILL after --kill-after",
        bsd: "as on Linux",
        windows: "Ctrl-Break for the command's console group (untested), and TerminateJobObject after --kill-after. \
                  --timeout-signal is a usage error",
    },
    Difference {
        what: "Exit statuses",
        linux: "0 to 255",
        bsd: "as on Linux",
        windows: "0 to 4294967295, also in sets, --flaky-exit, logs, reports and variables. Sets and --flaky-exit also take \
                  the hexadecimal form and the negative one that cmd and PowerShell show: `0xC0000005` and \
                  `-1073741819` are 3221225477",
    },
    Difference {
        what: "Signals",
        linux: "if the command dies of a signal, retry dies of the same; a set can have `signal` and names of signals",
        bsd: "as on Linux",
        windows: "there are none, and such an item is a usage error. 0xC000013A means that Ctrl-C ended the command: retry \
                  does not retry it",
    },
    Difference {
        what: "Interruptions",
        linux: "retry forwards HUP, INT, QUIT, TERM and others, and no attempt follows",
        bsd: "as on Linux",
        windows: "after Ctrl-C, Ctrl-Break, the closing of the console or the end of the session no attempt follows; \
                  retry ends with the command's code, else with 0xC000013A. The command leads a console group of its \
                  own, which ignores Ctrl-C, so it gets a Ctrl-Break instead; the other three reach it by themselves. \
                  Three Ctrl-C within 2s end the whole process tree. (Untested, except for Ctrl-C)",
    },
    Difference {
        what: "Stopping (Ctrl-Z)",
        linux: "retry stops and continues with the command",
        bsd: "as on Linux",
        windows: "does not exist",
    },
    Difference {
        what: "The command of a retry that dies",
        linux: "gets --timeout-signal",
        bsd: "goes on",
        windows: "is ended with its process tree",
    },
    Difference {
        what: "Hooks",
        linux: "run with `sh -c`",
        bsd: "as on Linux",
        windows: "run with `cmd /D /S /C`",
    },
    Difference {
        what: "What can be a command",
        linux: "a program, or a script with a `#!` line",
        bsd: "as on Linux",
        windows: "a program, or a `.cmd` or `.bat` file, named with or without the ending. Other scripts need their \
                  interpreter, builtins need `cmd /c`, cmdlets need `powershell -Command`. What follows `cmd /c` is \
                  passed on as a line for cmd",
    },
    Difference {
        what: "Shared state",
        linux: "in `$XDG_STATE_HOME/retry`, else `~/.local/state/retry`; locked with flock(2); in a directory of --state, a \
                record has the group and permissions of the directory",
        bsd: "as on Linux",
        windows: r"in `%LOCALAPPDATA%\retry`; locked with LockFileEx; a record has the permissions that its directory gives",
    },
    Difference {
        what: "Sockets of the machine",
        linux: "--log `journald` and `syslog`, --state `redis+unix://`",
        bsd: "as on Linux, except `journald`",
        windows: "each of them is a usage error",
    },
    Difference {
        what: "Reports",
        linux: "a replaced file keeps its mode and owner; links of other users in /tmp are not followed",
        bsd: "as on Linux",
        windows: "a replaced file has the permissions that its directory gives; if another program has it open \
                  exclusively, that is an error (untested)",
    },
    Difference {
        what: "Held output that is too much for memory",
        linux: "in a file without a name in `$TMPDIR`",
        bsd: "in a file in `$TMPDIR` whose name is removed at once",
        windows: "in a file in `%TEMP%` that nobody else can open and that Windows removes when retry ends",
    },
    Difference {
        what: "Held output whose reader has gone",
        linux: "retry dies of SIGPIPE",
        bsd: "as on Linux",
        windows: "retry exits with 141 (untested)",
    },
    Difference {
        what: "The terminal",
        linux: "`TERM` decides whether there are colours and a countdown",
        bsd: "as on Linux",
        windows: "there are if the console understands escape sequences (since Windows 10) and `TERM` is not \
                  `dumb` (untested)",
    },
];
