//! The environment that a command gets: ours, with what `retry` adds, and with the command's pid where ours stood.

use std::ffi::{CStr, CString};
use std::io;
use std::ptr;

unsafe extern "C" {
    /// environ(7).
    static environ: *const *const libc::c_char;
}

/// The environment of the command.
pub struct Environment {
    /// `NAME=value`, and a null pointer at the end.
    pub entries: Vec<*const libc::c_char>,
    /// Ours, which `entries` points to.
    _texts: Vec<CString>,
    /// Those that hold the command's pid, which is not known yet, and where in the text it goes.
    pids: Vec<(Box<[u8]>, usize)>,
}

/// What systemd tells a service about itself, with the pid for which it is meant: sd_listen_fds(3),
/// sd_watchdog_enabled(3), systemd.exec(5). The service is the command, not us.
const PIDS: [&[u8]; 3] = [b"LISTEN_PID", b"WATCHDOG_PID", b"SYSTEMD_EXEC_PID"];
/// The same process by another number, which we cannot know in time. Without it, the pid decides.
const OTHER_PIDS: [&[u8]; 1] = [b"LISTEN_PIDFDID"];

impl Environment {
    /// Ours, with `variables` in place of those of the same name.
    ///
    /// # Errors
    /// A value contains a zero.
    pub fn new(variables: &[(&'static str, String)]) -> io::Result<Self> {
        let us = rustix::process::getpid().as_raw_nonzero().to_string();
        let mut entries = Vec::new();
        let mut pids = Vec::new();
        let mut others = Vec::new();
        // SAFETY: environ(7) points to texts that end with a zero, and ends with a null pointer. Nothing of ours
        // ever changes it.
        let mut entry = unsafe { environ };
        // SAFETY: as above.
        while let Some(text) = unsafe { entry.as_ref() }.filter(|text| !text.is_null()) {
            // SAFETY: as above.
            let bytes = unsafe { CStr::from_ptr(*text) }.to_bytes();
            let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
            let value = bytes.get(name.len() + 1..).unwrap_or_default();
            if PIDS.contains(&name) && value == us.as_bytes() {
                // Room for the digits of any pid, and zeros behind them.
                let mut place = vec![0; name.len() + 1 + 21].into_boxed_slice();
                place[..=name.len()].copy_from_slice(&bytes[..=name.len()]);
                pids.push((place, name.len() + 1));
            } else if OTHER_PIDS.contains(&name) {
                others.push(*text);
            } else if !variables.iter().any(|(ours, _)| ours.as_bytes() == name) {
                entries.push(*text);
            }
            // SAFETY: the null pointer at the end was not reached.
            entry = unsafe { entry.add(1) };
        }
        if pids.is_empty() {
            entries.append(&mut others);
        }
        let texts = variables.iter().map(|(name, value)| CString::new([name, "=", value].concat()));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        entries.extend(texts.iter().map(|text| text.as_ptr()));
        entries.extend(pids.iter().map(|(place, _)| place.as_ptr().cast()));
        entries.push(ptr::null());
        Ok(Self { entries, _texts: texts, pids })
    }

    /// In the child: writes its pid where it belongs, without allocating.
    pub fn insert_pid(&mut self, pid: libc::pid_t) {
        for (place, at) in &mut self.pids {
            let digits = pid.checked_ilog10().unwrap_or(0) + 1;
            let mut rest = pid.unsigned_abs();
            for position in (0..digits as usize).rev() {
                place[*at + position] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
}
