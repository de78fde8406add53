//! What holds for shared state in every store. `state_file.rs` and `state_redis.rs` check it with their stores.
//!
//! Some checks need other processes. These run the same test binary: `run_as_child` is a test that does nothing unless
//! its environment has a task.

#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test has a clock, an environment and waits of its own"
)]

#[cfg(feature = "redis")]
pub mod server;

use crate::common::command::program;
use retry::core::shared::{Location, Name, SharedConfig};
use retry::state::error::Removal;
use retry::state::inspect::{self, RecordStatus};
use retry::state::shared::{Gate, Permit, SharedState};
use retry_loop::bucket::{BudgetSettings, Payment};
use retry_loop::circuit::{
    BreakerSettings, Observation, Phase, Recorded, Refusal, RefusalCause, Renewal, Trip,
};
use retry_loop::random::Random;
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::fs::{self, Permissions};
use std::io::Write;
use std::num::NonZeroU32;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Much longer than anything here takes, even on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

/// The lease of a probe; longer than the test.
pub const LEASE: Duration = Duration::from_secs(600);

/// The shared state of one run, which returns its warning with each reply.
#[derive(Debug)]
pub struct User(SharedState);

/// A reply, and the warning that came with it.
#[derive(Debug)]
pub struct Answer<T> {
    pub decision: T,
    pub warning: Option<String>,
}

impl User {
    fn ask<T>(&mut self, operation: impl FnOnce(&mut SharedState, &mut dyn FnMut(String)) -> T) -> Answer<T> {
        let mut warning = None;
        let decision = operation(&mut self.0, &mut |text| {
            assert_eq!(warning.replace(text), None, "one operation warns once");
        });
        Answer { decision, warning }
    }

    pub fn with_limit(self, limit: Duration) -> Self {
        Self(self.0.with_limit(limit))
    }

    pub fn admit(&mut self, lease: Duration) -> Answer<Gate> {
        self.ask(|state, warn| state.admit(lease, warn))
    }

    pub fn refusal(&mut self) -> Answer<Option<Refusal>> {
        self.ask(|state, warn| state.refusal(warn))
    }

    pub fn record(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
    ) -> Answer<Option<Recorded>> {
        self.ask(|state, warn| state.record(permit, result, random, warn))
    }

    pub fn renew(&mut self, permit: Permit) -> Answer<Renewal> {
        self.ask(|state, warn| state.renew(permit, warn))
    }

    pub fn pay(&mut self) -> Answer<Payment> {
        self.ask(|state, warn| state.pay(warn))
    }

    pub fn deposit(&mut self) -> Answer<()> {
        self.ask(|state, warn| state.deposit(warn))
    }
}

/// A user of the breaker and of the budget `name`.
pub fn user(location: &Location, name: &str) -> User {
    user_with(
        location,
        &Name::new(name),
        BreakerSettings { open: Duration::from_secs(30), ..BreakerSettings::default() },
    )
}

/// The same, with settings for the breaker.
pub fn user_with(location: &Location, name: &Name, settings: BreakerSettings) -> User {
    User(SharedState::new(&SharedConfig {
        location: location.clone(),
        machine: None,
        breaker: Some((name.clone(), settings)),
        budget: Some((name.clone(), BudgetSettings::default())),
    }))
}

/// A breaker that counts failures but never opens.
pub fn never_opens() -> BreakerSettings {
    BreakerSettings { trip: Trip::in_a_row(NonZeroU32::MAX), open: LONG }
}

/// A user of the breaker `x`, which never opens.
pub fn counting(location: &Location) -> User {
    user_with(location, &Name::new("x"), never_opens())
}

/// A breaker that opens at the first failure and may be probed at once.
pub fn opens_at_once() -> BreakerSettings {
    BreakerSettings { trip: Trip::in_a_row(NonZeroU32::MIN), open: Duration::ZERO }
}

/// The decision of an answer, which must have no warning.
pub fn sure<T: Debug>(answer: Answer<T>) -> T {
    assert_eq!(answer.warning, None);
    answer.decision
}

/// The permit of an attempt, which must be admitted.
pub fn admitted(user: &mut User) -> Permit {
    match sure(user.admit(LEASE)) {
        Gate::Pass(permit) => permit,
        Gate::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// Makes one attempt with this result.
pub fn attempt(user: &mut User, ended: Observation) -> Option<Recorded> {
    let permit = admitted(user);
    sure(user.record(permit, ended, &mut Random::seeded(1)))
}

/// How many failures in a row the closed breaker `name` has counted; 0 if there is no record.
pub fn failures(location: &Location, name: &Name) -> u32 {
    let all = inspect::show(location).unwrap();
    let mut states = all.iter().filter(|one| one.name == name.to_string()).map(|one| one.status.clone());
    let count = |state| match state {
        RecordStatus::Breaker(breaker, None) => match breaker.phase {
            Phase::Closed { failures, .. } => Some(failures),
            phase => panic!("not closed: {phase:?}"),
        },
        RecordStatus::Budget(_) => None,
        other => panic!("no good record: {other:?}"),
    };
    states.find_map(count).unwrap_or(0)
}

/// Checks everything in an empty store.
pub fn all_promises_hold(location: &Location) {
    what_changes_nothing_writes_nothing(location);
    a_breaker_is_one_for_all(location);
    one_of_many_probes(location);
    a_dead_probe_is_replaced_and_a_live_one_is_not(location);
    a_probe_gives_its_slot_back(location);
    a_budget_is_one_for_all(location);
    every_name_is_its_own(location);
    no_update_is_lost(location);
    killed_processes_leave_a_usable_record(location);
}

fn what_changes_nothing_writes_nothing(location: &Location) {
    let mut user = user(location, "quiet");
    assert_eq!(attempt(&mut user, Observation::Success), Some(Recorded::Counted));
    assert_eq!(attempt(&mut user, Observation::Neutral), Some(Recorded::Counted));
    sure(user.deposit());
    assert_eq!(sure(user.refusal()), None);
    assert_eq!(inspect::show(location).unwrap(), []);
}

fn a_breaker_is_one_for_all(location: &Location) {
    let (mut one, mut other) = (user(location, "registry"), user(location, "registry"));
    let late = admitted(&mut other);
    for n in 1..=5 {
        let recorded = attempt(if n % 2 == 0 { &mut one } else { &mut other }, Observation::Failure);
        let opened = Recorded::Opened { wait: Duration::from_secs(30) };
        assert_eq!(recorded, Some(if n < 5 { Recorded::Counted } else { opened }));
    }
    for user in [&mut one, &mut other] {
        let Gate::Refused(Refusal { wait, cause }) = sure(user.admit(LEASE)) else {
            panic!("the circuit is open")
        };
        assert_eq!(cause, RefusalCause::Open);
        assert!(wait > Duration::from_secs(1) && wait <= Duration::from_secs(30), "{wait:?}");
        assert!(sure(user.refusal()).is_some_and(|left| left.wait <= wait && left.cause == cause));
    }
    assert_eq!(sure(other.record(late, Observation::Success, &mut Random::seeded(1))), Some(Recorded::Late));
    let shown = inspect::show(location).unwrap();
    assert!(
        matches!(shown.as_slice(), [one] if one.name == "registry"
            && matches!(one.status, RecordStatus::Breaker(_, Some(_)))),
        "{shown:?}"
    );

    let name = Name::new("registry");
    assert_eq!(inspect::reset(location, &name), Ok(Removal::Removed));
    assert_eq!(inspect::reset(location, &name), Ok(Removal::Absent));
    assert!(matches!(admitted(&mut one), Permit::Closed(_)));
}

fn one_of_many_probes(location: &Location) {
    let name = Name::new("many");
    attempt(&mut user_with(location, &name, opens_at_once()), Observation::Failure);
    let ready = std::sync::Barrier::new(16);
    let gates: Vec<Gate> = std::thread::scope(|scope| {
        let ask = || {
            let mut user = user_with(location, &name, opens_at_once()).with_limit(LONG);
            ready.wait();
            sure(user.admit(LEASE))
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let probes = gates.iter().filter(|gate| matches!(gate, Gate::Pass(Permit::Probe { .. })));
    let refused = gates.iter().filter(|gate| matches!(gate, Gate::Refused(_)));
    assert_eq!((probes.count(), refused.count()), (1, 15), "{gates:?}");
}

fn a_dead_probe_is_replaced_and_a_live_one_is_not(location: &Location) {
    let name = Name::new("lease");
    let mut user = user_with(location, &name, opens_at_once());
    attempt(&mut user, Observation::Failure);
    // The shortest lease. The process that probes has died.
    let Gate::Pass(dead @ Permit::Probe { every, .. }) = sure(user.admit(Duration::ZERO)) else {
        panic!("no probe");
    };
    assert!(every < Duration::from_secs(1), "{every:?}");
    assert_eq!(dead.renewal(), Some(every));
    let probed = |refusal: Refusal| refusal.cause == RefusalCause::ProbeRunning;
    assert!(matches!(sure(user.admit(LEASE)), Gate::Refused(refusal) if probed(refusal)));
    assert!(sure(user.refusal()).is_some_and(probed));
    let started = Instant::now();
    let alive = loop {
        match sure(user.admit(LEASE)) {
            Gate::Pass(permit) => break permit,
            Gate::Refused(_) => std::thread::sleep(Duration::from_millis(20)),
        }
        assert!(started.elapsed() < LONG, "nobody took over");
    };
    assert_eq!(sure(user.renew(dead)), Renewal::Lost);
    assert_eq!(sure(user.renew(alive)), Renewal::Kept);
    assert_eq!(sure(user.record(dead, Observation::Success, &mut Random::seeded(1))), Some(Recorded::Late));
    assert!(matches!(sure(user.admit(LEASE)), Gate::Refused(_)));
    assert_eq!(
        sure(user.record(alive, Observation::Success, &mut Random::seeded(1))),
        Some(Recorded::Closed)
    );
    assert!(matches!(admitted(&mut user), Permit::Closed(_)));
}

fn a_probe_gives_its_slot_back(location: &Location) {
    let name = Name::new("back");
    let mut user = user_with(location, &name, opens_at_once());
    attempt(&mut user, Observation::Failure);
    for _ in 0..3 {
        assert_eq!(attempt(&mut user, Observation::Neutral), Some(Recorded::GivenBack));
    }
    assert_eq!(attempt(&mut user, Observation::Success), Some(Recorded::Closed));
}

fn a_budget_is_one_for_all(location: &Location) {
    let (mut one, mut other) = (user(location, "budget"), user(location, "budget"));
    let started = Instant::now();
    let mut paid = 0;
    while sure(if paid % 2 == 0 { one.pay() } else { other.pay() }) == Payment::Paid {
        paid += 1;
    }
    // Time adds a token a minute, which this may take on a very slow machine.
    let by_time = started.elapsed().as_secs() / 60;
    assert!(paid >= 10 && paid <= 10 + by_time, "{paid} retries were paid");
    let Payment::Empty { wait } = sure(other.pay()) else { panic!("the bucket is empty") };
    assert!(wait <= Duration::from_secs(60), "{wait:?}");
    assert!(matches!(admitted(&mut one), Permit::Closed(_)));
    for _ in 0..5 {
        sure(one.deposit());
    }
    assert_eq!(sure(other.pay()), Payment::Paid);
}

fn every_name_is_its_own(location: &Location) {
    let long = |end: u8| [vec![b'n'; 10 * 1024], vec![end]].concat();
    let names = [
        "../../x".into(),
        "x".into(),
        "".into(),
        ".".into(),
        "..".into(),
        "/etc/passwd".into(),
        "A".into(),
        "a".into(),
        "ü, and more".into(),
        "\u{0}\r\n".into(),
        "a}:budget".into(),
        "*".into(),
        vec![0xff, 0xfe],
        long(b'1'),
        long(b'2'),
    ]
    .map(|bytes: Vec<u8>| Name::new(bytes));
    for (name, count) in names.iter().zip(1..) {
        for _ in 0..count {
            attempt(&mut user_with(location, name, never_opens()), Observation::Failure);
        }
    }
    let mut counts: Vec<u32> = (inspect::show(location).unwrap().iter())
        .filter_map(|one| match one.status {
            RecordStatus::Breaker(breaker, _) => match breaker.phase {
                Phase::Closed { failures, .. } if failures > 0 => Some(failures),
                _ => None,
            },
            _ => None,
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=15).collect::<Vec<u32>>());
    for name in &names {
        assert_eq!(inspect::reset(location, name), Ok(Removal::Removed), "{name:?}");
    }
}

fn no_update_is_lost(location: &Location) {
    let name = Name::new("counted");
    let children: Vec<Child> = (0..32).map(|_| spawn(location, &name, 10)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(failures(location, &name), 320);
}

fn killed_processes_leave_a_usable_record(location: &Location) {
    let name = Name::new("killed");
    let mut random = Random::seeded(9);
    let (mut finished, mut killed) = (0, 0);
    for _ in 0..80 {
        let mut children: Vec<(Child, bool)> =
            (0..12).map(|n| (spawn(location, &name, 1), n % 3 == 0)).collect();
        for (child, doomed) in &mut children {
            if *doomed {
                std::thread::sleep(random.between(Duration::ZERO, Duration::from_millis(4)));
                child.kill().unwrap();
            }
        }
        for (mut child, doomed) in children {
            match child.wait().unwrap() {
                status if status.success() => finished += 1,
                status => {
                    assert!(doomed, "not killed by us: {status}");
                    killed += 1;
                }
            }
        }
    }
    let counted = failures(location, &name);
    assert!((finished..=finished + killed).contains(&counted), "{counted}: {finished} and {killed} killed");
    assert!(finished >= 640 && finished + killed == 960);
    // No lock is left behind.
    let started = Instant::now();
    attempt(&mut user_with(location, &name, never_opens()), Observation::Failure);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(failures(location, &name), counted + 1);
}

const TASK: &str = "SHARED_STATE_TEST";

/// A process of this test binary that does `task` and ends.
pub fn child(task: &[&OsStr]) -> Command {
    let mut command = program(std::env::current_exe().unwrap());
    command
        .args(["--exact", "run_as_child", "--test-threads=1"])
        .env(TASK, task.join(OsStr::new("\x1f")))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Copies this binary to where users of all kinds may run it. By `cp`, because the children of other tests would
/// inherit a descriptor that this process writes to, and a file that is open for writing cannot be run (ETXTBSY).
pub fn copy_this_binary(to: &Path) {
    let done = program("cp").arg(std::env::current_exe().unwrap()).arg(to).status();
    assert!(done.unwrap().success());
    fs::set_permissions(to, Permissions::from_mode(0o755)).unwrap();
}

/// A process that records `times` failures, one after the other.
fn spawn(location: &Location, name: &Name, times: u32) -> Child {
    let times = times.to_string();
    child(&["fail".as_ref(), &address(location), OsStr::from_bytes(name.bytes()), times.as_ref()])
        .spawn()
        .unwrap()
}

/// A location as text that [`Location::parse`] reads.
pub fn address(location: &Location) -> OsString {
    match location {
        Location::Directory(path) => path.clone().into_os_string(),
        Location::Redis(url) => OsString::from(url.with_password()),
        Location::Default(path) => [OsStr::new("own:"), path.as_os_str()].concat_os(),
        Location::Unavailable | Location::Rejected(_) => OsString::new(),
    }
}

trait ConcatOs {
    fn concat_os(&self) -> OsString;
}

impl ConcatOs for [&OsStr] {
    fn concat_os(&self) -> OsString {
        self.join(OsStr::new(""))
    }
}

fn parse(address: &[u8]) -> Location {
    match address.strip_prefix(b"own:") {
        Some(path) => Location::Default(PathBuf::from(OsStr::from_bytes(path))),
        None => Location::parse(OsStr::from_bytes(address)).unwrap(),
    }
}

/// The other side of [`child`]: does the task in the environment, if there is one.
///
/// `fail ADDRESS NAME TIMES` records that many failures, and must get no warning.
/// `look ADDRESS NAME` makes one failing attempt, and prints each answer on a line.
pub fn run_task() {
    let Some(task) = std::env::var_os(TASK) else { return };
    let task = task.into_vec();
    let words: Vec<&[u8]> = task.split(|byte| *byte == 0x1f).collect();
    match words.as_slice() {
        [b"fail", address, name, times] => {
            let times: u32 = str::from_utf8(times).unwrap().parse().unwrap();
            let user = user_with(&parse(address), &Name::new(*name), never_opens());
            let mut user = user.with_limit(LONG);
            for _ in 0..times {
                assert_eq!(attempt(&mut user, Observation::Failure), Some(Recorded::Counted));
            }
        }
        [b"look", address, name] => {
            let mut user = user_with(&parse(address), &Name::new(*name), never_opens());
            let gate = user.admit(LEASE);
            let Gate::Pass(permit) = gate.decision else { panic!("refused") };
            let recorded = user.record(permit, Observation::Failure, &mut Random::seeded(1));
            let payment = user.pay();
            let mut out = std::io::stdout();
            for (what, warning) in [
                (format!("{permit:?}"), gate.warning),
                (format!("{:?}", recorded.decision), recorded.warning),
                (format!("{:?}", payment.decision), payment.warning),
            ] {
                let warning = warning.unwrap_or_default();
                writeln!(out, "told: {what} | {warning}").unwrap();
            }
        }
        other => panic!("unknown task: {other:?}"),
    }
}

/// Runs a `look`. Returns its three answers, and their warnings.
pub fn told(command: &mut Command) -> (Vec<String>, Vec<String>) {
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // libtest prints the beginning of its own line first.
    let lines = text.lines().filter_map(|line| line.split_once("told: ")?.1.split_once(" | "));
    let (answers, warnings): (Vec<_>, Vec<_>) =
        lines.map(|(answer, warning)| (answer.to_owned(), warning.to_owned())).unzip();
    assert_eq!(answers.len(), 3, "{text}");
    (answers, warnings.into_iter().filter(|warning| !warning.is_empty()).collect())
}

/// Checks that the state at `location` cannot be used, that the run goes on, and that only the first answer has a
/// warning, which contains `why`.
pub fn fails_open(location: &Location, name: &str, why: &str) {
    let mut user = user(location, name);
    let gate = user.admit(LEASE);
    assert_eq!(gate.decision, Gate::Pass(Permit::Unguarded));
    let warning = gate.warning.expect("a warning");
    assert!(warning.contains(why), "{warning}");
    assert_eq!(sure(user.record(Permit::Unguarded, Observation::Failure, &mut Random::seeded(1))), None);
    assert_eq!(sure(user.refusal()), None);
    // One retry is left, and no success gives another one.
    assert_eq!(sure(user.pay()), Payment::Paid);
    sure(user.deposit());
    assert_eq!(sure(user.pay()), Payment::Empty { wait: Duration::MAX });
}
