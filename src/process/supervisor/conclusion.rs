//! What follows the last attempt: the release of held output, and the fallback.

use super::Supervisor;
use crate::core::outcome::{Ending, Outcome, RunEnd};
use crate::core::plan::RunResult;
use crate::core::stream::Stream;
use crate::run::event::{Event, Observer};

impl Supervisor<'_> {
    /// Writes held output, and runs the fallback of a run that gave up. Returns how the run ended in the end.
    pub fn conclude(
        &mut self,
        end: RunEnd<Outcome>,
        observer: &mut dyn Observer<Outcome>,
    ) -> RunEnd<Outcome> {
        let end = match &self.plan.hooks.fallback {
            Some(fallback) if matches!(end.ending, Ending::Stopped(_)) => {
                // The fallback writes a stdout of its own instead of the command's. The command's stderr comes before the
                // message, behind which one expects that of the fallback.
                let stderr = self.plan.streams.stderr;
                let failed = self.release_output(|stream| {
                    stream == Stream::Stderr && stderr.is_released(RunResult::Failure)
                });
                if let Some(ending) = failed {
                    RunEnd { ending, last: None, fallback: None }
                } else {
                    observer.event(&Event::FallingBack);
                    self.run_fallback(fallback, end, observer)
                }
            }
            _ => {
                let streams = self.plan.streams;
                let result = if matches!(end.ending, Ending::Succeeded { .. }) {
                    RunResult::Success
                } else {
                    RunResult::Failure
                };
                match self.release_output(|stream| streams.output(stream).is_released(result)) {
                    Some(ending) => RunEnd { ending, last: None, fallback: None },
                    None => end,
                }
            }
        };
        if let Ending::Broken(what) = &end.ending {
            observer.event(&Event::Broken { what: what.clone() });
        }
        end
    }
}
