//! The forms in which servers say when to come back: one table, which the scanner reads by and the manual
//! prints. Each row has its source and an example, which is its test.
//!
//! A form that is new is a new row. Field names are written without dashes, underscores and capitals, all of
//! which servers and tools mix.

/// One form.
#[derive(Debug)]
pub struct Form {
    /// As the manual shows it.
    pub looks: &'static str,
    /// What it asks for, as the manual says it.
    pub means: &'static str,
    /// Who documents it, or where it was seen.
    pub source: &'static str,
    /// An output of a failed attempt that has it.
    pub example: &'static str,
    /// What the example asks for.
    pub gives: Gives,
    /// How it is read.
    pub(super) reading: Reading,
}

/// What an example asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gives {
    /// To wait so many seconds, when it is Tue, 24 Nov 2026 08:00:00 GMT.
    Seconds(f64),
    /// To stop.
    Exhausted,
}

/// How a form is read.
#[derive(Debug)]
pub(super) enum Reading {
    /// A field with one of these names, in a header, an object or a log.
    Field { names: &'static [&'static str], number: Number },
    /// The family of `RateLimit-Remaining` and `RateLimit-Reset`, each with a name for what is limited.
    Limits,
    /// One header for all limits, `RateLimit`.
    Limit,
    /// One of these phrases, with a time behind it.
    Phrase { leads: &'static [Lead] },
    /// A line that has one of each of these groups of words.
    Words { groups: &'static [&'static [&'static str]], says: &'static str, if_timed: IfTimed },
}

/// What a number without a unit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Seconds,
    Milliseconds,
    Minutes,
    /// Nothing: the same name is used for settings of a tool.
    Nothing,
}

/// Words before a time.
#[derive(Debug)]
pub(super) struct Lead {
    /// As they stand, in lower case.
    pub words: &'static str,
    /// What has to follow before the time; one of these.
    pub joins: &'static [&'static str],
    /// What makes it a demand of the server and not a remark of the tool.
    pub when: When,
}

/// When a phrase is a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Always.
    Always,
    /// Always; and a number without a unit is one of seconds.
    InSeconds,
    /// When it begins a sentence or follows a word such as `please`, or the line speaks of a limit.
    Requested,
    /// When it begins a sentence, and the line speaks of a limit; or after `please`.
    AskedAndLimited,
    /// When it tells to wait *before* something, or the line speaks of a limit.
    Before,
    /// When the line says that a limit was passed.
    Exceeded,
}

/// What words of exhaustion mean in a line that also has a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfTimed {
    /// They win: the time is that of another limit.
    Stop,
    /// The time is when the quota is there again.
    Wait,
}

use Gives::{Exhausted, Seconds};
use Reading::{Field, Limit, Limits, Phrase, Words};

/// Between a phrase and a time.
const IN_AFTER: &[&str] = &["in", "after", "at", "on"];

/// The table.
pub const FORMS: &[Form] = &[
    Form {
        looks: "Retry-After: 120",
        means: "seconds, an HTTP date, or a number with its unit",
        source: "RFC 9110, 10.2.3; with `X-` Docker Hub; also as a member of JSON and other objects",
        example: "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\n\r\n",
        gives: Seconds(120.0),
        reading: Field {
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
        looks: "retry-after-ms: 1500",
        means: "milliseconds; it is more exact than a Retry-After beside it",
        source: "Azure (x-ms-retry-after-ms), OpenAI, AWS (x-amz-retry-after)",
        example: "Retry-After: 2\nretry-after-ms: 1500\n",
        gives: Seconds(1.5),
        reading: Field {
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
        looks: "\"retryAfterMinutes\": 5",
        means: "minutes",
        source: "bodies of APIs behind login limiters",
        example: "{\"error\":\"Too many login attempts\",\"retryAfterMinutes\":5}",
        gives: Seconds(300.0),
        reading: Field { names: &["retryafterminutes", "retryaftermins"], number: Number::Minutes },
    },
    Form {
        looks: "\"retryDelay\": \"39s\"",
        means: "a number with its unit",
        source: "google.rpc.RetryInfo in JSON",
        example: "      \"retryDelay\": \"39s\"",
        gives: Seconds(39.0),
        reading: Field { names: &["retrydelay"], number: Number::Nothing },
    },
    Form {
        looks: "x-ratelimit-reset: 1795507260",
        means: "with x-ratelimit-remaining: 0. Seconds, an epoch in seconds or milliseconds, a date, or 6m0s. \
            One name for several limits (x-ratelimit-reset-tokens, anthropic-ratelimit-requests-reset): \
            the one that is exhausted; with or without `X-`, as x-rate-limit-reset as well",
        source: "GitHub, Reddit, Atlassian, OpenAI, Anthropic, Discord (x-ratelimit-reset-after), \
            Azure (x-ms-user-quota-resets-after)",
        example: "< HTTP/2 403\n< x-ratelimit-remaining: 0\n< x-ratelimit-reset: 1795507260\n<\n",
        gives: Seconds(60.0),
        reading: Limits,
    },
    Form {
        looks: "RateLimit: limit=100, remaining=0, reset=50",
        means: "seconds, with nothing remaining; also RateLimit: \"api\";r=0;t=50",
        source: "draft-ietf-httpapi-ratelimit-headers, 07 and 08",
        example: "HTTP/1.1 429 x\nRateLimit: \"burst\";r=100;t=60, \"api\";r=0;t=55\n",
        gives: Seconds(55.0),
        reading: Limit,
    },
    Form {
        looks: "try again in 1m30s",
        means: "a time with its unit, or a date with its zone",
        source: "OpenAI, Homebrew, crates.io (after a date), express-rate-limit (after 15 minutes)",
        example: "Error: Rate limit reached for gpt-4. Please try again in 1 hour and 30 minutes.",
        gives: Seconds(5400.0),
        reading: Phrase {
            leads: &[
                Lead { words: "again", joins: IN_AFTER, when: When::Requested },
                Lead { words: "come back", joins: IN_AFTER, when: When::Requested },
                Lead { words: "check back", joins: IN_AFTER, when: When::Requested },
            ],
        },
    },
    Form {
        looks: "retry after 20 seconds",
        means: "the same; also please retry in 20s",
        source: "Azure, Let's Encrypt (after a date), Gemini (please retry in), go-github ([retry after 1m0s])",
        example: "Requests have exceeded call rate limit. Please retry after 20 seconds.",
        gives: Seconds(20.0),
        reading: Phrase {
            leads: &[
                Lead { words: "retry", joins: &["after"], when: When::Requested },
                Lead { words: "retry", joins: &["in", "at"], when: When::AskedAndLimited },
                Lead { words: "retried", joins: &["in", "after", "at"], when: When::AskedAndLimited },
            ],
        },
    },
    Form {
        looks: "Too Many Requests: retry after 35",
        means: "seconds; also FLOOD_WAIT_35",
        source: "Telegram",
        example: "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 35\"}",
        gives: Seconds(35.0),
        reading: Phrase {
            leads: &[
                Lead { words: "too many requests: retry after", joins: &[""], when: When::InSeconds },
                Lead { words: "flood_wait_", joins: &[""], when: When::InSeconds },
            ],
        },
    },
    Form {
        looks: "wait 30 seconds before retrying",
        means: "a time with its unit",
        source: "many APIs; reddit (take a break for), Telethon (a wait of), Django REST framework \
            (expected available in), Supabase (only request this after)",
        example: "Rate limit exceeded, please wait 30 seconds before retrying.",
        gives: Seconds(30.0),
        reading: Phrase {
            leads: &[
                Lead { words: "wait", joins: &["for", ""], when: When::Before },
                Lead { words: "wait of", joins: &[""], when: When::Before },
                Lead { words: "take a break", joins: &["for"], when: When::Before },
                Lead { words: "expected available", joins: &["in"], when: When::Always },
                Lead { words: "only request this", joins: &["after"], when: When::Always },
            ],
        },
    },
    Form {
        looks: "rate limit exceeded. [rate reset in 14m32s]",
        means: "the same, when a limit is said to be passed; also a date or an epoch behind until",
        source: "go-github; Gemini CLI (your quota will reset after); Binance (banned until)",
        example: "403 API rate limit exceeded for 203.0.113.1. [rate reset in 14m32s]",
        gives: Seconds(872.0),
        reading: Phrase {
            leads: &[
                Lead { words: "reset", joins: IN_AFTER, when: When::Exceeded },
                Lead { words: "resets", joins: IN_AFTER, when: When::Exceeded },
                Lead { words: "available", joins: &["in", "at", "after"], when: When::Exceeded },
                Lead { words: "exceeded", joins: &["until"], when: When::Exceeded },
                Lead { words: "limited", joins: &["until"], when: When::Exceeded },
                Lead { words: "blocked", joins: &["until"], when: When::Exceeded },
                Lead { words: "banned", joins: &["until"], when: When::Exceeded },
            ],
        },
    },
    Form {
        looks: "insufficient_quota",
        means: "stop",
        source: "OpenAI",
        example: "{\"code\": \"insufficient_quota\"}\ntry again in 1s",
        gives: Exhausted,
        reading: Words {
            groups: &[&["insufficient_quota"]],
            says: "insufficient_quota",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        looks: "\"quotaId\": \"...PerDay...\"",
        means: "stop; also quota_limit, and a daily quota or limit that is exceeded",
        source: "google.rpc.QuotaFailure and ErrorInfo, which have a retryDelay all the same",
        example: "\"quotaId\": \"GenerateRequestsPerDayPerProject-FreeTier\"\n\"retryDelay\": \"39s\"",
        gives: Exhausted,
        reading: Words {
            groups: &[&["quotaid", "quota_id", "quota_limit", "quotalimit"], &["perday", "per_day"]],
            says: "a quota of the day",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        looks: "daily quota exceeded",
        means: "stop, unless a time is named with it",
        source: "Google APIs (dailyLimitExceeded), Gemini CLI, Resend, OpenRouter (free-models-per-day)",
        example: "[API Error: You have exhausted your daily quota on this model.]",
        gives: Exhausted,
        reading: Words {
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
            says: "a quota of the day",
            if_timed: IfTimed::Wait,
        },
    },
    Form {
        looks: "reached your pull rate limit",
        means: "stop",
        source: "Docker Hub, whose limit is of hours",
        example: "toomanyrequests: You have reached your pull rate limit.",
        gives: Exhausted,
        reading: Words {
            groups: &[&["pull rate limit"], &["reached", "exceeded", "too many", "toomany"]],
            says: "pull rate limit",
            if_timed: IfTimed::Stop,
        },
    },
    Form {
        looks: "credit balance is too low",
        means: "stop; also billing_hard_limit_reached and the quota of a month",
        source: "Anthropic, OpenAI, Resend, Hugging Face",
        example: "Your credit balance is too low to access the API.",
        gives: Exhausted,
        reading: Words {
            groups: &[&[
                "credit balance is too low",
                "billing_hard_limit_reached",
                "monthly_quota_exceeded",
                "exceeded your monthly included credits",
            ]],
            says: "a limit of money",
            if_timed: IfTimed::Stop,
        },
    },
];
