//! What is shown while nothing happens: on a terminal, a live line that counts a delay down; elsewhere, a heartbeat
//! each minute, because CI systems end jobs that print nothing. Decides what is shown and when; the texts are in
//! [`super::text`].
//!
//! The live line is a carriage return and "erase to the end of the line", drawn by the event loop. It has no bar, no
//! second line and no thread, so it needs no library.

use super::output::columns;
use super::sanitize::Line;
use crate::core::plan::{Output, Plan, Terminal, Verbosity, Visibility};
use crate::platform::console::may_draw;
use crate::platform::stdio;
use crate::run::event::Activity;
use std::time::Duration;

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(60);

/// A delay that is over sooner needs no line. So the longest default delay, 60 s and its jitter, has none.
const WORTH_A_LINE: Duration = Duration::from_secs(10);

/// Decides what is shown of an [`Activity`].
#[derive(Debug)]
pub struct Progress {
    style: Style,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    LiveLine,
    Heartbeat(HeartbeatScope),
    Silent,
}

/// What has a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeartbeatScope {
    Delays,
    /// Attempts too: their output is held, so they show nothing themselves.
    DelaysAndAttempts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// A delay or an attempt has begun.
    Begun,
    LineShown,
}

/// What to show now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressUpdate {
    /// Nothing new.
    Nothing,
    /// Draw the live line.
    DrawLine {
        /// Time until the delay is over.
        left: Duration,
        /// Time since the start of the run.
        elapsed: Duration,
    },
    /// Erase the live line.
    EraseLine,
    /// The heartbeat of a delay.
    StillWaiting {
        /// Time until the delay is over.
        left: Duration,
    },
    /// The heartbeat of an attempt.
    StillRunning {
        /// How long the attempt has run.
        took: Duration,
    },
}

impl Progress {
    /// `log_is_elsewhere`: messages do not go to stderr, so stderr gets no heartbeat either.
    pub fn new(plan: &Plan, stderr_is_terminal: bool, log_is_elsewhere: bool) -> Self {
        let style = match plan.messages.progress {
            _ if plan.verbosity <= Verbosity::Quiet => Style::Silent,
            Visibility::Always => Style::LiveLine,
            Visibility::OnTerminal if !stderr_is_terminal && !log_is_elsewhere => {
                Style::Heartbeat(HeartbeatScope::of([plan.streams.stdout, plan.streams.stderr]))
            }
            Visibility::OnTerminal if stderr_is_terminal && plan.messages.terminal == Terminal::Capable => {
                Style::LiveLine
            }
            Visibility::OnTerminal | Visibility::Never => Style::Silent,
        };
        Self { style, stage: Stage::Idle }
    }

    /// What to show of an activity.
    pub fn update(&mut self, activity: Activity) -> ProgressUpdate {
        let before = self.stage;
        let is_over = matches!(activity, Activity::Finished | Activity::CursorMoved { .. });
        self.stage = if is_over { Stage::Idle } else { Stage::Begun };
        match (self.style, activity) {
            (Style::LiveLine, Activity::Waiting { left, elapsed }) if may_draw() => {
                self.stage = Stage::LineShown;
                ProgressUpdate::DrawLine { left, elapsed }
            }
            (Style::LiveLine, _) if before == Stage::LineShown && may_draw() => ProgressUpdate::EraseLine,
            (Style::Heartbeat(_), Activity::Waiting { left, .. }) if before == Stage::Begun => {
                ProgressUpdate::StillWaiting { left }
            }
            (Style::Heartbeat(_), Activity::Running { took }) if before == Stage::Begun => {
                ProgressUpdate::StillRunning { took }
            }
            _ => ProgressUpdate::Nothing,
        }
    }

    /// How long until there may be something new to show; `None` if there will not be.
    pub fn next_update(&self, activity: Activity) -> Option<Duration> {
        match (self.style, activity) {
            // When the number of seconds changes.
            (Style::LiveLine, Activity::Waiting { left, .. }) => Some(match left.subsec_nanos() {
                0 => Duration::from_secs(1),
                nanos => Duration::from_nanos(nanos.into()),
            }),
            (Style::Heartbeat(_), Activity::Waiting { left, .. }) => {
                (left >= HEARTBEAT_INTERVAL + WORTH_A_LINE).then_some(HEARTBEAT_INTERVAL)
            }
            (Style::Heartbeat(HeartbeatScope::DelaysAndAttempts), Activity::Running { .. }) => {
                Some(HEARTBEAT_INTERVAL)
            }
            _ => None,
        }
    }
}

impl HeartbeatScope {
    /// For stdout and stderr.
    fn of(modes: [Output; 2]) -> Self {
        let is_held = modes.iter().any(|mode| matches!(mode, Output::Final | Output::Success));
        // Where output is shown after failures only, a run that succeeds at once must print nothing: cron mails every
        // line.
        if is_held && !modes.contains(&Output::Failure) { Self::DelaysAndAttempts } else { Self::Delays }
    }
}

/// The beginning of a line that fits in one row of the terminal, with the `^C` that the terminal may print after it: a
/// line that wraps could not be erased.
pub fn fit_in_row(line: &Line) -> Line {
    line.truncated(columns(stdio::stderr()).saturating_sub(1 + "^C".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn progress(style: Style) -> Progress {
        Progress { style, stage: Stage::Idle }
    }

    fn waiting(left: u64) -> Activity {
        Activity::Waiting { left: secs(left), elapsed: secs(1) }
    }

    #[test]
    fn a_long_delay_is_said_each_minute_and_a_short_one_never() {
        let mut heartbeat = progress(Style::Heartbeat(HeartbeatScope::Delays));
        for (left, update, next) in [
            (150, ProgressUpdate::Nothing, Some(HEARTBEAT_INTERVAL)),
            (90, ProgressUpdate::StillWaiting { left: secs(90) }, Some(HEARTBEAT_INTERVAL)),
            (69, ProgressUpdate::StillWaiting { left: secs(69) }, None),
            (30, ProgressUpdate::StillWaiting { left: secs(30) }, None),
        ] {
            assert_eq!(
                (heartbeat.update(waiting(left)), heartbeat.next_update(waiting(left))),
                (update, next)
            );
        }
        assert_eq!(heartbeat.update(Activity::Finished), ProgressUpdate::Nothing);
        assert_eq!(
            (heartbeat.update(waiting(60)), heartbeat.next_update(waiting(60))),
            (ProgressUpdate::Nothing, None)
        );
    }

    #[test]
    fn an_attempt_is_said_to_run_only_where_its_output_is_held() {
        let running = |seconds| Activity::Running { took: secs(seconds) };
        let mut live = progress(Style::Heartbeat(HeartbeatScope::Delays));
        assert_eq!((live.update(running(0)), live.next_update(running(0))), (ProgressUpdate::Nothing, None));
        let mut held = progress(Style::Heartbeat(HeartbeatScope::DelaysAndAttempts));
        assert_eq!(
            (held.update(running(0)), held.next_update(running(0))),
            (ProgressUpdate::Nothing, Some(HEARTBEAT_INTERVAL))
        );
        let update = ProgressUpdate::StillRunning { took: secs(60) };
        assert_eq!(
            (held.update(running(60)), held.next_update(running(60))),
            (update, Some(HEARTBEAT_INTERVAL))
        );
    }

    #[test]
    fn an_attempt_is_silent_where_output_is_shown_after_failures_only() {
        let scope = |stdout, stderr| HeartbeatScope::of([stdout, stderr]);
        for held in [Output::Final, Output::Success] {
            assert_eq!(scope(held, Output::Live), HeartbeatScope::DelaysAndAttempts);
            assert_eq!(scope(Output::Live, held), HeartbeatScope::DelaysAndAttempts);
            assert_eq!(scope(held, Output::Failure), HeartbeatScope::Delays);
        }
        assert_eq!(scope(Output::Failure, Output::Failure), HeartbeatScope::Delays);
        assert_eq!(scope(Output::Failure, Output::Live), HeartbeatScope::Delays);
        assert_eq!(scope(Output::Live, Output::Live), HeartbeatScope::Delays);
    }

    #[test]
    fn a_countdown_wakes_up_when_its_number_changes() {
        let line = progress(Style::LiveLine);
        let next = |millis| {
            line.next_update(Activity::Waiting { left: Duration::from_millis(millis), elapsed: secs(0) })
        };
        assert_eq!(next(2250), Some(Duration::from_millis(250)));
        assert_eq!(next(2000), Some(secs(1)));
        assert_eq!(line.next_update(Activity::Running { took: secs(1) }), None);
    }

    #[test]
    fn where_nothing_is_shown_nothing_wakes_up() {
        let mut nothing = progress(Style::Silent);
        for activity in [waiting(500), Activity::Running { took: secs(0) }, Activity::Finished] {
            assert_eq!(
                (nothing.update(activity), nothing.next_update(activity)),
                (ProgressUpdate::Nothing, None)
            );
        }
    }
}
