//! The three streams of `retry` itself: full, hung up, non-blocking, the same file, owned by another user.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, program, retry, said, text, works};
use common::terminal::Terminal;
use rustix::fs::{OFlags, fcntl_setfl};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

fn shell(scratch: &Scratch, script: &str) -> Output {
    let mut sh = program("sh");
    sh.args(["-c", script]).env("RETRY", RETRY).stdin(Stdio::null());
    scratch.settle(&mut sh);
    sh.output().unwrap()
}

#[test]
fn a_full_disk_ends_no_command_whose_output_is_watched() {
    let scratch = Scratch::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let words =
        "retry: cannot write the command's output to stdout: no space left on device. Discarding the rest";
    for (ends, code, expected) in [
        // The rule still finds its match after the error.
        ("0", 0, vec![words.to_owned()]),
        (
            "3",
            3,
            vec![
                words.to_owned(),
                "Retrying in 0s".to_owned(),
                "Not retrying: permanent failure (--stop-on-output enough)".to_owned(),
            ],
        ),
    ] {
        let script = format!(
            "yes | head -c 1M; echo $RETRY_ATTEMPT >> ran; [ $RETRY_ATTEMPT = 1 ] || echo enough; exit {ends}"
        );
        let mut retry = scratch.retry_to_spawn("--base 0 -j 0 --stop-on-output enough");
        let done = retry.args(["--", "sh", "-c", &script]).stdout(full()).stderr(Stdio::piped());
        let done = done.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{:?}", said(&done));
        let said = said(&done);
        assert_eq!(said.len(), expected.len(), "{said:?}");
        assert!(said.iter().zip(&expected).all(|(said, expected)| said.ends_with(expected)), "{said:?}");
    }
    assert_eq!(scratch.read("ran"), "1\n1\n2\n");
    // --quiet does not hide that output is lost.
    let mut retry = scratch.retry_to_spawn("-q --idle-timeout 1000");
    let done = retry.args(["seq", "100000"]).stdout(full()).stderr(Stdio::piped());
    let done = done.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(said(&done), [words]);
}

#[test]
fn a_terminal_that_hangs_up_ends_no_command_whose_output_is_watched() {
    let scratch = Scratch::new();
    let script = "$RETRY --retry-on-output nothing --log log -- sh -c 'echo one; touch ready; while [ ! -e go ]; \
        do sleep 0.02; done; echo two; echo three >> after; exit 7'; echo $? > status";
    // Nobody in this session ends at the hang-up, as under nohup.
    let mut terminal = Terminal::start(&scratch, &["sh", "-c", &format!("trap '' HUP; {script}")]);
    terminal.shows("one");
    terminal.close();
    File::create(scratch.path("go")).unwrap();
    assert_eq!(scratch.line("status"), "7", "{}", scratch.read("log"));
    assert_eq!(scratch.line("after"), "three");
    let warned = scratch.read("log").matches("cannot write the command's output to stdout: ").count();
    assert_eq!(warned, 1, "{}", scratch.read("log"));
}

#[test]
fn help_reaches_a_slow_reader_of_a_non_blocking_pipe_whole() {
    let whole = retry().arg("--help").output().unwrap().stdout;
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    let mut child = retry().arg("--help").stdout(writer).spawn().unwrap();
    // The first page is written, and the next one does not fit.
    common::command::wait_until("a full pipe", || rustix::io::ioctl_fionread(&reader).unwrap() == 4096);
    let mut came = Vec::new();
    reader.read_to_end(&mut came).unwrap();
    assert!(came == whole, "{} of {} bytes", came.len(), whole.len());
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_an_attempt_does_to_the_flags_of_a_stream_is_undone_before_the_next_one() {
    if !works(program("python3").arg("--version"), "python3", "flags of a stream that an attempt changes") {
        return;
    }
    let scratch = Scratch::new();
    let script = "import fcntl, os, sys\nnow = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (0, 1, 2)]\n\
        open('flags', 'a').write(str([flags & os.O_NONBLOCK for flags in now]) + '\\n')\n\
        [fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK) for fd, flags in enumerate(now)]\nsys.exit(1)";
    let pipes = [std::io::pipe().unwrap(), std::io::pipe().unwrap(), std::io::pipe().unwrap()];
    let mut retry = scratch.retry_to_spawn("-q --base 0 -j 0 -r 3");
    retry.args(["--fallback", &format!("python3 -c \"{}\"", script.replace("sys.exit(1)", ""))]);
    retry.args(["--", "python3", "-c", script]);
    retry.stdin(pipes[0].0.try_clone().unwrap());
    retry.stdout(pipes[1].1.try_clone().unwrap()).stderr(pipes[2].1.try_clone().unwrap());
    assert!(retry.status().unwrap().success());
    assert_eq!(scratch.read("flags"), "[0, 0, 0]\n".repeat(4));
}

#[test]
fn a_stdin_that_is_written_to_as_well_is_not_rewound() {
    let scratch = Scratch::new();
    fs::write(scratch.path("log"), "before\n").unwrap();
    let attempt = "cat > /dev/null; echo \"attempt $RETRY_ATTEMPT\"; false";
    let run = |redirection: &str| {
        let done =
            shell(&scratch, &format!("\"$RETRY\" -q -r 3 --base 0 -- sh -c '{attempt}' {redirection}"));
        assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    };
    run("0<>log 1>&0");
    assert_eq!(scratch.read("log"), "before\nattempt 1\nattempt 2\nattempt 3\n");
    run("0<>log 2>&0 >&2");
    // Two descriptions of one file have two offsets, so nothing is overwritten.
    fs::write(scratch.path("log"), "before\n").unwrap();
    let counting = "wc -l; false";
    let done = shell(&scratch, &format!("\"$RETRY\" -q -r 2 --base 0 -- sh -c '{counting}' 0<>log 1>>log"));
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(scratch.read("log"), "before\n1\n2\n");
}

#[test]
fn a_command_that_becomes_another_user_can_open_its_streams_by_name() {
    let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    if !works(program("setpriv").args(become_nobody).arg("true"), "setpriv", "another user (as root)") {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    let script = "cat /dev/stdin > /dev/null && echo out > /dev/stdout && echo err > /dev/stderr";
    let run = |mode: u32, owner: u32| {
        let file = |name: &str| {
            let path = scratch.path(name);
            let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).unwrap();
            file.set_permissions(PermissionsExt::from_mode(mode)).unwrap();
            std::os::unix::fs::fchown(&file, Some(owner), None).unwrap();
            file
        };
        let mut retry = scratch.retry_to_spawn("-q -r 1 -O --retry-on-output stderr:x");
        retry.args(["--", "setpriv"]).args(become_nobody).args(["sh", "-c", script]);
        let status = retry.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).status().unwrap();
        (status.success(), scratch.read("out"))
    };
    assert_eq!(run(0o666, 0), (true, "out\n".to_owned()));
    assert_eq!(run(0o600, 65534), (true, "out\n".to_owned()));
    // The command cannot open what it could not open without `retry`.
    assert_eq!(run(0o600, 0), (false, String::new()));
}

/// Without privileges the pipes of all processes of a user count together: pipe(7).
#[test]
fn pipes_grow_only_when_they_were_full_and_then_not_far() {
    let scratch = Scratch::new();
    let size = |amount: &str| {
        let script =
            format!("head -c {amount} /dev/zero >&2; touch ready; while [ ! -e go ]; do sleep 0.02; done");
        for file in ["ready", "go"] {
            let _none = fs::remove_file(scratch.path(file));
        }
        let mut command = scratch.retry_to_spawn("--retry-on-output stderr:nothing");
        command.args(["--", "sh", "-c", &script]);
        let running = scratch.start_command(command);
        common::command::wait_until("the command to be ready", || scratch.path("ready").exists());
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid())).unwrap();
        let pipe = File::options().write(true).open(format!("/proc/{}/fd/2", children.trim())).unwrap();
        let size = rustix::pipe::fcntl_getpipe_size(pipe.as_fd()).unwrap();
        drop(pipe);
        File::create(scratch.path("go")).unwrap();
        assert!(running.end().success());
        size
    };
    assert_eq!(size("10"), 64 << 10);
    assert_eq!(size("20M"), 256 << 10);
}

/// Another reader of our stdin takes the bytes that poll(2) has seen. `retry` does not wait for more.
#[test]
fn a_second_reader_of_stdin_blocks_nothing() {
    let scratch = Scratch::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = scratch.retry_to_spawn("-r 1 --stdin replay --timeout 2");
    command.args(["--", "sh", "-c", "touch ready; exec cat > got"]).stdin(reader.try_clone().unwrap());
    command.stderr(File::create(scratch.path("stderr")).unwrap());
    let mut retry = command.spawn().unwrap();
    let rival = std::thread::spawn(move || {
        let mut bytes = [0; 16];
        while let Ok(1..) = { &reader }.read(&mut bytes) {}
    });
    for _ in 0..20_000 {
        writer.write_all(b"x").unwrap();
    }
    // The writer stays open, so only the time limit can end this.
    assert_eq!(retry.wait().unwrap().code(), Some(124), "{}", scratch.read("stderr"));
    drop(writer);
    rival.join().unwrap();
}
