//! What is measured in one experiment.

use super::{END, FAULT_END, LAST_ARRIVAL, Micros, SECOND};
use retry_loop::run::Verdict;
use std::ops::Range;

/// From this second on the service has had time to come back, with or without help.
pub const SETTLED: u64 = 250;

/// For so many seconds in a row most clients must succeed before the service counts as recovered.
const STEADY: usize = 10;

/// So many of them.
pub const MOST: f64 = 0.95;

/// Fairness is measured over the clients that come from the beginning of the fault to this second.
const FAIRNESS_UNTIL: u64 = FAULT_END + 60;

/// What came of an experiment.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests for each client that came while the service failed.
    pub load_in_fault: f64,
    /// The most requests in a second after the fault, for each client that came in an average second.
    pub peak_after: f64,
    /// Seconds from the end of the fault until most clients succeed again; none where they do not.
    pub recovery: Option<f64>,
    /// The part of the clients that succeeds, of those who come after [`SETTLED`].
    pub goodput: f64,
    /// The part of all clients that succeeds.
    pub done: f64,
    /// The part of the clients that succeeds, of those who come while the service fails.
    pub done_in_fault: f64,
    /// The part of the work of the service that nobody waited for.
    pub lost_work: f64,
    /// Jain's index of the machines' success rates during the fault and the minute after it.
    pub fairness: f64,
    /// For each second, the part of the clients that came in it and succeeded.
    pub success_by_second: Vec<f64>,
    /// For each second, its requests for each client that comes in an average second.
    pub load_by_second: Vec<f64>,
}

/// Counts by second.
pub struct Measured {
    /// The seconds of the fault.
    fault: Range<u64>,
    came: Vec<u64>,
    succeeded: Vec<u64>,
    requests: Vec<u64>,
    work: u64,
    lost: u64,
    machines: Vec<[u32; 2]>,
}

impl Measured {
    /// Nothing yet.
    pub fn new(fault: Range<u64>, machines: u32) -> Self {
        let seconds = vec![0; END as usize + 1];
        Self {
            fault,
            came: seconds.clone(),
            succeeded: seconds.clone(),
            requests: seconds,
            work: 0,
            lost: 0,
            machines: vec![[0; 2]; machines as usize],
        }
    }

    /// A client came.
    pub fn came(&mut self, now: Micros) {
        self.came[second(now)] += 1;
    }

    /// A client sent a request.
    pub fn request(&mut self, now: Micros) {
        self.requests[second(now)] += 1;
    }

    /// The service worked on a request, and its client waited for it or not.
    pub fn worked(&mut self, in_time: bool) {
        self.work += 1;
        self.lost += u64::from(!in_time);
    }

    /// A client that had come at `came` is done.
    pub fn left(&mut self, came: Micros, machine: u32, verdict: Verdict) {
        let good = verdict == Verdict::Success;
        self.succeeded[second(came)] += u64::from(good);
        if (self.fault.start..FAIRNESS_UNTIL).contains(&(came / SECOND)) {
            let machine = &mut self.machines[machine as usize];
            machine[0] += 1;
            machine[1] += u32::from(good);
        }
    }

    /// What it comes to.
    pub fn outcome(self) -> Outcome {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
        let all = 0..LAST_ARRIVAL as usize;
        let fault = self.fault.start as usize..self.fault.end as usize;
        let settled = SETTLED as usize..all.end;
        let average = sum(&self.came[all.clone()]) / all.len() as f64;
        let rate = |range: Range<usize>| sum(&self.succeeded[range.clone()]) / sum(&self.came[range]);
        let recovered = (fault.end..=all.end - STEADY).find(|&begin| rate(begin..begin + STEADY) >= MOST);
        let most = self.requests[fault.end..all.end].iter().max().copied().unwrap_or(0);
        Outcome {
            load_in_fault: sum(&self.requests[fault.clone()]) / sum(&self.came[fault.clone()]),
            peak_after: most as f64 / average,
            recovery: recovered.map(|begin| (begin - fault.end) as f64),
            goodput: rate(settled),
            done: rate(all.clone()),
            done_in_fault: rate(fault.clone()),
            lost_work: self.lost as f64 / self.work as f64,
            fairness: jain(
                self.machines
                    .iter()
                    .filter(|[all, _]| *all > 0)
                    .map(|[all, good]| f64::from(*good) / f64::from(*all)),
            ),
            success_by_second: all.clone().map(|at| rate(at..at + 1)).collect(),
            load_by_second: all.map(|at| self.requests[at] as f64 / average).collect(),
        }
    }
}

fn second(time: Micros) -> usize {
    (time / SECOND).min(END) as usize
}

/// Jain's fairness index: 1 where all have the same, 1/n where one has all.
fn jain(shares: impl Iterator<Item = f64>) -> f64 {
    let (count, sum, squares) =
        shares.fold((0.0, 0.0, 0.0), |(n, sum, squares), x| (n + 1.0, sum + x, squares + x * x));
    if squares == 0.0 { 1.0 } else { sum * sum / (count * squares) }
}
