//! What well-known tools exit with and print when the trouble will pass. Owns the table and its sources;
//! the streams are watched by [`super::output`].
//!
//! Sources of the codes: curl's docs/libcurl/libcurl-errors and EXITCODES (its own `--retry` covers only
//! part of these), wget(1) "EXIT STATUS" (4 is every network failure), ssh(1) (255 is every error of
//! ssh's own), rsync's errcode.h, sysexits.h. The words were taken from the tools themselves, in the
//! versions named below, against a server with faults; tests/presets.rs does it again with the tools that
//! are there. They are English: a translated apt, git or wget needs `LC_ALL=C`.

use super::outcome::Outcome;
use super::output::{Seen, Side};

/// A named set of exit codes and words. Each one includes time limits.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// What is written in a set: `--retry-on curl`.
    pub name: &'static str,
    /// The codes that say enough.
    pub codes: &'static [u8],
    /// What decides where a code says too little. Empty where no stream needs watching.
    pub words: &'static [Words],
}

/// Words that mean passing trouble, together with some codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// The codes with which they count.
    pub codes: Codes,
    /// Where they are printed.
    pub side: Side,
    /// Any one of these; ASCII patterns of [`super::pattern`].
    pub patterns: &'static [&'static str],
}

/// Exit codes that say nothing on their own.
#[derive(Debug, PartialEq, Eq)]
pub enum Codes {
    /// These.
    Of(&'static [u8]),
    /// Every code but 0.
    Nonzero,
}

impl Codes {
    fn contain(&self, code: u8) -> bool {
        match self {
            Self::Of(codes) => codes.contains(&code),
            Self::Nonzero => code != 0,
        }
    }
}

impl Preset {
    /// Whether the outcome is passing trouble, given what the command printed.
    pub fn matches(&self, outcome: &Outcome, seen: &Seen) -> bool {
        match outcome {
            Outcome::TimedOut(_) => true,
            Outcome::Exited(code) => {
                self.codes.contains(code)
                    || self.words.iter().any(|words| words.codes.contain(*code) && seen.has_words(words))
            }
            Outcome::Killed(_) | Outcome::NotStarted(_) => false,
        }
    }
}

/// The HTTP statuses of passing trouble, as a pattern: 408 timeout, 429 too many requests, 500, 502, 503, 504,
/// and Cloudflare's 522 and 524, timeouts on the way to the server.
macro_rules! passing {
    () => {
        "(?:408|429|50[0234]|522|524)"
    };
}

/// All presets.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "curl",
        // 5, 6: DNS; 7: connect; 16, 92: HTTP/2; 18: partial; 28: timeout; 35: TLS connect; 52: empty
        // reply; 55, 56: send and receive; 95, 96: HTTP/3 and QUIC.
        codes: &[5, 6, 7, 16, 18, 28, 35, 52, 55, 56, 92, 95, 96],
        // 22 is every status from 400 on; curl 7.88 names it on stderr unless `-s` without `-S` hides it.
        words: &[Words {
            codes: Codes::Of(&[22]),
            side: Side::Stderr,
            patterns: &[concat!("The requested URL returned error: ", passing!(), r"\b")],
        }],
    },
    Preset {
        name: "wget",
        codes: &[4],
        // wget 1.21: `2026-11-24 08:35:21 ERROR 503: Service Unavailable.`; hidden by `-q`. The date is left
        // out of the pattern: it would be a near miss on every line of a log.
        words: &[Words {
            codes: Codes::Of(&[8]),
            side: Side::Stderr,
            patterns: &[concat!(" ERROR ", passing!(), ": ")],
        }],
    },
    Preset { name: "ssh", codes: &[255], words: &[] },
    // 10: socket I/O; 12: protocol stream; 30: timeout in data; 35: timeout on connect.
    Preset { name: "rsync", codes: &[10, 12, 30, 35], words: &[] },
    // EX_TEMPFAIL: "the user is invited to retry the operation".
    Preset { name: "tempfail", codes: &[75], words: &[] },
    Preset {
        name: "git",
        codes: &[],
        // git 2.47: everything is 128, and `fetch --all` or `pull` turn that into 1. Over HTTP the words
        // are libcurl's, over ssh those of OpenSSH. "The remote end hung up unexpectedly" and "early EOF"
        // are left out: a refused key says the former too.
        words: &[Words {
            codes: Codes::Nonzero,
            side: Side::Stderr,
            patterns: &[
                concat!(
                    "^fatal: unable to access '.*: The requested URL returned error: ",
                    passing!(),
                    r"\b"
                ),
                r"^fatal: unable to access '.*: (?:Could not resolve (?:host|proxy)|Resolving timed out|Failed to connect to |(?:Connection|Operation) timed out|Operation too slow|Empty reply from server|(?:Recv|Send) failure|transfer closed with |HTTP/2 stream |.*Connection reset by peer)",
                concat!(
                    "^error: RPC failed; (?:HTTP ",
                    passing!(),
                    r"\b|curl (?:16|18|28|52|55|56|92|95|96) )"
                ),
                // `git://`: the reason is on the lines after "fatal: unable to connect to HOST:".
                r"errno=(?:Connection (?:refused|timed out|reset by peer)|Network is unreachable|No route to host)",
                r"^fatal: unable to look up .* \((?:Name or service not known|Temporary failure in name resolution)\)",
                r"^fatal: (?:read error|packet write failed): (?:Connection (?:reset by peer|timed out)|Broken pipe)",
                r"^ssh: connect to host .*: (?:Connection (?:refused|timed out)|Network is unreachable|No route to host)",
                r"^ssh: Could not resolve hostname ",
                r"^kex_exchange_identification: ",
            ],
        }],
    },
    Preset {
        name: "apt",
        codes: &[],
        // apt 2.6: every error is 100, but `update` exits 0 with warnings (W:) when an index could not be
        // fetched for a passing reason, unless `--error-on=any` is given. A 404 is an error (E:) always.
        words: &[Words {
            codes: Codes::Of(&[0, 100]),
            side: Side::Stderr,
            patterns: &[
                concat!(r"^[EW]: Failed to fetch \S+  ", passing!(), r"\b"),
                r"^[EW]: Failed to fetch \S+  (?:Connection (?:failed|timed out)|Could not (?:connect to|resolve) |Cannot initiate the connection to |Unable to connect to |Temporary failure resolving |Error reading from server|Undetermined Error)",
                // Another apt is at work.
                r"^E: Could not get lock .*(?:It is held by process |Resource temporarily unavailable)",
            ],
        }],
    },
    Preset {
        name: "pip",
        codes: &[],
        // pip 23.2 and 26.3: 1, or 2 after a traceback. A failing index is "No matching distribution", as a
        // package that is not there; only the warning before the last retry of pip's own tells them apart,
        // so nothing does under `--retries 0`, and nothing ever does for an HTTP status of the index.
        words: &[Words {
            codes: Codes::Nonzero,
            side: Side::Stderr,
            patterns: &[
                r"^WARNING: Retrying \(Retry\(total=0, .* after connection broken by '(?:NewConnection|NameResolution|ConnectTimeout|ReadTimeout|Protocol|ConnectionReset)Error\(",
                r"^WARNING: Retrying \(Retry\(total=0, .* after connection broken by 'RemoteDisconnected\(",
                r": Max retries exceeded with url: .*\(Caused by (?:(?:NewConnection|NameResolution|ConnectTimeout|ReadTimeout|Protocol)Error\(|ResponseError\('too many (?:429|50[0234]) )",
                concat!("^ *ERROR: HTTP error ", passing!(), " while getting "),
                r"ReadTimeoutError: .*: Read timed out\.",
                r"Failed to connect to \S+ while fetching ",
                r" didn't respond within [0-9.]+ seconds$",
            ],
        }],
    },
    Preset {
        name: "npm",
        codes: &[],
        // npm 11.19; before 10 the prefix was `npm ERR!`. The code is on a line of its own.
        words: &[Words {
            codes: Codes::Nonzero,
            side: Side::Stderr,
            patterns: &[
                concat!("^npm (?:error|ERR!) code E", passing!(), "$"),
                r"^npm (?:error|ERR!) code (?:ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH)$",
                r"^npm (?:error|ERR!) network timeout at: ",
            ],
        }],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::output::{Stream, Watcher, Watchlist};
    use crate::core::signal::Signal;

    fn preset(name: &str) -> &'static Preset {
        PRESETS.iter().find(|preset| preset.name == name).unwrap()
    }

    fn passing(name: &str, code: u8, stderr: &str) -> bool {
        let preset = preset(name);
        let list = Watchlist::new(Vec::new(), [preset]).unwrap();
        let mut watcher = Watcher::new(&list, Stream::Stderr);
        watcher.feed(stderr.as_bytes());
        preset.matches(&Outcome::Exited(code), &watcher.finish())
    }

    #[test]
    fn every_pattern_compiles_and_none_matches_an_empty_line() {
        for preset in PRESETS {
            let list = Watchlist::new(Vec::new(), [preset]).unwrap();
            for stream in [Stream::Stdout, Stream::Stderr] {
                let mut watcher = Watcher::new(&list, stream);
                watcher.feed(b"\n");
                assert_eq!(watcher.finish(), Seen::default(), "{}", preset.name);
            }
        }
    }

    #[test]
    fn a_code_that_says_enough_needs_no_words_and_the_others_do() {
        assert!(passing("curl", 28, ""));
        assert!(!passing("curl", 22, ""));
        assert!(!passing("curl", 22, "curl: (22) The requested URL returned error: 404\n"));
        assert!(!passing("curl", 22, "curl: (22) The requested URL returned error: 5031\n"));
        assert!(passing("curl", 22, "0:01\r curl: (22) The requested URL returned error: 503\n"));
        assert!(passing("curl", 22, "* The requested URL returned error: 503 Service Unavailable\r\n"));
        assert!(!passing("curl", 23, "curl: (22) The requested URL returned error: 503\n"));
        assert!(!passing("git", 0, "fatal: unable to access 'http://x/': Empty reply from server\n"));
        assert!(passing("git", 1, "fatal: unable to access 'http://x/': Empty reply from server\n"));
    }

    #[test]
    fn words_that_the_faults_of_a_test_server_do_not_bring_about() {
        for (name, stderr, expected) in [
            ("git", "ssh: connect to host h port 22: Connection refused\n", true),
            ("git", "error: RPC failed; HTTP 503 curl 22 The requested URL returned error: 503\n", true),
            (
                "git",
                "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\n",
                true,
            ),
            ("git", "error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413\n", false),
            (
                "git",
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
                false,
            ),
            ("npm", "npm ERR! code EAI_AGAIN\n", true),
            ("npm", "npm error code ERESOLVE\n", false),
            ("npm", "npm error code E5030\n", false),
            (
                "pip",
                "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'ProtocolError('x')'\n",
                false,
            ),
            (
                "pip",
                "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'SSLError(SSLCertVerificationError(1))'\n",
                false,
            ),
        ] {
            assert_eq!(passing(name, 1, stderr), expected, "{name}: {stderr}");
        }
    }

    #[test]
    fn only_an_exit_or_a_time_limit_is_passing_trouble() {
        let seen = Seen::default();
        assert!(!preset("ssh").matches(&Outcome::Killed(Signal::SIGKILL), &seen));
        assert!(preset("ssh").matches(&Outcome::Exited(255), &seen));
    }
}
