//! The rules, pure: what to wait, what an outcome means, how it ends.
//!
//! Nothing here knows a clock, a file, the environment, tokio or a terminal. Time and randomness
//! are passed in, so every rule is tested as a function.
//!
//! | file | owns |
//! |---|---|
//! | [`attempt`] | the trait through which the loop runs whatever is retried |
//! | [`backoff`] | growth, cap and jitter: the delay after the nth failure |
//! | [`breaker`] | the circuit breaker's transitions |
//! | [`budget`] | the retry budget's arithmetic |
//! | [`outcome`] | how an attempt ended, how the run ended, and the exit table |
//! | [`plan`] | everything that one invocation was asked to do |
//! | [`policy`] | sets, rules and the verdict on an outcome |
//! | [`preset`] | the exit codes that well-known tools use for passing trouble |
//! | [`random`] | the one source of randomness |
//! | [`shared`] | what an invocation wants to share with others: names, settings, where |
//! | [`signal`] | signal numbers and their names |
//! | [`wall`] | a moment on the wall clock, and a span that ends whatever is done to the clock |

pub mod attempt;
pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod preset;
pub mod random;
pub mod shared;
pub mod signal;
pub mod wall;
