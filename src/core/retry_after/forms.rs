//! The forms in which servers say when to come back: one table, which the parser reads and the man page prints. Each row
//! has its source and an example, which is its test.
//!
//! A new form is a new row. The names of fields are written without dashes, underscores and capitals, because servers
//! and tools mix them.

#[derive(Debug)]
pub struct Form {
    /// The form as the man page shows it.
    pub shown: &'static str,
    /// Its meaning, for the man page.
    pub meaning: &'static str,
    /// Its documentation, or where it was seen.
    pub source: &'static str,
    /// The output of a failed attempt with this form.
    pub example: &'static str,
    pub expected: Expected,
    pub(super) kind: FormKind,
}

/// The hint in an example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// A delay of this many seconds, on Tue, 24 Nov 2026 08:00:00 GMT.
    Seconds(f64),
    /// Waiting does not help.
    Exhausted,
}

/// How a form is parsed.
#[derive(Debug)]
pub(super) enum FormKind {
    /// A field with one of these names, in a header, an object or a log.
    Field { names: &'static [&'static str], number: Number },
    /// `RateLimit-Remaining` and `RateLimit-Reset`, with or without the name of the limit.
    Limits,
    /// One header for all limits, `RateLimit`.
    Limit,
    /// One of these phrases, followed by a time.
    Phrase { leads: &'static [Lead] },
    /// A line with a word of each group.
    Words { groups: &'static [&'static [&'static str]], name: &'static str, if_timed: IfTimed },
}

/// The unit of a number without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Seconds,
    Milliseconds,
    Minutes,
    /// Unknown, so the number is ignored: tools have settings of the same name.
    Unknown,
}

/// The words before a time.
#[derive(Debug)]
pub(super) struct Lead {
    /// In lower case.
    pub words: &'static str,
    /// One of these has to stand between the words and the time.
    pub joins: &'static [&'static str],
    /// What tells a demand of the server from a remark of the tool.
    pub when: DemandIf,
}

/// When a phrase is a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DemandIf {
    /// Always.
    Always,
    /// Always, and a number without a unit is in seconds.
    InSeconds,
    /// If it begins a sentence or follows a word such as `please`, or the line mentions a limit.
    Requested,
    /// If it begins a sentence and the line mentions a limit, or after `please`.
    RequestedAndLimited,
    /// If it asks to wait *before* something, or the line mentions a limit.
    Before,
    /// If the line says that a limit was exceeded.
    Exceeded,
}

/// What counts in a line that says that a quota is exhausted and also has a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfTimed {
    /// The quota: the time belongs to another limit.
    Stop,
    /// The time: the quota is available again then.
    Wait,
}

use Expected::{Exhausted, Seconds};
use FormKind::{Field, Limit, Limits, Phrase, Words};

const IN_AFTER: &[&str] = &["in", "after", "at", "on"];

pub const FORMS: &[Form] = &[
    Form {
        shown: "Retry-After: 120",
        meaning: "seconds, an HTTP date, or a number with its unit",
        source: "RFC 9110, section 10.2.3; Docker Hub, with an `X-` prefix; JSON and similar objects, as a key",
        example: "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\n\r\n",
        expected: Seconds(120.0),
        kind: Field {
            names: &[
                "retryafter",
                "xretryafter",
                "xratelimitretryafter",
                "ratelimitretryafter",
                "retryafterseconds",
                "retryaftersecs",
                "retryafterinseconds",
                "retryafters",
                "retryaftersec",
                "xratelimitretryafterseconds",
                "retryinseconds",
                "resetsinseconds",
                "resetinseconds",
            ],
            number: Number::Seconds,
        },
    },
    Form {
        shown: "retry-after-ms: 1500",
        meaning: "milliseconds; takes precedence over Retry-After",
        source: "Azure (x-ms-retry-after-ms), OpenAI, AWS (x-amz-retry-after)",
        example: "Retry-After: 2\nretry-after-ms: 1500\n",
        expected: Seconds(1.5),
        kind: Field {
            names: &[
                "retryafterms",
                "xmsretryafterms",
                "xamzretryafter",
                "retryaftermillis",
                "retryaftermilliseconds",
                "xratelimitretryafterms",
                "xratelimitretryaftermilliseconds",
            ],
            number: Number::Milliseconds,
        },
    },
    Form {
        shown: "\"retryAfterMinutes\": 5",
        meaning: "minutes",
        source: "bodies of APIs with login rate limits",
        example: "{\"error\":\"Too many login attempts\",\"retryAfterMinutes\":5}",
        expected: Seconds(300.0),
        kind: Field { names: &["retryafterminutes", "retryaftermins"], number: Number::Minutes },
    },
    Form {
        shown: "\"retryDelay\": \"39s\"",
        meaning: "a number with its unit",
        source: "google.rpc.RetryInfo in JSON",
        example: "      \"retryDelay\": \"39s\"",
        expected: Seconds(39.0),
        kind: Field { names: &["retrydelay"], number: Number::Unknown },
    },
    Form {
        shown: "x-ratelimit-reset: 1795507260",
        meaning: "if x-ratelimit-remaining is 0: seconds, a Unix timestamp in seconds or milliseconds, a date, or 6m0s; \
            also without `X-`, and as x-rate-limit-reset. If there are several limits (x-ratelimit-reset-tokens, \
            anthropic-ratelimit-requests-reset), the exhausted one counts",
        source: "GitHub, Reddit, Atlassian, OpenAI, Anthropic, Discord (x-ratelimit-reset-after), \
            Azure (x-ms-user-quota-resets-after)",
        example: "< HTTP/2 403\n< x-ratelimit-remaining: 0\n< x-ratelimit-reset: 1795507260\n<\n",
        expected: Seconds(60.0),
        kind: Limits,
    },
    Form {
        shown: "RateLimit: limit=100, remaining=0, reset=50",
        meaning: "seconds, if remaining is 0; also RateLimit: \"api\";r=0;t=50",
        source: "draft-ietf-httpapi-ratelimit-headers, 07 and 08",
        example: "HTTP/1.1 429 x\nRateLimit: \"burst\";r=100;t=60, \"api\";r=0;t=55\n",
        expected: Seconds(55.0),
        kind: Limit,
    },
    Form {
        shown: "try again in 1m30s",
        meaning: "a time with its unit, or a date with its zone",
        source: "OpenAI, Homebrew, crates.io (after a date), express-rate-limit (after 15 minutes)",
        example: "Error: Rate limit reached for gpt-4. Please try again in 1 hour and 30 minutes.",
        expected: Seconds(5400.0),
        kind: Phrase {
            leads: &[
                Lead { words: "again", joins: IN_AFTER, when: DemandIf::Requested },
                Lead { words: "come back", joins: IN_AFTER, when: DemandIf::Requested },
                Lead { words: "check back", joins: IN_AFTER, when: DemandIf::Requested },
            ],
        },
    },
    Form {
        shown: "retry after 20 seconds",
        meaning: "a time with its unit, or a date with its zone; also please retry in 20s",
        source: "Azure, Let's Encrypt (after a date), Gemini (please retry in), go-github (retry after 1m0s)",
        example: "Requests have exceeded call rate limit. Please retry after 20 seconds.",
        expected: Seconds(20.0),
        kind: Phrase {
            leads: &[
                Lead { words: "retry", joins: &["after"], when: DemandIf::Requested },
                Lead { words: "retry", joins: &["in", "at"], when: DemandIf::RequestedAndLimited },
                Lead { words: "retried", joins: &["in", "after", "at"], when: DemandIf::RequestedAndLimited },
            ],
        },
    },
    Form {
        shown: "Too Many Requests: retry after 35",
        meaning: "seconds; also FLOOD_WAIT_35",
        source: "Telegram",
        example: "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 35\"}",
        expected: Seconds(35.0),
        kind: Phrase {
            leads: &[
                Lead { words: "too many requests: retry after", joins: &[""], when: DemandIf::InSeconds },
                Lead { words: "flood_wait_", joins: &[""], when: DemandIf::InSeconds },
            ],
        },
    },
    Form {
        shown: "wait 30 seconds before retrying",
        meaning: "a time with its unit",
        source: "many APIs; reddit (take a break for), Telethon (a wait of), Django REST framework \
            (expected available in), Supabase (only request this after)",
        example: "Rate limit exceeded, please wait 30 seconds before retrying.",
        expected: Seconds(30.0),
        kind: Phrase {
            leads: &[
                Lead { words: "wait", joins: &["for", ""], when: DemandIf::Before },
                Lead { words: "wait of", joins: &[""], when: DemandIf::Before },
                Lead { words: "take a break", joins: &["for"], when: DemandIf::Before },
                Lead { words: "expected available", joins: &["in"], when: DemandIf::Always },
                Lead { words: "only request this", joins: &["after"], when: DemandIf::Always },
            ],
        },
    },
    Form {
        shown: "rate limit exceeded. [rate reset in 14m32s]",
        meaning: "a time with its unit, if the line says that a limit was exceeded; also a date or a Unix timestamp after \
            \"until\"",
        source: "go-github; Gemini CLI (your quota will reset after); Binance (banned until)",
        example: "403 API rate limit exceeded for 203.0.113.1. [rate reset in 14m32s]",
        expected: Seconds(872.0),
        kind: Phrase {
            leads: &[
                Lead { words: "reset", joins: IN_AFTER, when: DemandIf::Exceeded },
                Lead { words: "resets", joins: IN_AFTER, when: DemandIf::Exceeded },
                Lead { words: "available", joins: &["in", "at", "after"], when: DemandIf::Exceeded },
                Lead { words: "exceeded", joins: &["until"], when: DemandIf::Exceeded },
                Lead { words: "limited", joins: &["until"], when: DemandIf::Exceeded },
                Lead { words: "blocked", joins: &["until"], when: DemandIf::Exceeded },
                Lead { words: "banned", joins: &["until"], when: DemandIf::Exceeded },
            ],
        },
    },
    Form {
        shown: "insufficient_quota",
        meaning: "stop",
        source: "OpenAI",
        example: "{\"code\": \"insufficient_quota\"}\ntry again in 1s",
        expected: Exhausted,
        kind: Words {
            groups: &[&["insufficient_quota"]],
            name: "insufficient_quota",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        shown: "\"quotaId\": \"...PerDay...\"",
        meaning: "stop; also quota_limit",
        source: "google.rpc.QuotaFailure and ErrorInfo, whose retryDelay is ignored",
        example: "\"quotaId\": \"GenerateRequestsPerDayPerProject-FreeTier\"\n\"retryDelay\": \"39s\"",
        expected: Exhausted,
        kind: Words {
            groups: &[&["quotaid", "quota_id", "quota_limit", "quotalimit"], &["perday", "per_day"]],
            name: "daily quota",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        shown: "daily quota exceeded",
        meaning: "stop, unless the line also gives a time",
        source: "Google APIs (dailyLimitExceeded), Gemini CLI, Resend, OpenRouter (free-models-per-day)",
        example: "[API Error: You have exhausted your daily quota on this model.]",
        expected: Exhausted,
        kind: Words {
            groups: &[
                &[
                    "daily quota",
                    "daily limit",
                    "daily request limit",
                    "dailylimit",
                    "daily_quota",
                    "daily_limit",
                    "per day",
                    "per-day",
                    "perday",
                ],
                &["quota", "limit"],
                &["exceeded", "exhausted", "used up", "reached your", "reached the"],
            ],
            name: "daily quota",
            if_timed: IfTimed::Wait,
        },
    },
    Form {
        shown: "reached your pull rate limit",
        meaning: "stop",
        source: "Docker Hub, whose limit lasts for hours",
        example: "toomanyrequests: You have reached your pull rate limit.",
        expected: Exhausted,
        kind: Words {
            groups: &[&["pull rate limit"], &["reached", "exceeded", "too many", "toomany"]],
            name: "pull rate limit",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        shown: "credit balance is too low",
        meaning: "stop; also billing_hard_limit_reached and monthly quotas",
        source: "Anthropic, OpenAI, Resend, Hugging Face",
        example: "Your credit balance is too low to access the API.",
        expected: Exhausted,
        kind: Words {
            groups: &[&[
                "credit balance is too low",
                "billing_hard_limit_reached",
                "monthly_quota_exceeded",
                "exceeded your monthly included credits",
            ]],
            name: "spending limit",
            if_timed: IfTimed::Stop,
        },
    },
];
