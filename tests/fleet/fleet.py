# SPDX-License-Identifier: Apache-2.0
"""What the tests of fleets share: the one wait, processes with a log, what a file has got since the last look, and room for many."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

DEADLINE_S = 180
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()


class Failed(Exception):
    pass


class Changes:
    """What processes write, as inotify(7) tells it: into their logs, certificates, databases, and a lamp's line."""

    EVENTS = 0x2 | 0x8 | 0x80 | 0x100 | 0x200  # modified, closed after writing, moved here, created, deleted
    LOOK_S = 1  # of what a process writes through a mapping nothing is told

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def watch(self, *directories):
        for directory in directories:
            if self.libc.inotify_add_watch(self.fd, os.fsencode(directory), self.EVENTS) < 0:
                raise OSError(ctypes.get_errno(), str(directory))

    def forget(self):
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)

    def wait(self, limit_s):
        select.select([self.fd], [], [], max(0, min(limit_s, self.LOOK_S)))


changes = Changes()


def until(condition, what, limit_s=DEADLINE_S, again=None):
    """The one wait. `again` is called every 15 s: who has missed something is asked once more."""
    end = time.monotonic() + limit_s
    nudge = time.monotonic() + 15
    while changes.forget() or not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {limit_s} s")
        if again and time.monotonic() > nudge:
            again()
            nudge = time.monotonic() + 15
        changes.wait((min(end, nudge) if again else end) - time.monotonic())


class Program:
    """A process with a log of its own."""

    def __init__(self, log, command, **more):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, **more)

    def send(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def is_running(self):
        return self.process.poll() is None

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.log}: does not stop") from None

    def text(self):
        return self.log.read_text(errors="replace")


class Tail:
    """What a file has got since the last look, in whole lines."""

    def __init__(self, path):
        self.path, self.at, self.rest = path, 0, ""

    def lines(self):
        if not self.path.exists():
            return []
        with open(self.path, encoding="utf-8", errors="replace") as file:
            file.seek(self.at)
            text = self.rest + file.read()
            self.at = file.tell()
        *whole, self.rest = text.split("\n")
        return whole


def run(*command, good=(0,), **more):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=120, **more)
    if done.returncode not in good:
        raise Failed(f"{' '.join(str(word) for word in command)}: status {done.returncode}: {done.stderr.strip()} {done.stdout[-2000:]}")
    return done.stdout


def are_in_namespaces(name):
    """The variable's value, once enter_namespaces() has been: the rest of the program runs there."""
    value = os.environ.get(name)
    if value is not None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return value


def enter_namespaces(name, value):
    """Network, mounts and processes of its own; they end with this one. It runs the program again, with the variable set."""
    os.environ[name] = value
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                          sys.executable, *sys.argv])


def free_port():
    """Kept by a socket that does not listen, so that nobody else is given it."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept, kept.getsockname()[1]


def make_room(nodes):
    """Each simulated chip watches its directory, and a user may do that so many times. The old limit comes back at the end."""
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    before, wanted = limit.read_text().strip(), nodes + 100
    if int(before) >= wanted:
        return lambda: None
    try:
        limit.write_text(str(wanted))
    except OSError:
        print(f"skipped: {nodes} nodes want fs.inotify.max_user_instances = {wanted}, and it is {before}; root may set it")
        sys.exit(77)
    return lambda: limit.write_text(before)
