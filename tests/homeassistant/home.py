# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant is tried with: a PKI by sconce-pki, mosquitto with the shipped config, a node on the simulated chip."""

import os
import signal
from pathlib import Path

from waiting import Process, run, until

TREE = Path(__file__).resolve().parents[2]
BUILD = TREE / "build"
PORT = 8883
CLIENT = "homeassistant"


class Pki:
    def __init__(self, directory: Path):
        self.directory = directory

    async def make(self) -> None:
        for words in (
            ["init"],
            ["broker", "localhost", "127.0.0.1"],
            ["node", "hall"],
            ["client", CLIENT, "--home-assistant"],
            ["client", "tester"],
        ):
            await run(TREE / "certs/sconce-pki", "-d", self.directory, *words)

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
        (directory / "mosquitto").mkdir()
        config.write_text(
            f"user root\npersistence true\npersistence_location {directory}/mosquitto/\npid_file {pki.directory}/broker.pid\n{text}"
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
            [BUILD / "sconced", "--config", self.config, "--plugins", BUILD / "plugins"],
            directory.parent,
            {"STATE_DIRECTORY": str(directory / "state"), "RUNTIME_DIRECTORY": str(directory)},
        )

    def write_config(self) -> None:
        certificate, key = self.pki.certificate(self.name), self.pki.key(self.name)
        sections = "".join(f"\n[{head}]\n{lines.strip()}\n" for head, lines in self.devices.items())
        self.config.write_text(
            f"[node]\nname = {self.name}\nclock = trusted\n"
            f"[broker]\nurl = mqtts://localhost:{PORT}\n"
            f"[tls]\nca = {self.pki.ca}\ncrl = {self.pki.directory}/crl.pem\ncert = {certificate}\nkey = {key}\n"
            f"[gpio]\nchip = sim\nsim_dir = {self.sim}\n{sections}"
        )

    async def start(self) -> None:
        self.write_config()
        await self.process.start()
        await self.process.says("connected to")

    async def stop(self, number: int = signal.SIGTERM) -> None:
        await self.process.stop(number)

    async def reload(self) -> None:
        self.write_config()
        self.process.forget()
        self.process.send(signal.SIGHUP)
        await self.process.says("config")

    # ---- Its hardware ----------------------------------------------------------------------------------------------

    def line(self, number: int) -> str:
        """The level of a line."""
        return (self.sim / f"gpiochip0/sim_gpio{number}/value").read_text().strip()

    async def until_line(self, number: int, level: str) -> None:
        await until(lambda: self.line(number) == level, lambda: f"GPIO{number} is {self.line(number)}, not {level}")

    def pull(self, number: int, level: str) -> None:
        """A hand on a button, a door: up or down."""
        (self.sim / f"gpiochip0/sim_gpio{number}/pull").write_text(f"pull-{level}")

    def led(self, name: str) -> int:
        return int((self.sim / f"class/leds/{name}/brightness").read_text())

    def put(self, path: str, text: str) -> None:
        """An attribute of a make-believe /sys."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Listener:
    """What comes by on some topics, as a client of the broker sees it: (retained, topic, payload)."""

    def __init__(self, directory: Path, pki: Pki, *topics: str, who: str = "tester"):
        self.process = Process(
            f"listener-{abs(hash(topics))}",
            ["mosquitto_sub", *pki.options(who), "-F", "%r\t%t\t%p", *[word for topic in topics for word in ("-t", topic)]],
            directory,
        )

    async def start(self) -> None:
        await self.process.start()

    def messages(self) -> list[tuple[str, str, str]]:
        return [tuple(line.split("\t", 2)) for line in self.process.log().splitlines() if line.count("\t") >= 2]

    async def stop(self) -> None:
        await self.process.stop()


async def publish(pki: Pki, topic: str, payload: str, retain: bool = False, who: str = "hall") -> None:
    words = ["mosquitto_pub", *pki.options(who), "-q", "1", "-t", topic, "-m", payload]
    await run(*words, *(["-r"] if retain else []))
