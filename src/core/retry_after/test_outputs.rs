//! Outputs of tools by kind, for tests: those with a demand of a server, and those that only look like one.

/// Outputs of failed attempts, by kind, and the seconds that their server asked for.
pub const DEMANDS_OF_TOOLS: &[(&str, f64)] = &[
    // Headers, with the marks of tools.
    ("< HTTP/2 429 \r\n< retry-after: 30\r\n< \r\n", 30.0),
    ("08:00:00.123 http.c:872              <= Recv header: Retry-After: 7\n", 7.0),
    ("== Info: x\n<= Recv header, 16 bytes (0x10)\n0000: Retry-After: 8\n", 8.0),
    (
        "I1124 08:00:00.9     625 round_trippers.go:577] Response Headers:\nI1124 08:00:00.9     625 \
      round_trippers.go:580]     Retry-After: 9\n",
        9.0,
    ),
    ("[ 0.012] recv (stream_id=13) :status: 429\n[ 0.012] recv (stream_id=13) retry-after: 30\n", 30.0),
    ("reply: 'HTTP/1.1 429 Too Many Requests\\r\\n'\nheader: Retry-After: 13\n", 13.0),
    (
        "2016/11/04 17:13:09 [DEBUG] plugin: terraform: HTTP/1.1 429\n2016/11/04 17:13:09 [DEBUG] plugin: \
      terraform: Retry-After: 17\n",
        17.0,
    ),
    ("2026-11-24T08:00:00.1234567Z Retry-After: 12\n", 12.0),
    ("api_1  | < retry-after: 12\n", 12.0),
    (
        "  0     0    0     0    0     0 --:--:-- --:--:--     0< HTTP/1.1 429 x\r\n< Retry-After: 21\r\n",
        21.0,
    ),
    ("10%\r20%\rRetry-After: 5\n", 5.0),
    ("\u{1b}[36mRetry-After\u{1b}[0m: \u{1b}[33m7\u{1b}[0m\n", 7.0),
    // Headers, as languages print them.
    ("{'Date': 'x', 'Retry-After': '17'}", 17.0),
    ("[(b'Date', b'x'), (b'retry-after', b'17')]", 17.0),
    ("b'HTTP/1.1 429 Too Many Requests\\r\\nRetry-After: 17\\r\\n'", 17.0),
    ("429 map[Content-Type:[text/plain] Retry-After:[30] X-Id:[a]]", 30.0),
    ("{retry-after=[17], server=[x]}", 17.0),
    ("{\"date\"=>[\"x\"], \"retry-after\"=>[\"30\"]}", 30.0),
    ("{:headers {\"Server\" \"x\", \"Retry-After\" \"17\"}}", 17.0),
    ("headers: {\"retry-after\": \"17\", \"server\": \"x\"}", 17.0),
    ("\"Retry-After\": [\n    \"17\"\n  ],\n", 17.0),
    (
        "I1124 08:00:00.9 625 round_trippers.go:632] \"Response\" verb=\"GET\" status=\"429 Too Many Requests\" \
      headers=<\n\tDate: x\n\tRetry-After: 7\n >\n",
        7.0,
    ),
    ("HTTP/1.1 429 x\nRetryAfter: 30\n", 30.0),
    ("  retryDelay: '39s'\n", 39.0),
    // Limits.
    ("HTTP/1.1 429 x\nRateLimit-Limit: 100\nRateLimit-Remaining: 0\nRateLimit-Reset: 50\n", 50.0),
    ("ratelimit: \"api\";r=0;t=55\nratelimit-policy: \"fixed window\";\"api\";q=500;w=300\n", 55.0),
    ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1795507264.123\nX-RateLimit-Reset-After: 64.57\n", 64.57),
    (
        "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s\n\
      x-ratelimit-remaining-tokens: 149984\n",
        1.0,
    ),
    (
        "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s\n\
      x-ratelimit-remaining-tokens: 0\n",
        360.0,
    ),
    (
        "anthropic-ratelimit-requests-remaining: 0\nanthropic-ratelimit-requests-reset: 2026-11-24T08:00:45Z\n\
      anthropic-ratelimit-tokens-remaining: 16000\nanthropic-ratelimit-tokens-reset: 2026-11-24T08:09:00Z\n",
        45.0,
    ),
    ("\"X-RateLimit-Remaining\":\"0\",\"X-RateLimit-Reset\":\"1795507290000\"", 90.0),
    ("x-ratelimit-remaining: 0.0\nx-ratelimit-reset: 252\n", 252.0),
    ("x-rate-limit-remaining: -1\nx-rate-limit-reset: 20\n", 20.0),
    ("x-ratelimit-remaining: 0\nx-ratelimit-reset: 2026-11-24T08:01Z\n", 60.0),
    ("RateLimit-Remaining: 0;w=60\nRateLimit-ResetTime: Tue, 24 Nov 2026 08:00:40 GMT\n", 40.0),
    ("fastly-ratelimit-remaining: 0\nfastly-ratelimit-reset: 1795507250\n", 50.0),
    ("x-ms-user-quota-remaining: 0\nx-ms-user-quota-resets-after: 00:00:05\n", 5.0),
    // The only limit of a response with status 429 is the exhausted one, also without its rest.
    ("HTTP/1.1 429 x\nx-rate-limit-reset: 1795507241\n", 41.0),
    // Bodies and logs.
    ("{\"retry-after\":\"53\"}", 53.0),
    ("{\"message\": \"You are being rate limited.\", \"retry_after\": 64.57, \"global\": false}", 64.57),
    ("Body {\n  message: 'You are being rate limited.',\n  retry_after: 0.3,\n  global: false\n}\n", 0.3),
    ("{\"details\":{\"retryAfterSeconds\":1},\"code\":429}", 1.0),
    ("{\"retry_after_ms\":2500}", 2.5),
    ("level=error msg=\"rate limited\" status=429 retry_after=30s", 30.0),
    ("{\"retryAfter\": \"PT1M30S\"}", 90.0),
    ("{\"retryAfter\": \"2026-11-24T08:00:20Z\"}", 20.0),
    ("[violations {\n}\n, retry_delay {\n  seconds: 43\n}\n]\n", 43.0),
    ("[retry_delay {\n  seconds: 58\n  nanos: 900000000\n}\n]\n", 58.9),
    ("RetryInfo: retry_delay:{seconds:43 nanos:500000000}", 43.5),
    ("toomanyrequests: retry-after: 985.86\u{b5}s, allowed: 44000/minute", 0.000_985_86),
    (
        "response status code 429: toomanyrequests: retry-after: 1.16676ms, allowed: 44000/minute",
        0.001_166_76,
    ),
    // Phrases.
    ("Please try again after '372' seconds.", 372.0),
    ("Too many requests from this IP, please try again after 15 minutes", 900.0),
    ("GitHub API rate limit exceeded.\nTry again in 49 minutes 18 seconds, or:\n", 2958.0),
    ("too many crates. Please try again after Tue, 24 Nov 2026 08:01:10 GMT or email", 70.0),
    ("too many certificates. Retry after 2026-11-24T08:01:30Z: see", 90.0),
    ("too many failed authorizations (5), retry after 2026-11-24 08:02:00 UTC: see", 120.0),
    ("The call can be retried in 76 seconds. It exceeds the throttling limit.", 76.0),
    ("or please retry after 25s, resets at Wed Oct 23 2024 23:13:13 GMT+0000", 25.0),
    ("Flood control exceeded. Retry in 35 seconds", 35.0),
    ("[Error : 420 : FLOOD_WAIT_291] from Session", 291.0),
    ("Error: 429 Too Many Requests: retry after 1", 1.0),
    ("A wait of 738 seconds is required", 738.0),
    ("Request was throttled. Expected available in 831.0 seconds.", 831.0),
    ("Take a break for 3 minutes before trying again.", 180.0),
    ("You need to wait **3** minutes before you can work again.", 180.0),
    ("Please wait 42 seconds and try again.", 42.0),
    ("Rate limit exceeded, please wait 1 minute, 15 seconds.", 75.0),
    ("You will be able to try again in 30 seconds", 30.0),
    ("Monthly usage limit reached. Resets in 5 days.", 432_000.0),
    ("request weight used; IP banned until 1795507260000. Please", 60.0),
    ("for security, you can only request this after 54 seconds.", 54.0),
    ("Limit 100000 tokens per day reached. Please try again in 9m38.016s.", 578.016),
    // Lines that were wrapped.
    ("You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 hours 11\nminutes.\n", 511_860.0),
    (
        "tokens per minute (TPM): Limit 12000, Used 4437, Requested 9854. Please try\nagain in 11.455s. Need\n",
        11.455,
    ),
    (
        "too many new crates in a short period of time. Please try again after Tue, 24\nNov 2026 08:10:00 GMT\n",
        600.0,
    ),
    (
        "\u{2502} Number of requests exceeded the limit of '120'. Please try again after '5' \u{2502}\n\u{2502} \
      seconds. \u{2502}\n",
        5.0,
    ),
    (
        "You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 ho\nurs 11 minutes.\n",
        511_860.0,
    ),
    (
        "tokens per minute (TPM): Limit 12000, Used 4437. Please try again in 1\n1.455s. Need more tokens?\n",
        11.455,
    ),
    // Several answers: the last one's.
    ("HTTP/1.1 301 x\nRetry-After: 7\n\nHTTP/1.1 429 x\nRetry-After: 40\n\n", 40.0),
    ("HTTP/1.1 429 x\nRetry-After: 40\n\nHTTP/1.1 429 x\nRetry-After: 5\n\n", 5.0),
    ("HTTP/1.1 202 Accepted\nRetry-After: 10\n\n", 10.0),
    ("HTTP/2 200\n\n{\"ok\":false,\"error\":\"ratelimited\",\"retry_after\":30}\n", 30.0),
];

/// Outputs of failed attempts that ask for nothing, or for nothing that can be understood for certain.
pub const NO_DEMANDS: &[&str] = &[
    // Several answers: the last one asks for nothing.
    "HTTP/1.1 301 x\nRetry-After: 7\n\nHTTP/1.1 503 x\nServer: x\n\n",
    "HTTP/1.1 429 x\nRetry-After: 40\n\nHTTP/1.1 404 x\nServer: x\n\n",
    "HTTP/2 200\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1795507260\n\nHTTP/2 502\n\n",
    "HTTP/2 429\nretry-after: 30\n\nHTTP/2 200\n\nerror: checksum mismatch\n",
    "HTTP/1.1 301 x\nRetry-After: 7\n\ncurl: (7) Failed to connect\n",
    "HTTP/1.1 304 x\nRetry-After: 7\n",
    "try again in 5s\n\"GET / HTTP/1.1\" 502 12\n",
    "insufficient_quota\nHTTP/2 503\n\n",
    "Retry-After: 7\nI1124 x.go:632] \"Response\" verb=\"GET\" url=\"x\" status=\"500 x\" headers=<\n >\n",
    "HTTP/1.1 200 OK\nretry_after: 60\n",
    // Something is left, or the rest is unknown.
    "HTTP/2 200\nx-ratelimit-remaining: 59\nx-ratelimit-reset: 1795507260\n",
    "HTTP/1.1 429 x\nx-ratelimit-remaining: 4865\nx-ratelimit-reset: 2106\n",
    "HTTP/1.1 429 x\nx-ratelimit-reset-requests: 2m59.56s\nx-ratelimit-reset-tokens: 7.66s\n",
    "RateLimit: limit=100, remaining=3, reset=50\n",
    "Rate limit: 59 remaining, resets in 42 minutes\n",
    "quota: 59 requests remaining, resets at 2026-11-24T08:30:00Z\n",
    // Not sent by a server, or only talked about.
    "> Retry-After: 5\n",
    "=> Send header: Retry-After: 5\n",
    "The Retry-After: 120 header means that",
    "Access-Control-Expose-Headers: Retry-After, X-RateLimit-Reset\n",
    "+ retry --retry-after=both --max-retry-after 5m\n",
    "+ tool --retry-after=5\n",
    "'retry_after' => 90,\n",
    "retry_after: 60\nretries: 3\n",
    "{'max_retries': 3, 'retry_delay': 5}",
    "{\"retryAfter\": 60000}",
    // The tool's own words.
    "[attempt 2] failed, will try again in 10 seconds\n",
    "Attempt 1 failed, try again in 8 seconds\n",
    "Attempting MQTT connection...failed, rc=-2 try again in 5 seconds\n",
    "Rate limit hit. We'll try again in 42 seconds.\n",
    "the request failed, trying again in 3 seconds\n",
    "Too many requests. Trying again in 300 seconds.\n",
    "Got a Retry-After 7s response for attempt 1 to http://127.0.0.1/api\n",
    "Rate limit exceeded. Setting next backoff to 1465.940607s\n",
    "Encountered 429, retrying after 2285000 ms\n",
    "connect: connection refused, retry after 3s\n",
    "Retry after 5s (attempt 2 of 3)\n",
    "Retry 2/5 after 10 seconds\n",
    "retry: Retry in 180s: ConnectionError()\n",
    "[retry] attempt 3/5: rate limited, retry in 8s\n",
    "Warning: Problem: HTTP error. Will retry in 5 seconds. 2 retries left.\n",
    "the job will be retried in 30 seconds\n",
    "Waiting 12 seconds before trying again\n",
    "Will wait 30 seconds before retry\n",
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again; sleeping for 3348s\n",
    "Please wait 5 seconds while the server starts\n",
    // No number, or none that can be right.
    "Please try again later (max 100 per 60 seconds)\n",
    "You've hit your usage limit. Upgrade to Pro, or try again at 2:51 PM.\n",
    "You've hit your limit \u{b7} resets 2am (Australia/Sydney)\n",
    "Please try again in 5-10 minutes\n",
    "Please try again within 5 minutes\n",
    "time limit exceeded: try again in the next 24 hours\n",
    "Please try again after 2026-11-24 09:00:00\n",
    "the request failed after 2 attempts, please try again later\n",
    "valid until 2026-12-24T08:00:00Z\n",
    "Disk quota exceeded\n",
    "pull rate limit: 98 of 100 remaining\n",
    "Your plan allows 1000 requests per day. Error: invalid token\n",
];
