# SPDX-License-Identifier: Apache-2.0
"""All of it set up once: a PKI, a broker, a node, Home Assistant with its MQTT integration."""

from pathlib import Path

from hass import HomeAssistant
from home import CLIENT, PORT, Broker, Node, Pki


class Stage:
    def __init__(self, directory: Path):
        self.directory = directory
        self.pki = Pki(directory / "pki")
        self.broker: Broker | None = None
        self.node: Node | None = None
        self.ha: HomeAssistant | None = None

    async def start(self) -> None:
        await self.pki.make()
        self.broker = Broker(self.directory, self.pki)
        await self.broker.start()
        self.node = Node(self.directory / "hall", self.pki)
        self.ha = HomeAssistant(self.directory / "ha")
        await self.ha.start()
        await self.ha.set_up_mqtt("localhost", PORT, self.pki.ca, self.pki.certificate(CLIENT), self.pki.key(CLIENT))

    async def stop(self) -> None:
        for part in (self.ha, self.node, self.broker):
            if part and part.process.is_running():
                await part.stop()

    def show_logs(self) -> None:
        for part in (self.broker, self.node, self.ha):
            if part:
                print(f"---- {part.process.name}, the last it printed\n{part.process.log()[-6000:]}")
