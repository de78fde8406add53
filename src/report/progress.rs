//! What is shown while nothing happens: on a terminal a line that counts a delay down, elsewhere a line
//! each minute of a long silence (CI systems end jobs that say nothing). Decides what and when; the texts
//! are in [`super::text`].
//!
//! The live line is one carriage return and "erase to the end of the line", so it takes no library: it
//! has no bar, no second line and no thread, and it is drawn by the one wait.

use super::output::columns;
use super::safe::Line;
use crate::core::plan::{Output, Plan, Shown, Terminal, Verbosity};
use crate::run::event::Activity;
use rustix::process::getpgrp;
use rustix::stdio::stderr;
use rustix::termios::tcgetpgrp;
use std::time::Duration;

/// Between two lines of a long silence.
const BEAT: Duration = Duration::from_secs(60);

/// What is shown, and what of it is there now.
#[derive(Debug)]
pub struct Progress {
    way: Way,
    holds_output: HoldsOutput,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A live line.
    Line,
    /// A line now and then.
    Beats,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HoldsOutput {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing goes on.
    Idle,
    /// A delay or an attempt has begun.
    Begun,
    /// The live line is there.
    LineShown,
}

/// What to show at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Nothing new.
    Nothing,
    /// The live line.
    Line {
        /// Until the delay is over.
        left: Duration,
        /// Since the start.
        elapsed: Duration,
    },
    /// The live line is taken away.
    NoLine,
    /// That a delay goes on.
    StillWaiting {
        /// Until it is over.
        left: Duration,
    },
    /// That an attempt goes on.
    StillRunning {
        /// How long it has run.
        took: Duration,
    },
}

impl Progress {
    /// `log_is_elsewhere`: nobody looks at stderr for a sign of life.
    pub fn new(plan: &Plan, stderr_is_terminal: bool, log_is_elsewhere: bool) -> Self {
        let way = match plan.messages.progress {
            _ if plan.verbosity == Verbosity::Quiet => Way::Nothing,
            Shown::Always => Way::Line,
            Shown::OnTerminal if !stderr_is_terminal && !log_is_elsewhere => Way::Beats,
            Shown::OnTerminal if stderr_is_terminal && plan.messages.terminal == Terminal::Capable => {
                Way::Line
            }
            Shown::OnTerminal | Shown::Never => Way::Nothing,
        };
        // Where output is shown after failures only, a run that succeeds is to be silent (cron).
        let modes = [plan.streams.stdout, plan.streams.stderr];
        let holds = modes.iter().any(|mode| matches!(mode, Output::Final | Output::Success))
            && !modes.contains(&Output::Failure);
        let holds_output = if holds { HoldsOutput::Yes } else { HoldsOutput::No };
        Self { way, holds_output, state: State::Idle }
    }

    /// What to show at this moment.
    pub fn at(&mut self, moment: Activity) -> Show {
        let before = self.state;
        let is_over = matches!(moment, Activity::Over | Activity::Wrote { .. });
        self.state = if is_over { State::Idle } else { State::Begun };
        match (self.way, moment) {
            (Way::Line, Activity::Waiting { left, elapsed }) if may_draw() => {
                self.state = State::LineShown;
                Show::Line { left, elapsed }
            }
            (Way::Line, _) if before == State::LineShown && may_draw() => Show::NoLine,
            (Way::Beats, Activity::Waiting { left, .. }) if before == State::Begun => {
                Show::StillWaiting { left }
            }
            (Way::Beats, Activity::Running { took }) if before == State::Begun => Show::StillRunning { took },
            _ => Show::Nothing,
        }
    }

    /// After how long there may be something new to show.
    pub fn again(&self, moment: Activity) -> Option<Duration> {
        match (self.way, moment) {
            // The next time that the number of seconds changes.
            (Way::Line, Activity::Waiting { left, .. }) => Some(match left.subsec_nanos() {
                0 => Duration::from_secs(1),
                nanos => Duration::from_nanos(nanos.into()),
            }),
            (Way::Beats, Activity::Waiting { left, .. }) => (left > BEAT).then_some(BEAT),
            (Way::Beats, Activity::Running { .. }) => (self.holds_output == HoldsOutput::Yes).then_some(BEAT),
            _ => None,
        }
    }
}

/// As much of a line as fits, and the `^C` that a terminal shows of a key: a line that wraps could not be erased.
pub fn fitting(line: &Line) -> Line {
    line.fitting(columns(stderr()).saturating_sub(1 + "^C".len()))
}

/// In the background the terminal is someone else's. What is no terminal is nobody's.
pub fn may_draw() -> bool {
    tcgetpgrp(stderr()).map_or(true, |foreground| foreground == getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn progress(way: Way, holds_output: HoldsOutput) -> Progress {
        Progress { way, holds_output, state: State::Idle }
    }

    fn waiting(left: u64) -> Activity {
        Activity::Waiting { left: secs(left), elapsed: secs(1) }
    }

    #[test]
    fn a_long_delay_is_said_each_minute_and_a_short_one_never() {
        let mut beats = progress(Way::Beats, HoldsOutput::No);
        for (left, show, again) in [
            (150, Show::Nothing, Some(BEAT)),
            (90, Show::StillWaiting { left: secs(90) }, Some(BEAT)),
            (30, Show::StillWaiting { left: secs(30) }, None),
        ] {
            assert_eq!((beats.at(waiting(left)), beats.again(waiting(left))), (show, again));
        }
        assert_eq!(beats.at(Activity::Over), Show::Nothing);
        assert_eq!((beats.at(waiting(60)), beats.again(waiting(60))), (Show::Nothing, None));
    }

    #[test]
    fn an_attempt_is_said_to_run_only_where_its_output_is_held() {
        let running = |seconds| Activity::Running { took: secs(seconds) };
        let mut live = progress(Way::Beats, HoldsOutput::No);
        assert_eq!((live.at(running(0)), live.again(running(0))), (Show::Nothing, None));
        let mut held = progress(Way::Beats, HoldsOutput::Yes);
        assert_eq!((held.at(running(0)), held.again(running(0))), (Show::Nothing, Some(BEAT)));
        let show = Show::StillRunning { took: secs(60) };
        assert_eq!((held.at(running(60)), held.again(running(60))), (show, Some(BEAT)));
    }

    #[test]
    fn a_countdown_wakes_up_when_its_number_changes() {
        let line = progress(Way::Line, HoldsOutput::No);
        let again =
            |millis| line.again(Activity::Waiting { left: Duration::from_millis(millis), elapsed: secs(0) });
        assert_eq!(again(2250), Some(Duration::from_millis(250)));
        assert_eq!(again(2000), Some(secs(1)));
        assert_eq!(line.again(Activity::Running { took: secs(1) }), None);
    }

    #[test]
    fn where_nothing_is_shown_nothing_wakes_up() {
        let mut nothing = progress(Way::Nothing, HoldsOutput::Yes);
        for moment in [waiting(500), Activity::Running { took: secs(0) }, Activity::Over] {
            assert_eq!((nothing.at(moment), nothing.again(moment)), (Show::Nothing, None));
        }
    }
}
