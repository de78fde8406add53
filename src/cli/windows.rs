//! What the command line offers on Windows, where it differs. The man page describes it in [`super::differences`].

use super::texts::Example;

/// The flags that cannot do anything there.
pub const UNSUPPORTED_FLAGS: &[&str] = &["--timeout-signal"];

/// Good values of flags.
pub const VALUES: &[(&str, &str)] = &[
    ("--before-retry", "clean-up.cmd"),
    ("--fallback", "cached.cmd"),
    ("--generate", "text"),
    ("--log", "retry.log"),
    ("--retry-if", "findstr timeout"),
    ("--retry-on", "7,28,0xC0000005,timeout"),
    ("--state", r"C:\ProgramData\retry"),
];

/// The line of a flag in `-h` and `--help`.
pub const HELP: &[(&str, &str)] = &[
    ("--kill-after", "Time between Ctrl-Break and the end of the process tree [default: 10]"),
    ("--retry-if", "Line for cmd that decides whether to retry"),
    ("--before-retry", "Line for cmd to run before each retry"),
    ("--fallback", "Line for cmd to run when retry gives up"),
    ("--log", "Where messages go: stderr or a file"),
];

/// The text after the flags in `-h`.
pub const AFTER_SHORT: &str = "\
Durations: 0.5 (seconds), 500ms, 1m30s. SET: 7, 5-7, 0xC0000005, curl, ...
Exit status: the command's; 75 circuit open, 124 timed out, 125 usage error,
126/127 cannot run. More options and examples: retry --help,
retry --generate text | more";

/// What a SET of outcomes is, for `--help`.
pub const SET: &str = "A SET is a list of exit statuses (7, 0xC0000005, -1073741819), ranges (5-7), nonzero, timeout, spawn, auto, \
    and presets (curl, git, ...; see --list-presets). An RE is a regular expression for a line of the output.";

/// Where the rest is described.
pub const REST: &str = "Everything else: retry --generate text | more";

/// The examples of `--help`. `retry` runs programs and batch files by itself.
pub const EXAMPLES: &[Example] = &[
    Example {
        what: "Three attempts, about half a second and two seconds apart",
        command: "retry -- curl -fsS https://example.com/api",
    },
    Example {
        what: "Ten attempts of at most 30s each, at most 5m in total",
        command: r"retry --retries 10 --timeout 30 --deadline 5m -- .\flaky-test",
    },
    Example {
        what: "Retry only curl's transient failures",
        command: "retry --retry-on curl -- curl -fsS https://example.com/api",
    },
    Example {
        what: "A builtin of cmd, a pipe, or two commands",
        command: r#"retry -- cmd /c "copy \\server\share\data.zip . && tar xf data.zip""#,
    },
    Example {
        what: "A cmdlet of PowerShell",
        command: r#"retry -- powershell -Command "Restart-Service Spooler""#,
    },
    Example {
        what: "A list of delays: 0.5s, 2s and 5s, each plus or minus up to 0.3s",
        command: r"retry --retries 4 --delays 0.5,2,5 --jitter +-0.3 -- .\deploy",
    },
    Example {
        what: "Retry a crash (access violation), and nothing else",
        command: r"retry --retry-on 0xC0000005 -- .\flaky-test",
    },
    Example {
        what: "In a pipeline: each attempt reads the same input, and only the last one's output goes on",
        command: r"retry --stdin replay -O -- .\convert",
    },
];
