//! stdin that is replayed, output that is held or searched: everything comes out once and complete, in constant memory,
//! without waiting for processes that do not matter.

mod common;

use common::command::{Running, Scratch, needs, program, said, text, timed, wait_until, works};
use common::live::state;
use common::terminal::Terminal;
use rustix::process::Signal;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, PipeReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::Duration;

/// How long a daemon that holds a pipe sleeps, in seconds: longer than a test takes on a busy machine, so that
/// waiting for it is noticed.
const LONG: u64 = 30;

/// `retry OPTIONS -- sh -c SCRIPT` with pipes at all three streams.
fn piped(scratch: &Scratch, options: &str, script: &str) -> Child {
    let mut retry = scratch.retry_to_spawn(options);
    retry.args(["--", "sh", "-c", script]);
    retry.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// `sh -c SCRIPT`, in which `$RETRY` is the binary under test.
fn shell(scratch: &Scratch, script: &str) -> std::process::Output {
    let mut sh = program("sh");
    sh.args(["-c", script]).env("RETRY", common::command::RETRY).stdin(Stdio::null());
    scratch.settle(&mut sh);
    sh.output().unwrap()
}

/// Bytes of every value, without a period, so that a lost or repeated chunk is noticed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The most memory that a process has used, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Time that a process has used, in clock ticks.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

// stdin

#[test]
fn each_attempt_reads_the_same_bytes_of_a_pipe() {
    let scratch = Scratch::new();
    let mut retry = piped(&scratch, "-r 3 --base 0 -j 0 --stdin replay", "cat > in.$RETRY_ATTEMPT; false");
    let mut input: Vec<u8> = (0..1_000_000).flat_map(|n: u32| format!("{n}\n").into_bytes()).collect();
    input.extend(noise(100_000));
    retry.stdin.take().unwrap().write_all(&input).unwrap();
    let done = retry.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{:?}", said(&done));
    for attempt in 1..=3 {
        assert!(fs::read(scratch.path(&format!("in.{attempt}"))).unwrap() == input, "attempt {attempt}");
    }
    assert_eq!(scratch.files().len(), 3);
}

#[test]
fn the_first_attempt_reads_while_the_writer_writes() {
    let scratch = Scratch::new();
    let script = r#"while read -r line; do echo "$RETRY_ATTEMPT got $line"; done; test "$RETRY_ATTEMPT" = 2"#;
    let mut retry = piped(&scratch, "-q --base 0 -j 0 --stdin replay", script);
    let mut input = retry.stdin.take().unwrap();
    let mut output = BufReader::new(retry.stdout.take().unwrap()).lines();
    for word in ["one", "two"] {
        writeln!(input, "{word}").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), format!("1 got {word}"));
    }
    drop(input);
    let rest: Vec<String> = output.map(Result::unwrap).collect();
    assert_eq!(rest, ["2 got one", "2 got two"]);
    assert!(retry.wait().unwrap().success());
}

#[test]
fn a_later_attempt_gets_what_was_kept_and_then_the_rest() {
    let scratch = Scratch::new();
    let script = r#"read -r a; echo "$RETRY_ATTEMPT $a"; [ "$RETRY_ATTEMPT" = 1 ] && exit 1
        while read -r b; do echo "$RETRY_ATTEMPT $b"; done"#;
    let mut retry = piped(&scratch, "-q --base 0 -j 0 --stdin replay", script);
    let mut input = retry.stdin.take().unwrap();
    let mut output = BufReader::new(retry.stdout.take().unwrap()).lines();
    let mut next = || output.next().unwrap().unwrap();
    input.write_all(b"first\n").unwrap();
    assert_eq!((next(), next()), ("1 first".to_owned(), "2 first".to_owned()));
    input.write_all(b"second\n").unwrap();
    assert_eq!(next(), "2 second");
    drop(input);
    assert!(retry.wait().unwrap().success());
}

#[test]
fn a_stdin_that_never_ends_is_not_waited_for_and_costs_nothing() {
    let scratch = Scratch::new();
    let mut retry = piped(&scratch, "-q -r 2 --base 0 --stdin replay", "exit 3");
    let _held_open = retry.stdin.take().unwrap();
    assert_eq!(retry.wait().unwrap().code(), Some(3));

    // The command has closed its end, and the writer waits: `retry` must not use CPU time.
    let script = "exec <&-; echo closed; while [ ! -e end ]; do sleep 0.05; done";
    let mut retry = piped(&scratch, "-q --stdin replay", script);
    let _held_open = retry.stdin.take().unwrap();
    let mut line = String::new();
    BufReader::new(retry.stdout.take().unwrap()).read_line(&mut line).unwrap();
    wait_until("retry to sleep", || state(retry.id().cast_signed()) == Some('S'));
    let before = ticks(retry.id());
    timed_pause();
    let spent = ticks(retry.id()) - before;
    fs::write(scratch.path("end"), "").unwrap();
    assert!(retry.wait().unwrap().success());
    assert!(spent < 20, "{spent} ticks of 100 in a second of waiting");
}

#[expect(clippy::disallowed_methods, reason = "what is measured is time spent in a second of waiting")]
fn timed_pause() {
    std::thread::sleep(Duration::from_secs(1));
}

#[test]
fn a_writer_without_end_is_stopped_by_the_end_of_retry() {
    let scratch = Scratch::new();
    let done =
        shell(&scratch, r#"yes | "$RETRY" -q -r 2 --base 0 --stdin replay -- sh -c 'head -n 1; false'"#);
    assert_eq!(text(&done.stdout), "y\ny\n");
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn null_is_empty() {
    let scratch = Scratch::new();
    let mut retry = piped(&scratch, "--stdin null", "readlink /proc/self/fd/0; wc -c");
    let _held_open = retry.stdin.take().unwrap();
    assert_eq!(text(&retry.wait_with_output().unwrap().stdout), "/dev/null\n0\n");
}

#[test]
fn a_file_starts_each_attempt_where_the_first_one_began() {
    let scratch = Scratch::new();
    fs::write(scratch.path("file"), "0123456789").unwrap();
    for mode in ["inherit", "replay"] {
        let mut file = File::open(scratch.path("file")).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        let mut retry = scratch.retry_to_spawn(&format!("-r 3 --base 0 --stdin {mode}"));
        retry.args(["--", "sh", "-c", "cat; echo; false"]).stdin(file);
        let done = retry.output().unwrap();
        assert_eq!(text(&done.stdout), "456789\n456789\n456789\n", "{mode}");
        assert!(!text(&done.stderr).contains("read to the end"), "{mode}: {}", text(&done.stderr));
    }
}

#[test]
fn that_stdin_is_at_its_end_is_said_once_and_only_where_it_matters() {
    let scratch = Scratch::new();
    let retry = r#""$RETRY" -r 3 --base 0 -- sh -c 'cat; false'"#;
    let done = shell(&scratch, &format!("echo x | {retry}"));
    let lines = said(&done);
    assert_eq!(text(&done.stdout), "x\n");
    assert!(
        lines[0].ends_with("s, but stdin has been read to the end (--stdin replay keeps it)"),
        "{lines:?}"
    );
    assert_eq!(lines.iter().filter(|line| line.contains("read to the end")).count(), 1, "{lines:?}");

    fs::write(scratch.path("file"), "x").unwrap();
    for (case, stdin) in [
        ("nothing", retry.to_owned()),
        ("a file", format!("{retry} < file")),
        ("replay", format!("echo x | {}", retry.replace("-r 3", "-r 3 --stdin replay"))),
        ("null", format!("echo x | {}", retry.replace("-r 3", "-r 3 --stdin null"))),
        ("something is left", format!("(echo x; echo y) | {}", retry.replace("cat", "true"))),
        ("a closed one", format!("{retry} <&-")),
    ] {
        let done = shell(&scratch, &stdin);
        assert_eq!(said(&done).len(), 3, "{case}: {:?}", said(&done));
        assert!(!text(&done.stderr).contains("read to the end"), "{case}: {:?}", said(&done));
    }
    // A pipe that was empty and closed from the start.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    let mut command = scratch.retry_to_spawn("-r 2 --base 0");
    let done = command.args(["--", "sh", "-c", "cat; false"]).stdin(reader).output().unwrap();
    assert!(!text(&done.stderr).contains("read to the end"), "{:?}", said(&done));
}

#[test]
fn a_terminal_is_not_at_its_end() {
    if !needs("bash", "stdin that is a terminal") {
        return;
    }
    let scratch = Scratch::new();
    let mut bash = Terminal::bash(&scratch);
    bash.line("\"$RETRY\" -r 2 --base 0 -- sh -c 'read -r a; echo \"<$a>\"; false'; echo 'do''ne'");
    bash.line("one");
    bash.shows("<one>");
    bash.line("two");
    bash.shows("<two>");
    assert!(!bash.shows("done").contains("read to the end"));
}

#[test]
fn a_terminal_is_inherited_and_not_replayed() {
    if !needs("bash", "stdin that is a terminal") {
        return;
    }
    let scratch = Scratch::new();
    let mut bash = Terminal::bash(&scratch);
    let script = "test -t 0 || exit 9; echo re''ady; read -r a; echo \"<$a>\"; false";
    bash.line(&format!(
        "\"$RETRY\" -v -r 1 --stdin replay -- sh -c '{}'; echo 'do''ne'",
        script.replace("''", "\"\"")
    ));
    let notes = bash.shows("ready");
    assert!(notes.contains("note: stdin is a terminal and is not replayed"), "{notes}");
    bash.line("one");
    bash.shows("<one>");
    bash.shows("done");
    // No key that was pressed for the shell is lost.
    assert_eq!(bash.status(), "0");
}

#[test]
fn a_device_is_replayed_byte_by_byte() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry_to_spawn("--base 0 -j 0 -r 3 -q --stdin replay -- sh -c");
    retry.arg("head -c 16 >> read; exit 1").stdin(std::fs::File::open("/dev/urandom").unwrap());
    assert_eq!(retry.status().unwrap().code(), Some(1));
    let read = std::fs::read(scratch.path("read")).unwrap();
    assert_eq!(read.len(), 48);
    assert!(read[..16] == read[16..32] && read[..16] == read[32..], "{read:?}");
}

#[test]
fn without_a_place_for_stdin_the_run_is_over() {
    let scratch = Scratch::new();
    let mut command = scratch.retry_to_spawn("--stdin replay");
    command.args(["--", "sh", "-c", "cat > /dev/null"]).env("TMPDIR", "/nonexistent");
    let command = command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut retry = command.spawn().unwrap();
    let _no_reader_at_some_point = retry.stdin.take().unwrap().write_all(&noise(3 << 20));
    let done = retry.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(125));
    assert_eq!(
        said(&done),
        ["retry: cannot store stdin for replay in /nonexistent: no such file or directory"]
    );
}

// Held output

#[test]
fn a_pipe_sees_the_last_attempt_alone() {
    let scratch = Scratch::new();
    for options in ["-O", "--stdout final"] {
        let script = r#"echo "out $RETRY_ATTEMPT"; echo "err $RETRY_ATTEMPT" >&2; test "$RETRY_ATTEMPT" = 3"#;
        let mut retry = scratch.retry(&format!("{options} --base 0 -j 0"));
        let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
        assert_eq!(text(&done.stdout), "out 3\n");
        let stderr = text(&done.stderr);
        let order = ["err 1", "1/3 failed", "err 2", "2/3 failed", "err 3", "retry: succeeded"];
        let places: Vec<_> = order.iter().map(|part| stderr.find(part)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "{stderr}");
        assert!(said(&done)[0].contains("s, 6 bytes of output held back. Retrying"), "{stderr}");
    }
}

#[test]
fn the_output_of_the_last_failure_comes_too() {
    let scratch = Scratch::new();
    for options in ["-O", "--stdout failure"] {
        let mut retry = scratch.retry(&format!("{options} -r 2 --base 0"));
        let done = retry.args(["--", "sh", "-c", "echo $RETRY_ATTEMPT; exit 4"]).output().unwrap();
        assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(4), "2\n"), "{options}");
    }
}

#[test]
fn failure_mode_is_silent_about_a_success() {
    let scratch = Scratch::new();
    let script = "echo out; echo err >&2; exit $((2 - RETRY_ATTEMPT))";
    let mut retry = scratch.retry("-q --stdout failure --stderr failure --base 0");
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    assert_eq!((done.status.code(), done.stdout.len(), done.stderr.len()), (Some(0), 0, 0));
    let mut retry = scratch.retry("--silent -r 1 --stdout failure --stderr failure");
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!((text(&done.stdout).as_str(), text(&done.stderr).as_str()), ("out\n", "err\n"));
}

#[test]
fn success_mode_is_silent_about_a_failure() {
    let scratch = Scratch::new();
    let script = "echo out $RETRY_ATTEMPT; echo err $RETRY_ATTEMPT >&2; exit $((2 - RETRY_ATTEMPT))";
    let run = |options: &str| {
        let mut retry = scratch.retry(&format!("--silent --base 0 {options}"));
        let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let both = "--stdout success --stderr success";
    assert_eq!(run(both), (Some(0), "out 2\n".to_owned(), "err 2\n".to_owned()));
    assert_eq!(run(&format!("-r 1 {both}")), (Some(1), String::new(), String::new()));
    assert_eq!(run("-r 1 --stdout success --stderr final").2, "err 1\n");
    // The fallback replaces stdout, but not stderr.
    let fallback = "--fallback=pwd>/dev/null;echo${IFS}instead";
    assert_eq!(run(&format!("-r 1 {both} {fallback}")), (Some(0), "instead\n".to_owned(), String::new()));

    let mut retry = piped(&scratch, both, "echo out; echo err >&2; touch ready; exec sleep 600");
    wait_until("the command to be ready", || scratch.path("ready").exists());
    common::live::send(retry.id().cast_signed(), Signal::TERM);
    let mut stdout = String::new();
    retry.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let done = retry.wait_with_output().unwrap();
    assert_eq!((done.status.signal(), stdout.as_str()), (Some(Signal::TERM.as_raw()), ""));
    assert_eq!(text(&done.stderr).lines().count(), 1, "{}", text(&done.stderr));
}

#[test]
fn stderr_can_be_held_alone() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("--stderr final -r 2 --base 0");
    let script = r#"echo "out $RETRY_ATTEMPT"; echo "err $RETRY_ATTEMPT" >&2; false"#;
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    assert_eq!(text(&done.stdout), "out 1\nout 2\n");
    let stderr = text(&done.stderr);
    assert!(!stderr.contains("err 1") && stderr.matches("err 2\n").count() == 1, "{stderr}");
    assert!(said(&done)[0].contains(", 6 bytes of output held back"), "{stderr}");
}

#[test]
fn dropped_bytes_are_counted() {
    let scratch = Scratch::new();
    for (bytes, words) in
        [(0, None), (1, Some("1 byte of output held back")), (2, Some("2 bytes of output held back"))]
    {
        let mut retry = scratch.retry("-O -r 2 --base 0");
        let script = format!("head -c {bytes} /dev/zero; false");
        let done = retry.args(["--", "sh", "-c", &script]).output().unwrap();
        assert_eq!(done.stdout.len(), bytes);
        match words {
            Some(words) => assert!(said(&done)[0].contains(&format!(", {words}. ")), "{:?}", said(&done)),
            None => assert!(!said(&done)[0].contains("dropped"), "{:?}", said(&done)),
        }
    }
    // Both streams in one count.
    let mut retry = scratch.retry("-O --stderr final -r 2 --base 0");
    let done = retry.args(["--", "sh", "-c", "printf abc; printf de >&2; false"]).output().unwrap();
    assert!(said(&done)[0].contains(", 5 bytes of output held back. "), "{:?}", said(&done));
}

#[test]
fn two_held_streams_into_one_file_keep_their_order() {
    let scratch = Scratch::new();
    let script = "for n in 1 2 3 4 5 6 7 8 9; do echo o$n; echo e$n >&2; done; test $RETRY_ATTEMPT = 2";
    let wanted = (1..=9).map(|n| format!("o{n}\ne{n}\n")).collect::<Vec<_>>().concat();
    let command = format!("\"$RETRY\" -q -O --stderr final --base 0 -- sh -c '{script}'");
    assert!(shell(&scratch, &format!("{command} > file 2>&1")).status.success());
    assert_eq!(scratch.read("file"), wanted);
    assert_eq!(text(&shell(&scratch, &format!("{command} 2>&1")).stdout), wanted);
    // A rule for one stream needs two pipes. Nothing is lost.
    let apart = command.replace("-q", "-q --stop-on-output stderr:nothing");
    let done = shell(&scratch, &format!("{apart} 2>&1"));
    assert_eq!(text(&done.stdout).lines().count(), 18);
    assert!(done.status.success());
}

#[test]
fn a_command_that_opens_its_streams_anew_loses_nothing() {
    let scratch = Scratch::new();
    let script = "echo 1 > /dev/stdout; echo 2; echo 3 > /dev/stdout
        echo 4 > /dev/stderr; echo 5 >&2; echo 6 > /dev/stderr";
    for options in ["-O --stderr final", "--retry-on-output nothing", "-O --stderr final --idle-timeout 60"] {
        let mut retry = scratch.retry(&format!("-q -r 1 {options}"));
        let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
        assert_eq!(text(&done.stdout), "1\n2\n3\n", "{options}");
        assert_eq!(text(&done.stderr), "4\n5\n6\n", "{options}");
    }
}

#[test]
fn any_bytes_and_any_amount_come_out_as_they_went_in() {
    let scratch = Scratch::new();
    for size in [0, 1, 4095, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_001] {
        let bytes = noise(size);
        fs::write(scratch.path("bytes"), &bytes).unwrap();
        fs::write(scratch.path("log"), "before\n").unwrap();
        for options in ["-O", "--retry-on-output nothing", "-O --stop-on-output nothing", "--idle-timeout 60"]
        {
            let command = format!("\"$RETRY\" -q -r 1 {options} -- cat bytes");
            let done = shell(&scratch, &command);
            assert!(done.status.success() && done.stdout == bytes, "{options} {size} to a pipe");
            shell(&scratch, &format!("{command} > file"));
            assert!(fs::read(scratch.path("file")).unwrap() == bytes, "{options} {size} to a file");
        }
        assert!(
            shell(&scratch, "\"$RETRY\" -q -O -- cat bytes >> log && echo after >> log").status.success()
        );
        let log = fs::read(scratch.path("log")).unwrap();
        assert!(log == [b"before\n", &bytes[..], b"after\n"].concat(), "{size} appended");
        assert!(shell(&scratch, "\"$RETRY\" -q -O -- cat bytes > /dev/null").status.success());
    }
}

#[test]
fn a_socket_gets_everything() {
    let scratch = Scratch::new();
    let bytes = noise(3 << 20);
    fs::write(scratch.path("bytes"), &bytes).unwrap();
    for options in ["-O", "--retry-on-output nothing"] {
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut command = scratch.retry_to_spawn(&format!("-q -r 1 {options}"));
        let mut retry =
            command.args(["--", "cat", "bytes"]).stdout(std::os::fd::OwnedFd::from(theirs)).spawn().unwrap();
        drop(command);
        let mut came = Vec::new();
        ours.read_to_end(&mut came).unwrap();
        assert!(came == bytes, "{options}: {} bytes", came.len());
        assert!(retry.wait().unwrap().success());
    }
}

#[test]
fn held_output_that_a_full_disk_does_not_take_is_an_error_of_retry() {
    let scratch = Scratch::new();
    for size in [10, 3 << 20] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut retry = scratch.retry_to_spawn("-O");
        let script = format!("head -c {size} /dev/zero");
        let done = retry.args(["--", "sh", "-c", &script]).stdout(full).stderr(Stdio::piped());
        let done = done.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(125), "{size}");
        let words = "retry: cannot write the command's output to stdout: no space left on device";
        assert_eq!(said(&done), [words], "{size}");
    }
}

#[test]
fn without_a_place_for_the_output_the_run_is_over() {
    let scratch = Scratch::new();
    // The command writes for longer than the test waits.
    let script = "yes; sleep 600";
    let mut retry = scratch.retry("-O -q");
    let done = retry.args(["--", "sh", "-c", script]).env("TMPDIR", "/nonexistent").output().unwrap();
    assert_eq!((done.status.code(), done.stdout.len()), (Some(125), 0));
    let words = "retry: cannot hold the command's output in /nonexistent: no such file or directory";
    assert_eq!(said(&done), [words]);
    // Output that fits in memory needs no directory.
    let mut retry = scratch.retry("-O -q");
    retry.args(["--", "echo", "small"]).env("TMPDIR", "/nonexistent").assert().success().stdout("small\n");
}

#[test]
fn a_full_directory_for_temporary_files_is_an_error_of_retry() {
    let scratch = Scratch::new();
    let mounted = |script: &str| {
        let mut unshare = program("unshare");
        let script = format!("mount -t tmpfs -o size=2m none \"$TMPDIR\" && {script}");
        unshare.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        unshare.env("TMPDIR", scratch.path("")).env("RETRY", common::command::RETRY);
        unshare
    };
    if !works(&mut mounted("true"), "unshare and the right to mount", "a full TMPDIR") {
        return;
    }
    let done = mounted("exec \"$RETRY\" -O -- head -c 8M /dev/zero").output().unwrap();
    assert_eq!((done.status.code(), done.stdout.len()), (Some(125), 0));
    let lines = said(&done);
    assert!(lines.len() == 1 && lines[0].ends_with(": no space left on device"), "{lines:?}");
    assert!(lines[0].starts_with("retry: cannot hold the command's output in /"), "{lines:?}");
}

#[test]
fn nothing_is_left_in_the_directory_for_temporary_files() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry_to_spawn("-O");
    retry.args(["--", "sh", "-c", "head -c 3M /dev/zero; kill -9 $PPID"]).env("TMPDIR", scratch.path(""));
    let done = retry.output().unwrap();
    assert_eq!(done.status.signal(), Some(Signal::KILL.as_raw()));
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn when_the_reader_has_gone_it_is_as_if_the_command_had_found_out() {
    let scratch = Scratch::new();
    let pipe = Signal::PIPE.as_raw();
    for (options, size) in [("-O", "10"), ("-O", "3M"), ("--retry-on-output nothing", "3M")] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut retry = scratch.retry_to_spawn(&format!("{options} -r 2"));
        let retry = retry.args(["--", "head", "-c", size, "/dev/zero"]).stdout(writer).stderr(Stdio::piped());
        let done = retry.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(done.status.signal(), Some(pipe), "{options} {size}: {:?}", said(&done));
        assert!(said(&done).len() <= 1, "{:?}", said(&done));
    }
    // Ends like `yes | head`.
    let script = r#"{ "$RETRY" -q --stop-on-output nothing -- yes; echo $? > status; } | head -n 1"#;
    let done = shell(&scratch, script);
    assert_eq!((text(&done.stdout).as_str(), scratch.read("status").as_str()), ("y\n", "141\n"));
}

#[test]
fn a_daemon_that_holds_a_pipe_is_not_waited_for() {
    let scratch = Scratch::new();
    for options in ["-O", "-O --stderr final", "--retry-on-output nothing", "--idle-timeout 60"] {
        let mut retry = scratch.retry_to_spawn(&format!("-q -r 1 {options}"));
        let script = format!("echo out; sleep {LONG} & echo $! > pid");
        // Into files: a pipe of the test would be held by the daemon itself.
        let out = File::create(scratch.path("out")).unwrap();
        let err = File::create(scratch.path("err")).unwrap();
        let retry = retry.args(["--", "sh", "-c", &script]).stdout(out).stderr(err);
        let (status, took) = timed(|| retry.status().unwrap());
        common::live::send(scratch.pid("pid"), Signal::KILL);
        assert!(status.success());
        assert!(took < Duration::from_secs(LONG / 2), "{options}: {took:?}");
        assert_eq!(scratch.read("out"), "out\n");
    }
}

#[test]
fn what_a_daemon_writes_in_the_grace_is_passed_on() {
    let scratch = Scratch::new();
    // It writes when the command has ended.
    let script = "(while kill -0 $$ 2> /dev/null; do :; done; echo late) & echo early";
    let mut retry = scratch.retry("-q -r 1 --retry-on-output nothing");
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    assert!(text(&done.stdout).starts_with("early\n"), "{}", text(&done.stdout));
}

// Signals and limits

/// Waits until `retry` has filled a pipe that nobody reads.
fn wait_for_a_full_pipe(reader: &PipeReader) {
    let size = rustix::pipe::fcntl_getpipe_size(reader).unwrap() as u64;
    wait_until("a full pipe", || rustix::io::ioctl_fionread(reader).unwrap() + 4096 >= size);
}

/// `retry` with a stdout that nobody reads, when that is full.
fn stuck(scratch: &Scratch, options: &str, script: &str) -> (Running, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut retry = scratch.retry_to_spawn(options);
    retry.args(["--", "sh", "-c", script]).stdout(writer);
    let running = scratch.start_command(retry);
    wait_for_a_full_pipe(&reader);
    (running, reader)
}

#[test]
fn a_signal_ends_a_release_to_a_reader_that_does_not_read() {
    let scratch = Scratch::new();
    for (signal, size) in [(Signal::INT, "900K"), (Signal::TERM, "3M")] {
        let (mut retry, _reader) = stuck(&scratch, "-O", &format!("head -c {size} /dev/zero"));
        assert!(retry.is_running());
        retry.send(signal);
        assert_eq!(retry.end().signal(), Some(signal.as_raw()), "{}", scratch.read("stderr"));
    }
}

#[test]
fn one_signal_ends_a_watched_command_whose_reader_does_not_read() {
    let scratch = Scratch::new();
    let (retry, _reader) = stuck(&scratch, "--retry-on-output nothing --kill-after 0.5", "exec yes");
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn one_signal_ends_a_held_command_whose_reader_does_not_read() {
    let scratch = Scratch::new();
    let (_reader, writer) = std::io::pipe().unwrap();
    let mut command = scratch.retry_to_spawn("-O --kill-after 0.5");
    command.args(["--", "sh", "-c", "head -c 3M /dev/zero; touch ready; exec sleep 600"]).stdout(writer);
    let retry = scratch.start_command(command);
    wait_until("the command to be ready", || scratch.path("ready").exists());
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn limits_hold_while_nobody_reads() {
    let scratch = Scratch::new();
    let (retry, _reader) =
        stuck(&scratch, "--deadline 1 --kill-after 1 --retry-on-output nothing", "exec yes");
    assert_eq!(retry.end().code(), Some(124), "{}", scratch.read("stderr"));

    // The time limit ends the attempt, but the reader still gets its output.
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = scratch.retry_to_spawn("-r 1 --timeout 1 --retry-on-output nothing");
    command.args(["--", "sh", "-c", "echo $$ > pid; exec yes"]).stdout(writer);
    let retry = scratch.start_command(command);
    let pid = scratch.pid("pid");
    wait_until("the end of the command", || !common::live::is_alive(pid));
    let mut all = Vec::new();
    { reader }.read_to_end(&mut all).unwrap();
    assert!(all.starts_with(b"y\ny\n"));
    assert_eq!(retry.end().code(), Some(124));
}

#[test]
fn output_that_nobody_takes_before_the_deadline_is_no_success() {
    let scratch = Scratch::new();
    let options = "--deadline 1 --kill-after 0.5 --retry-on-output nothing";
    // The two pipes have room for it, so that the command ends before the deadline.
    let (retry, _reader) = stuck(&scratch, options, "head -c 120K /dev/zero");
    assert_eq!(retry.end().code(), Some(125));
    let words =
        "retry: cannot write the command's output to stdout: the reader was too slow for the deadline\n";
    assert_eq!(scratch.read("stderr"), words);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the deadline itself is what is tested")]
fn after_the_deadline_a_reader_has_the_grace_to_take_what_is_left() {
    let scratch = Scratch::new();
    let options = "--deadline 2 --kill-after 1000 --retry-on-output nothing";
    let begun = std::time::Instant::now();
    let (mut retry, mut reader) = stuck(&scratch, options, "head -c 120K /dev/zero");
    wait_until("the deadline to pass", || begun.elapsed().as_secs() >= 3);
    assert!(retry.is_running(), "{}", scratch.read("stderr"));
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 120 << 10);
    assert!(retry.end().success(), "{}", scratch.read("stderr"));
}

#[test]
fn a_command_that_had_to_be_killed_leaves_its_reader_a_grace_of_its_own() {
    let scratch = Scratch::new();
    let options = "--deadline 1 --kill-after 4 --retry-on-output nothing";
    let script = "trap '' TERM; echo $$ > pid; head -c 120K /dev/zero; while :; do sleep 0.05; done";
    let (retry, mut reader) = stuck(&scratch, options, script);
    let pid = scratch.pid("pid");
    wait_until("the end of the command", || !common::live::is_alive(pid));
    // After the grace period for processes that still hold a pipe.
    timed_pause();
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 120 << 10, "{}", scratch.read("stderr"));
    assert_eq!(retry.end().code(), Some(124));
}

#[test]
fn a_command_that_waits_for_a_reader_is_not_idle() {
    let scratch = Scratch::new();
    let (mut retry, mut reader) = stuck(&scratch, "-r 1 --idle-timeout 0.5", "head -c 3M /dev/zero");
    timed_pause();
    assert!(retry.is_running(), "{}", scratch.read("stderr"));
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 3 << 20);
    assert!(retry.end().success());
}

#[test]
fn what_was_held_of_an_interrupted_attempt_is_released() {
    let scratch = Scratch::new();
    let script =
        "trap 'echo bye; exit 5' TERM; echo hello; echo e >&2; touch ready; while :; do sleep 0.05; done";
    let retry = piped(&scratch, "-O --stderr final", script);
    wait_until("the command to be ready", || scratch.path("ready").exists());
    common::live::send(retry.id().cast_signed(), Signal::TERM);
    let done = retry.wait_with_output().unwrap();
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(5), "hello\nbye\n"));
    assert!(text(&done.stderr).contains("e\n"), "{}", text(&done.stderr));
}

#[test]
fn a_timed_out_attempt_is_held_and_dropped_like_any_other() {
    let scratch = Scratch::new();
    let script = r#"echo "$RETRY_ATTEMPT"; [ "$RETRY_ATTEMPT" = 2 ] || exec sleep 600"#;
    let mut retry = scratch.retry("-O --timeout 1 --base 0");
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    assert_eq!(text(&done.stdout), "2\n", "{:?}", said(&done));
    assert!(said(&done)[0].contains("(sent SIGTERM), 2 bytes of output held back"), "{:?}", said(&done));
}

// Memory

/// Runs the command to its end, and returns how much memory it used at most, in KiB. Reads `output` slowly enough to
/// measure.
fn peak_of(mut retry: Child, expected: u64) -> u64 {
    let mut output = retry.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let (mut all, mut most) = (0, 0);
    loop {
        most = most.max(peak(retry.id()).unwrap_or(0));
        match output.read(&mut buffer).unwrap() {
            0 => break,
            n => all += n as u64,
        }
    }
    assert_eq!(all, expected);
    assert!(retry.wait().unwrap().success());
    assert!(most > 0);
    most
}

#[test]
fn memory_is_constant_however_much_is_held_watched_or_replayed() {
    const SIZE: u64 = 300 << 20;
    let scratch = Scratch::new();
    // Less output for the search, which is slow in a debug build.
    for (options, size) in [
        ("-O", SIZE),
        ("-O --retry-on-output nothing", SIZE / 10),
        ("--retry-on-output (?i)nothing --retry-after=both", SIZE / 10),
    ] {
        let mut command = scratch.retry_to_spawn(&format!("-q {options}"));
        let command = command.args(["--", "head", "-c", &size.to_string(), "/dev/zero"]);
        let most = peak_of(command.stdout(Stdio::piped()).spawn().unwrap(), size);
        // Pages of the debug build count as well, as many as the kernel maps around those that are used.
        assert!(most < 24 << 10, "{options}: {most} KiB");
    }
    if !needs("bash", "memory while stdin is replayed") {
        return;
    }
    // `exec`, so that the pid is that of `retry`.
    let script = r#"exec < <(head -c 300M /dev/zero)
        exec "$RETRY" -q --base 0 -j 0 --stdin replay -- sh -c \
            'if [ "$RETRY_ATTEMPT" = 1 ]; then cat > /dev/null; exit 1; else cat; fi'"#;
    let mut bash = program("bash");
    bash.args(["-c", script]).env("RETRY", common::command::RETRY).stdout(Stdio::piped());
    scratch.settle(&mut bash);
    let most = peak_of(bash.spawn().unwrap(), SIZE);
    assert!(most < 16 << 10, "replay: {most} KiB");
}

// Terminals

#[test]
fn a_watched_stream_reaches_a_terminal_as_it_comes() {
    if !needs("bash", "a watched stream on a terminal") {
        return;
    }
    let scratch = Scratch::new();
    let mut bash = Terminal::bash(&scratch);
    // A prompt has no newline, and still has to be shown.
    bash.line(
        "\"$RETRY\" -q --retry-on-output nothing -- sh -c 'printf name:; read -r a; echo \"<$a>\"; exit 3'",
    );
    bash.shows("read -r a");
    bash.shows("name:");
    bash.line("x");
    bash.shows("<x>");
    assert_eq!(bash.status(), "3");
    // Much more than a terminal accepts at once.
    bash.line("\"$RETRY\" -q --idle-timeout 60 -- seq 1 20000; echo 'do''ne'");
    let shown = bash.shows("done");
    let numbers: Vec<u32> = shown.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert_eq!(numbers, (1..=20_000).collect::<Vec<u32>>());
    // Ctrl-C, while the output waits for Ctrl-Q.
    bash.line("\"$RETRY\" -q --idle-timeout 60 -- yes");
    bash.shows("y\r\ny\r\ny");
    bash.control('s');
    bash.control('c');
    assert_eq!(bash.status(), "130");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_of_retry() {
    let scratch = Scratch::new();
    let limited = r#"ulimit -f 200; "$RETRY" -r 1 -O -- head -c 3000000 /dev/zero | cat > /dev/null; exit "${PIPESTATUS[0]}""#;
    if !needs("bash", "the status of a part of a pipeline") {
        return;
    }
    let mut bash = program("bash");
    bash.args(["-c", limited]).env("RETRY", common::command::RETRY).stdin(Stdio::null());
    scratch.settle(&mut bash);
    let done = bash.output().unwrap();
    assert_eq!(done.status.code(), Some(125), "{}", text(&done.stderr));
    assert!(said(&done)[0].ends_with(": file too large"), "{:?}", said(&done));
    // The command is still killed by it.
    let done = shell(&scratch, r#"ulimit -f 1; "$RETRY" -r 1 -- head -c 3000000 /dev/zero > big"#);
    assert!(said(&done)[0].contains("killed by SIGXFSZ"), "{:?}", said(&done));
}

#[test]
fn held_output_without_a_stdout_is_an_error_of_retry() {
    let scratch = Scratch::new();
    let done = shell(&scratch, r#""$RETRY" -r 1 -O -- echo x >&-"#);
    assert_eq!(done.status.code(), Some(125), "{}", text(&done.stderr));
    assert!(said(&done)[0].contains("cannot write the command's output to stdout"), "{:?}", said(&done));
}
