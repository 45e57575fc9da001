# SPDX-License-Identifier: Apache-2.0
"""The one wait, and child processes. Nothing here sleeps: a wait ends when its condition holds, or fails at its deadline."""

import asyncio
import inspect
import os
import re
import signal
import time
from pathlib import Path

DEADLINE_S = 30.0
LOOK_AGAIN_S = 0.02  # for what announces no change: files, processes

_changed = asyncio.Event()


class Skipped(Exception):
    """Why a test cannot be run here."""


class TimedOut(AssertionError):
    """What was waited for did not come."""


def changed() -> None:
    """Whoever has news for a condition calls this: waits look at once."""
    _changed.set()


async def until(condition, what, deadline: float = DEADLINE_S, look_again: float = LOOK_AGAIN_S):
    """Waits until condition() is true, and returns what it returned. `what` is a text, or a function that makes one."""
    end = time.monotonic() + deadline
    while True:
        _changed.clear()
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > end:
            raise TimedOut(f"after {deadline:g} s: {what() if callable(what) else what}")
        try:
            await asyncio.wait_for(_changed.wait(), look_again)
        except TimeoutError:
            pass


class Process:
    """A program that runs beside the test; what it prints goes to a file."""

    stdin = asyncio.subprocess.DEVNULL
    cwd: Path | None = None

    def __init__(self, name: str, argv: list, directory: Path, environment: dict | None = None):
        self.name, self.argv = name, [str(word) for word in argv]
        self.log_path = directory / f"{name}.log"
        self.environment = {**os.environ, **(environment or {})}
        self.process: asyncio.subprocess.Process | None = None
        self._seen = 0

    async def start(self) -> None:
        self._seen = len(self.log())
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.argv, stdin=self.stdin, stdout=log, stderr=log, env=self.environment, cwd=self.cwd
            )

    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    async def says(self, pattern: str, deadline: float = DEADLINE_S) -> None:
        """Waits until a line that it has printed since its start matches."""
        await until(
            lambda: re.search(pattern, self.log()[self._seen :]) or self._fail_if_ended(pattern),
            lambda: f"{self.name} did not print /{pattern}/; it printed:\n{self.log()[self._seen:][-3000:]}",
            deadline,
        )

    def forget(self) -> None:
        """says() looks at what comes from here on."""
        self._seen = len(self.log())

    def _fail_if_ended(self, pattern: str):
        if not self.is_running():
            raise TimedOut(f"{self.name} ended ({self.process.returncode}) before /{pattern}/:\n{self.log()[self._seen:][-3000:]}")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    async def stop(self, number: int = signal.SIGTERM, deadline: float = 60.0) -> int:
        """Ends it and returns its exit status."""
        if self.is_running():
            self.send(number)
            try:
                await asyncio.wait_for(self.process.wait(), deadline)
            except TimeoutError:
                self.send(signal.SIGKILL)
                await self.process.wait()
                raise TimedOut(f"{self.name} did not end within {deadline:g} s of signal {number}") from None
        return self.process.returncode if self.process else 0


async def run(*argv, environment: dict | None = None) -> str:
    """A program that ends by itself: its output, or an error with it."""
    process = await asyncio.create_subprocess_exec(
        *[str(word) for word in argv],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))} ended with {process.returncode}:\n{text}")
    return text
