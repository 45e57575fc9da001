# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant is tried with: a PKI by sconce-pki, mosquitto with the shipped config, a node on the simulated chip."""

import os
import signal
from pathlib import Path

from waiting import Process, run, until

TREE = Path(__file__).resolve().parents[2]
BUILD = TREE / "build"
PORT = int(os.environ.get("SCONCE_TEST_PORT", "8883"))
CLIENT = "homeassistant"


class Pki:
    commands = ("init", "broker localhost 127.0.0.1", "node hall", f"client {CLIENT} --home-assistant", "client tester")

    def __init__(self, directory: Path):
        self.directory = directory

    async def make(self) -> None:
        for words in map(str.split, self.commands):
            await run(TREE / "build/sconce-pki", "-d", self.directory, *words)

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    def certificate(self, name: str) -> Path:
        return self.directory / "issued" / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / "issued" / f"{name}.key"

    def options(self, name: str) -> list:
        """mosquitto_pub's and mosquitto_sub's."""
        return ["-p", PORT, "-h", "localhost", "-V", "5", "--cafile", self.ca, "--cert", self.certificate(name), "--key", self.key(name)]


class Broker:
    """The shipped config; other are its paths, its address, and that it stays root, to be able to read a private directory."""

    def __init__(self, directory: Path, pki: Pki):
        shipped = (TREE / "etc/mosquitto/sconce.conf").read_text()
        text = shipped.replace("/etc/sconce/pki", str(pki.directory)).replace("\nlistener 8883\n", f"\nlistener {PORT} 127.0.0.1\n")
        assert f"listener {PORT} 127.0.0.1" in text, "the shipped config has another listener line"
        config = directory / "mosquitto.conf"
        # What is retained outlives a restart, as in Debian's own mosquitto.conf.
        self.store = directory / "mosquitto"
        self.store.mkdir()
        config.write_text(
            f"user root\npersistence true\npersistence_location {self.store}/\npid_file {pki.directory}/broker.pid\n{text}"
        )
        self.process = Process("mosquitto", ["/usr/sbin/mosquitto", "-v", "-c", config], directory)

    async def start(self) -> None:
        await self.process.start()
        await self.process.says(r"mosquitto version .* running")

    async def stop(self) -> None:
        await self.process.stop()


class Node:
    """sconced, in a directory of its own."""

    def __init__(self, directory: Path, pki: Pki, name: str = "hall"):
        self.directory = directory
        self.pki, self.name = pki, name
        directory.mkdir()
        (directory / "state").mkdir()
        self.sim = directory / "sim"
        self.config = directory / "sconce.conf"
        self.devices: dict[str, str] = {}  # "lamp kitchen": the section's lines
        self.process = Process(
            f"sconced-{name}",
            [BUILD / "sconced", "--config", self.config, "--plugins", self._collect_plugins()],
            directory.parent,
            {"STATE_DIRECTORY": str(directory / "state"), "RUNTIME_DIRECTORY": str(directory)},
        )

    def _collect_plugins(self) -> Path:
        """The shipped ones, and the tests' own that has a channel of each kind."""
        plugins = self.directory / "plugins"
        plugins.mkdir()
        for file in [*(BUILD / "plugins").glob("*.so"), BUILD / "tests/plugins/probe.so"]:
            (plugins / file.name).symlink_to(file)
        return plugins

    def write_config(self) -> None:
        certificate, key = self.pki.certificate(self.name), self.pki.key(self.name)
        sections = "".join(f"\n[{head}]\n{lines.strip()}\n" for head, lines in self.devices.items())
        self.config.write_text(
            f"[node]\nname = {self.name}\nclock = trusted\n"
            f"[broker]\nurl = mqtts://localhost:{PORT}\n"
            f"[tls]\nca = {self.pki.ca}\ncrl = {self.pki.directory}/crl.pem\ncert = {certificate}\nkey = {key}\n"
            f"[gpio]\nchip = sim\nsim_dir = {self.sim}\n{sections}"
        )

    async def start(self, alone: bool = False) -> None:
        """Alone: where there is no broker that it could connect to."""
        self.write_config()
        await self.process.start()
        await self.process.says("starts with" if alone else "connected to")

    async def stop(self, number: int = signal.SIGTERM) -> None:
        await self.process.stop(number)

    async def reload(self) -> None:
        self.write_config()
        self.process.forget()
        self.process.send(signal.SIGHUP)
        await self.process.says("reloaded")

    # ---- Its hardware ----------------------------------------------------------------------------------------------

    def line(self, number: int) -> str:
        """The level of a line."""
        return (self.sim / f"gpiochip0/sim_gpio{number}/value").read_text().strip()

    async def until_line(self, number: int, level: str) -> None:
        await until(lambda: self.line(number) == level, lambda: f"GPIO{number} is {self.line(number)}, not {level}")

    async def pull(self, number: int, level: str) -> None:
        """A hand on a button, a door: "1" up, "0" down; it is over when the line is there."""
        (self.sim / f"gpiochip0/sim_gpio{number}/pull").write_text("pull-up" if level == "1" else "pull-down")
        await self.until_line(number, level)

    async def press(self, number: int) -> None:
        await self.pull(number, "1")
        await self.pull(number, "0")

    def led(self, name: str) -> int:
        # A shorter number is written over a longer one, as into the kernel's.
        return int((self.sim / f"class/leds/{name}/brightness").read_text().split()[0])

    def put(self, path: str, text: str) -> None:
        """An attribute of a make-believe /sys."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Listener:
    """What comes by on some topics, as a client of the broker sees it."""

    count = 0

    def __init__(self, directory: Path, pki: Pki, *topics: str, who: str = CLIENT):
        Listener.count += 1
        # The status of the node is retained: when it has come, all subscriptions are there.
        words = [word for topic in ("sconce/hall/status", *topics) for word in ("-t", topic)]
        self.process = Process(
            f"listener-{Listener.count}", ["mosquitto_sub", *pki.options(who), "-F", "%r\t%E\t%t\t%p", *words], directory
        )

    async def __aenter__(self) -> "Listener":
        await self.process.start()
        await self.process.says("sconce/hall/status")
        return self

    async def __aexit__(self, *_) -> None:
        await self.process.stop()

    def messages(self, under: str = "") -> list[tuple[str, str, str, str]]:
        """(retained, expires after how many seconds, topic, payload) of what came on topics that begin so."""
        lines = [tuple(line.split("\t", 3)) for line in self.process.log().splitlines() if line.count("\t") >= 3]
        return [line for line in lines if line[2].startswith(under)]


async def publish(pki: Pki, topic: str, payload: str, retain: bool = False, who: str = "hall") -> None:
    words = ["mosquitto_pub", *pki.options(who), "-q", "1", "-t", topic, "-m", payload]
    await run(*words, *(["-r"] if retain else []))
