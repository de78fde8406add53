"""Ctrl-C on a console, under wine: keys.py RETRY HELPER, two programs for Windows.

A pseudo-terminal is wine's console. What cannot be seen here is Ctrl-Break, which wine does not send (its server answers
STATUS_NOT_IMPLEMENTED): whether a command ends by the one that retry passes on.
"""

import os
import pty
import re
import select
import sys
import tempfile
import time
from pathlib import Path

CTRL_C_EXIT = 0x3A  # The low byte of STATUS_CONTROL_C_EXIT is all that wine's own status has.
TIMEOUT = 60


def run(ready: str, presses: int, *words: str) -> tuple[int, str, float]:
    """Presses Ctrl-C as soon as the console shows `ready`. Returns the status, what was shown, and for how many seconds
    retry ran after the first press."""
    pid, console = pty.fork()
    if pid == 0:
        os.execvp("wine", ["wine", *words])
    shown, begun, pressed, first = b"", time.monotonic(), 0, 0.0
    while True:
        if time.monotonic() - begun > TIMEOUT:
            os.kill(pid, 9)
            sys.exit(f"still running after {TIMEOUT} s: {words}\n{shown!r}")
        if select.select([console], [], [], 0.3)[0]:
            try:
                shown += os.read(console, 65536)
            except OSError:  # The last program on the terminal has ended.
                break
        elif pressed < presses and ready in plain(shown):
            first = first or time.monotonic()
            os.write(console, b"\x03")
            pressed += 1
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, plain(shown), time.monotonic() - first


def plain(shown: bytes) -> str:
    """Without the sequences with which wine draws, and its line breaks."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]", "", shown.decode(errors="replace"))


def processes(word: str) -> list[str]:
    """The command lines of all processes that have this word."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text(errors="replace").replace("\0", " "))
        except OSError:  # It has ended.
            pass
    return [line for line in lines if word in line and "keys.py" not in line]


retry, helper = sys.argv[1:]
with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)

    status, shown, took = run("Retrying in", 1, retry, "--base", "50", "--", helper, "append", "runs", "x", "exit", "7")
    assert status == CTRL_C_EXIT and "interrupted by Ctrl-C" in shown, (status, shown)
    assert Path("runs").read_text() == "x\n" and took < 20, "the delay ends at once, and no attempt follows"

    tree = Path(scratch).name
    status, shown, took = run("ready", 3, retry, "--base", "0.1", "--", helper, "out", "ready", "tree", "3", tree)
    assert status == CTRL_C_EXIT and "during attempt 1" in shown, (status, shown)
    assert shown.count("ready") == 1 and took < 20, "three keys end the command, and no attempt follows"
    # wine shows a process a moment longer than its parent.
    for _ in range(50):
        if not processes(tree):
            break
        time.sleep(0.1)
    assert not processes(tree), processes(tree)
print("Ctrl-C ends a delay, and when it is pressed three times, a tree")
