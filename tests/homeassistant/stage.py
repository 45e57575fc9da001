# SPDX-License-Identifier: Apache-2.0
"""All of it set up once: a PKI, a broker, a node with the whole house, Home Assistant with its MQTT integration."""

import os
from pathlib import Path

from expected import DEVICES, ENTITIES
from hass import HomeAssistant
from home import CLIENT, PORT, TREE, Broker, Node, Pki
from house import furnish
from waiting import DEADLINE_S, until

KNOWS_IDS = (2025, 10)  # from here on Home Assistant takes the entity ids that it is offered
IDS = {entity.id for entity in ENTITIES}


class Stage:
    devices = len(DEVICES)

    def __init__(self, directory: Path):
        self.directory = directory
        is_for_docs = os.environ.get("SCONCE_HA_WRITE") == "yes" and not os.environ.get("SCONCE_HA_VERSION")
        self.pictures = TREE / "docs" if is_for_docs else directory / "pictures"
        self.pki = Pki(directory / "pki")
        self.broker: Broker | None = None
        self.node: Node | None = None
        self.ha: HomeAssistant | None = None

    async def start(self) -> None:
        await self.pki.make()
        self.broker = Broker(self.directory, self.pki)
        await self.broker.start()
        self.node = Node(self.directory / "hall", self.pki)
        furnish(self.node)
        await self.node.start()
        self.ha = HomeAssistant(self.directory / "ha")
        await self.ha.start()
        await self.ha.set_up_mqtt("localhost", PORT, self.pki.ca, self.pki.certificate(CLIENT), self.pki.key(CLIENT))
        await self.until_whole()

    async def until_whole(self) -> None:
        """Every entity of the table is there, and can be used."""
        await self.until_there(lambda: not self.missing(), lambda: f"missing: {self.missing()}")

    async def until_there(self, condition, what, deadline: float = DEADLINE_S) -> None:
        """For entities that appear: the wait, with ids given to them where Home Assistant does not take the offered ones."""

        async def are_there() -> bool:
            if self.ha.version < KNOWS_IDS:
                await self.give_ids()
            return condition()

        await until(are_there, what, deadline)

    async def give_ids(self) -> None:
        """Early versions that know device discovery make entity ids from names. There a person gives the ones of the table."""
        for entity in await self.ha.registry("entity"):
            if entity["platform"] != "mqtt":
                continue
            domain = entity["entity_id"].partition(".")[0]
            _, node, device, key = entity["unique_id"].replace("-", "_").split(".")
            new = f"{domain}.{node}_{device}"
            new = new if key == "state" or new in IDS else f"{new}_{key}"
            if new != entity["entity_id"]:
                await self.ha.command("config/entity_registry/update", entity_id=entity["entity_id"], new_entity_id=new)

    def missing(self) -> list[str]:
        """The entities that Home Assistant does not have, or cannot use yet."""
        return [entity.id for entity in ENTITIES if self.ha.state(entity.id) in (None, "unavailable")]

    async def stop(self) -> None:
        for part in (self.ha, self.node, self.broker):
            if part and part.process.is_running():
                await part.stop()

    def show_logs(self) -> None:
        for part in (self.broker, self.node, self.ha):
            if part:
                print(f"---- {part.process.name}, the last it printed\n{part.process.log()[-6000:]}")
