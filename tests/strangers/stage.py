# SPDX-License-Identifier: Apache-2.0
"""What the clients are tried with: a broker on a free port of loopback, a node with a door and a lamp, another authority."""

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "homeassistant"))


def reserve_port() -> socket.socket:
    """A port that the kernel gives to nobody else, and where a server that sets SO_REUSEADDR may listen."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


_reserved = reserve_port()
PORT = _reserved.getsockname()[1]
os.environ["SCONCE_TEST_PORT"] = str(PORT)

from home import TREE, Broker, Node, Pki  # noqa: E402, F401
from waiting import Process, TimedOut, run, until  # noqa: E402, F401

HERE = Path(__file__).resolve().parent
DOOR, LAMP = 4, 17


class House(Pki):
    """The broker's certificate has the name localhost alone: it is wrong for 127.0.0.1."""

    commands = ("init", "broker localhost", "node hall", "client me")


class Elsewhere(Pki):
    commands = ("init",)


class Program(Process):
    """A program that takes lines on its standard input."""

    stdin = asyncio.subprocess.PIPE

    def type(self, line: str) -> None:
        self.forget()
        self.process.stdin.write(f"{line}\n".encode())

    async def stop_typing(self) -> int:
        """It has read all of its input, and ends by itself."""
        self.process.stdin.close()
        return await self.ends()

    async def ends(self) -> int:
        await until(lambda: not self.is_running(), f"{self.name} goes on")
        return self.process.returncode


class Stage:
    def __init__(self, directory: Path, fetched: Path):
        self.directory, self.fetched = directory, fetched
        self.pki, self.elsewhere = House(directory / "pki"), Elsewhere(directory / "elsewhere")
        self.parts: list[Process] = []

    async def start(self) -> None:
        await self.pki.make()
        await self.elsewhere.make()
        self.broker = Broker(self.directory, self.pki)
        self.parts.append(self.broker.process)
        await self.broker.start()
        self.node = Node(self.directory / "hall", self.pki)
        self.node.devices = {
            "lamp kitchen": f"name = Kitchen ceiling\nline = GPIO{LAMP}",
            "contact front-door": f"name = Front door\ndevice_class = door\nline = GPIO{DOOR}\nbias = pull-down",
        }
        self.parts.append(self.node.process)
        await self.node.start()

    def new_directory(self, name: str, ca: Path) -> Path:
        """What a person has who was given a certificate, and wrote one of the programs."""
        directory = self.directory / name
        directory.mkdir()
        shutil.copy(ca, directory / "ca.crt")
        for file in (self.pki.certificate("me"), self.pki.key("me"), *HERE.glob("lamp.*")):
            shutil.copy(file, directory)
        (directory / "node_modules").symlink_to(self.fetched / "node_modules")
        return directory

    async def add(self, part: Process) -> None:
        self.parts.append(part)
        await part.start()

    async def stop(self) -> None:
        for part in reversed(self.parts):
            if part.is_running():
                try:
                    await part.stop()
                except TimedOut as reason:
                    print(reason)

    def show_logs(self) -> None:
        for part in self.parts:
            print(f"---- {part.name}, the last it printed\n{part.log()[-3000:]}")
