//! The environment of a command: ours, with the variables that `retry` adds, and the command's pid in place of ours.

use std::ffi::{CStr, CString};
use std::io;
use std::ptr;

unsafe extern "C" {
    /// environ(7).
    static environ: *const *const libc::c_char;
}

/// The environment of the command.
pub struct Environment {
    /// Pointers to `NAME=value`, with a null pointer at the end.
    pub entries: Vec<*const libc::c_char>,
    /// The texts of our own variables, which `entries` points to.
    _texts: Vec<CString>,
    /// The variables with the command's pid, which is not known yet, and its offset in the text.
    pids: Vec<(Box<[u8]>, usize)>,
}

/// Variables with which systemd passes a service its own pid: sd_listen_fds(3), sd_watchdog_enabled(3),
/// systemd.exec(5). The service is the command, not us.
const PID_VARIABLES: [&[u8]; 3] = [b"LISTEN_PID", b"WATCHDOG_PID", b"SYSTEMD_EXEC_PID"];
/// A variable with the pidfd id of the service, which cannot be known before the start. Without it, the pid decides.
const PIDFD_VARIABLES: [&[u8]; 1] = [b"LISTEN_PIDFDID"];

impl Environment {
    /// Ours, with `variables` in place of those of the same name.
    ///
    /// # Errors
    /// A value contains a zero byte.
    pub fn new(variables: &[(&'static str, String)]) -> io::Result<Self> {
        let us = rustix::process::getpid().as_raw_nonzero().to_string();
        let mut entries = Vec::new();
        let mut pids = Vec::new();
        let mut pidfds = Vec::new();
        // SAFETY: environ(7) points to texts that end with a zero, and ends with a null pointer. We never change it.
        let mut entry = unsafe { environ };
        // SAFETY: as above.
        while let Some(variable) = unsafe { entry.as_ref() }.filter(|variable| !variable.is_null()) {
            // SAFETY: as above.
            let bytes = unsafe { CStr::from_ptr(*variable) }.to_bytes();
            let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
            let value = bytes.get(name.len() + 1..).unwrap_or_default();
            if PID_VARIABLES.contains(&name) && value == us.as_bytes() {
                // The digits of any pid fit in 21 bytes, with a zero behind them.
                let mut text = vec![0; name.len() + 1 + 21].into_boxed_slice();
                text[..=name.len()].copy_from_slice(&bytes[..=name.len()]);
                pids.push((text, name.len() + 1));
            } else if PIDFD_VARIABLES.contains(&name) {
                pidfds.push(*variable);
            } else if !variables.iter().any(|(ours, _)| ours.as_bytes() == name) {
                entries.push(*variable);
            }
            // SAFETY: the null pointer at the end was not reached.
            entry = unsafe { entry.add(1) };
        }
        if pids.is_empty() {
            entries.append(&mut pidfds);
        }
        let texts = variables.iter().map(|(name, value)| CString::new([name, "=", value].concat()));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        entries.extend(texts.iter().map(|text| text.as_ptr()));
        entries.extend(pids.iter().map(|(text, _)| text.as_ptr().cast()));
        entries.push(ptr::null());
        Ok(Self { entries, _texts: texts, pids })
    }

    /// Called in the child: writes its pid into the variables, without allocating.
    pub fn insert_pid(&mut self, pid: libc::pid_t) {
        for (text, offset) in &mut self.pids {
            let digits = pid.checked_ilog10().unwrap_or(0) + 1;
            let mut rest = pid.unsigned_abs();
            for position in (0..digits as usize).rev() {
                text[*offset + position] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
}
