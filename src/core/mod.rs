//! What is pure about commands: the plan, what an outcome means, the exit status, the search of output.
//!
//! Nothing here knows a clock, a file, the environment or a terminal. Time is passed in, so everything here is tested as
//! a function. The decisions of the loop are in `retry_loop`.
//!
//! | file | owns |
//! |---|---|
//! | [`account`] | a run that is over, in a few numbers |
//! | [`clean`] | text without colours and cursor movements |
//! | [`condition`] | conditions on an outcome: the items of `--retry-on` and its kin |
//! | [`duration`] | how a duration is written |
//! | [`exit_code`] | the exit codes that a system has |
//! | [`lines`] | a stream cut into lines, in bounded memory |
//! | [`outcome`] | how an attempt ended, how the run ended, and the exit table |
//! | [`output`] | the search for patterns in what a command prints |
//! | [`pattern`] | a regular expression that is matched line by line, over whole blocks |
//! | [`plan`] | everything that one invocation was asked to do |
//! | [`rules`] | the rules as one ordered list, and the verdict on an outcome |
//! | [`verdict`] | the verdict, and which rule decided it |
//! | [`preset`] | the transient failures of a well-known tool, by exit code and output |
//! | [`os_error`] | the system's text for an error |
//! | [`redis_url`] | the address of a Redis server, or of the Sentinels that know it |
//! | [`retry_after`] | the delay that a server asks for, in the output of a failed command |
//! | [`run_id`] | the random name of a run |
//! | [`shared`] | the shared state that an invocation uses: names, settings, location |
//! | [`signal`] | signal numbers and their names |
//! | [`spelling`] | which name was meant by one that does not exist |
//! | [`suggestions`] | what people type out of habit, and what is said about it |
//! | [`stream`] | the two output streams of a command |
//! | [`system`] | the families of systems: Unix and Windows |
//! | [`tail`] | the end of a stream, in bounded memory |

pub mod account;
pub mod clean;
pub mod condition;
pub mod duration;
pub mod exit_code;
pub mod lines;
pub mod os_error;
pub mod outcome;
pub mod output;
pub mod pattern;
pub mod plan;
pub mod preset;
pub mod redis_url;
pub mod retry_after;
pub mod rules;
pub mod run_id;
pub mod shared;
pub mod signal;
pub mod spelling;
pub mod stream;
pub mod suggestions;
pub mod system;
pub mod tail;
pub mod verdict;
