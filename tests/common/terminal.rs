//! An interactive bash with job control on a pseudo-terminal, driven as a person would. The crates for
//! this keep the terminal open in a thread of their own, so that it can never hang up.

use super::command::{RETRY, Scratch, program, wait_for};
use super::live::send;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Child;

pub struct Terminal {
    master: Option<File>,
    leader: Child,
    /// What was shown and not yet looked at.
    screen: String,
}

impl Terminal {
    /// A bash in the scratch directory, in which `$RETRY` is the binary under test.
    pub fn bash(scratch: &Scratch) -> Self {
        Self::start(scratch, &["bash", "--norc", "--noprofile", "--noediting", "-i"])
    }

    /// Any command as the leader of the terminal's session.
    pub fn start(scratch: &Scratch, words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        // setsid(1) makes its standard input the controlling terminal, and then becomes the command.
        let mut command = program("setsid");
        command.arg("--ctty").args(words).stdin(slave()).stdout(slave()).stderr(slave());
        scratch.settle(&mut command);
        command.env("RETRY", RETRY).env("PS1", "").env("TERM", "dumb").env("LC_ALL", "C");
        let leader = command.spawn().unwrap();
        // Reads must not block, so that a test that waits in vain says so.
        rustix::io::ioctl_fionbio(&master, true).unwrap();
        Self { master: Some(File::from(master)), leader, screen: String::new() }
    }

    /// The pid of the session's leader.
    pub fn leader(&self) -> i32 {
        i32::try_from(self.leader.id()).unwrap()
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) {
        self.key(&format!("{line}\n"));
    }

    /// Presses Ctrl and a letter.
    pub fn control(&mut self, letter: char) {
        let code = u8::try_from(letter).unwrap() & 0x1f;
        self.key(char::from(code).encode_utf8(&mut [0; 4]));
    }

    /// Types keys without Return.
    pub fn key(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the terminal shows this, and returns what it showed before.
    pub fn shows(&mut self, text: &str) -> String {
        wait_for(&format!("the terminal to show {text:?}"), || {
            self.read();
            let at = self.screen.find(text)?;
            let rest = self.screen.split_off(at + text.len());
            let mut before = std::mem::replace(&mut self.screen, rest);
            before.truncate(at);
            Some(before)
        })
    }

    fn read(&mut self) {
        let mut bytes = [0_u8; 4096];
        while let Ok(n @ 1..) = self.master.as_mut().unwrap().read(&mut bytes) {
            self.screen.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    }

    /// The status of the last command, as the shell sees it. The command line itself is echoed too, so
    /// it must not look like the answer.
    pub fn status(&mut self) -> String {
        self.line("echo \"[status\":$?]");
        self.shows("[status:");
        self.shows("]")
    }

    /// Hangs up.
    pub fn close(&mut self) {
        self.master = None;
    }
}

impl Drop for Terminal {
    #[expect(clippy::disallowed_macros, reason = "a failed test says what was on the screen")]
    fn drop(&mut self) {
        if std::thread::panicking() && self.master.is_some() {
            self.read();
            eprintln!("the terminal's last words: {}", self.screen);
        }
        // An interactive bash ignores TERM; hanging up is what ends what runs in it.
        self.close();
        send(self.leader(), Signal::KILL);
        let _reaped = self.leader.wait();
    }
}
