//! A job object: the processes that one command has started, whatever their parents are.

use super::children::Pid;
use std::io;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_BASIC_PROCESS_ID_LIST,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS, JobObjectBasicAccountingInformation,
    JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation, QueryInformationJobObject,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};

/// What happens to the processes of a job when we end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOurEnd {
    /// They end as well.
    End,
    /// They live on.
    LiveOn,
}

/// A job object.
#[derive(Debug)]
pub struct Job(OwnedHandle);

impl Job {
    /// A job without processes. They end when we do.
    ///
    /// # Errors
    /// No handles left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the null pointers mean no attributes and no name.
        let handle = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is a new handle, and nobody else closes it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        job.at_our_end(AtOurEnd::End)?;
        Ok(job)
    }

    /// Decides what happens to its processes when we end.
    ///
    /// # Errors
    /// Any error of SetInformationJobObject.
    pub fn at_our_end(&self, what: AtOurEnd) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        if what == AtOurEnd::End {
            limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        }
        // SAFETY: the structure belongs to this class, and has this size.
        let set = unsafe {
            SetInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of_val(&limits) as u32,
            )
        };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Adds a process. All that it starts from now on is in the job too.
    ///
    /// # Errors
    /// Any error of AssignProcessToJobObject.
    pub fn add(&self, process: BorrowedHandle<'_>) -> io::Result<()> {
        // SAFETY: both handles are open.
        match unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Ends all its processes with this exit code.
    ///
    /// # Errors
    /// Any error of TerminateJobObject.
    pub fn terminate(&self, code: u32) -> io::Result<()> {
        // SAFETY: the handle is open.
        match unsafe { TerminateJobObject(self.0.as_raw_handle(), code) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// How many processes have not ended.
    ///
    /// # Errors
    /// Any error of QueryInformationJobObject.
    pub fn active(&self) -> io::Result<u32> {
        let mut info = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        let size = size_of_val(&info) as u32;
        // SAFETY: the structure belongs to this class, and has this size.
        unsafe { self.query(JobObjectBasicAccountingInformation, (&raw mut info).cast(), size)? };
        Ok(info.ActiveProcesses)
    }

    /// The processes that have not ended.
    ///
    /// # Errors
    /// Any error of QueryInformationJobObject.
    pub fn processes(&self) -> io::Result<Vec<Pid>> {
        // Two numbers of 32 bits, and then the pids.
        const HEADER: usize = std::mem::offset_of!(JOBOBJECT_BASIC_PROCESS_ID_LIST, ProcessIdList);
        let mut room = 64;
        loop {
            let mut list = vec![0_usize; HEADER / size_of::<usize>() + room];
            let size = (list.len() * size_of::<usize>()) as u32;
            // SAFETY: the memory has this size, and is aligned for the structure, whose end is an array.
            let result = unsafe { self.query(JobObjectBasicProcessIdList, list.as_mut_ptr().cast(), size) };
            // SAFETY: the memory is large enough for the structure, and zeros are a valid one.
            let found = unsafe { &*list.as_ptr().cast::<JOBOBJECT_BASIC_PROCESS_ID_LIST>() };
            let (all, listed) =
                (found.NumberOfAssignedProcesses as usize, found.NumberOfProcessIdsInList as usize);
            match result {
                Err(error) if error.raw_os_error() != Some(ERROR_MORE_DATA.cast_signed()) => {
                    return Err(error);
                }
                Ok(()) if listed >= all => {
                    let pids = list.iter().skip(HEADER / size_of::<usize>()).take(listed);
                    return Ok(pids.filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)).collect());
                }
                _ => room = (all + 16).max(room * 2),
            }
        }
    }

    /// # Safety
    /// `info` points to `size` bytes for the structure of the class.
    unsafe fn query(
        &self,
        class: JOBOBJECTINFOCLASS,
        info: *mut std::ffi::c_void,
        size: u32,
    ) -> io::Result<()> {
        // SAFETY: the caller guarantees the structure. The null pointer means that its size is not wanted.
        match unsafe {
            QueryInformationJobObject(self.0.as_raw_handle(), class, info, size, std::ptr::null_mut())
        } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

/// Whether a process is the host of a console: the system starts one for a command that gets a console of its own, in the
/// job of the command, and ends it after the last program on that console.
pub fn is_console_host(pid: Pid) -> bool {
    // SAFETY: no memory is involved.
    let handle = unsafe {
        OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid.as_raw_nonzero().get().cast_unsigned())
    };
    if handle.is_null() {
        return false;
    }
    // SAFETY: it is a new handle, and nobody else closes it.
    let process = unsafe { OwnedHandle::from_raw_handle(handle) };
    let mut path = [0; 1024];
    let mut length = path.len() as u32;
    // SAFETY: the path has room for this many characters.
    let is_known = unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            PROCESS_NAME_WIN32,
            path.as_mut_ptr(),
            &raw mut length,
        )
    };
    let path = String::from_utf16_lossy(&path[..length as usize]).to_ascii_lowercase();
    is_known != 0 && path.ends_with(r"\system32\conhost.exe")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::windows::io::AsHandle as _;
    use std::process::{Command, Stdio};

    /// A process that runs until its stdin is closed.
    fn process() -> std::process::Child {
        let mut command = Command::new("cmd");
        command.args(["/D", "/Q", "/K"]).stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    #[test]
    fn all_its_processes_are_counted_listed_and_ended() {
        let job = Job::new().unwrap();
        assert_eq!((job.active().unwrap(), job.processes().unwrap()), (0, Vec::new()));
        let mut all: Vec<_> = (0..3).map(|_| process()).collect();
        all.iter().for_each(|process| job.add(process.as_handle()).unwrap());
        let pids = job.processes().unwrap();
        for process in &all {
            assert!(pids.contains(&Pid::from_raw(process.id().cast_signed()).unwrap()));
        }
        assert!(job.active().unwrap() >= 3);
        job.terminate(7).unwrap();
        assert!(all.iter_mut().all(|process| process.wait().unwrap().code() == Some(7)));
        assert_eq!(job.active().unwrap(), 0);
    }

    #[test]
    fn its_processes_end_with_it_unless_they_may_live_on() {
        let job = Job::new().unwrap();
        let mut ends = process();
        job.add(ends.as_handle()).unwrap();
        drop(job);
        ends.wait().unwrap();

        let job = Job::new().unwrap();
        let mut lives_on = process();
        job.add(lives_on.as_handle()).unwrap();
        job.at_our_end(AtOurEnd::LiveOn).unwrap();
        drop(job);
        assert!(lives_on.try_wait().unwrap().is_none());
        drop(lives_on.stdin.take());
        lives_on.wait().unwrap();
    }
}
