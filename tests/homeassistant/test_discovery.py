# SPDX-License-Identifier: Apache-2.0
"""The messages that the unit tests hold the agent to (tests/unit/discovery): each is given to Home Assistant as it stands."""

import json
import re
from contextlib import asynccontextmanager

from home import TREE, Listener, publish
from stage import KNOWS_IDS
from waiting import Skipped, until

TOPIC, BASE = "homeassistant/device/hall/a-b/config", "sconce/hall/a-b"
MESSAGES = sorted((TREE / "tests/unit/discovery").glob("*.json"))


async def entities(stage) -> dict[str, dict]:
    """Those of the device that the messages speak of, by entity id."""
    device = await stage.ha.device("sconce.hall.a-b")
    registered = await stage.ha.registry("entity") if device else []
    return {entity["entity_id"]: entity for entity in registered if entity["device_id"] == device["id"]}


@asynccontextmanager
async def announced(stage, name: str):
    """A message's entities, available and with no value yet; gone again at the end."""
    message = json.loads((TREE / f"tests/unit/discovery/{name}.json").read_text())
    wanted = {part["uniq_id"] for part in message["cmps"].values() if "uniq_id" in part}
    keys = set(re.findall(r"value_json\.(\w+)", json.dumps(message))) - {"channel", "event_type"}
    await publish(stage.pki, TOPIC, json.dumps(message), retain=True)
    await publish(stage.pki, f"{BASE}/state", json.dumps(dict.fromkeys(keys)), retain=True)
    await publish(stage.pki, f"{BASE}/status", "online", retain=True)

    async def all_there() -> dict[str, dict]:
        there = await entities(stage)
        usable = [entity for entity in there if stage.ha.state(entity) not in (None, "unavailable")]
        return there if len(usable) == len(message["cmps"]) - triggers(message) else {}

    found = await until(all_there, lambda: f"{name}: not all of {sorted(wanted)} are there")
    assert {entity["unique_id"] for entity in found.values()} == wanted
    try:
        yield found
    finally:
        for topic in (TOPIC, f"{BASE}/state", f"{BASE}/status"):
            await publish(stage.pki, topic, "", retain=True)

    async def is_gone() -> bool:
        return not await stage.ha.device("sconce.hall.a-b")

    await until(is_gone, f"{name}: the device is still there")


def triggers(message: dict) -> int:
    return sum(part["p"] == "device_automation" for part in message["cmps"].values())


async def message__each_as_the_unit_tests_have_it__accepted_whole(stage) -> None:
    assert len(MESSAGES) > 10
    if stage.ha.version < KNOWS_IDS:
        raise Skipped(f"Home Assistant {stage.ha.version} loses a removal that comes while it is still setting up")
    for path in MESSAGES:
        message = json.loads(path.read_text())
        async with announced(stage, path.stem) as found:
            ids = {part["uniq_id"]: part["default_entity_id"] for part in message["cmps"].values() if "uniq_id" in part}
            for entity, registered in found.items():
                assert stage.ha.state(entity) in ("unknown", ""), f"{path.stem}: {entity} is {stage.ha.state(entity)} by null"
                # Two of a meter have one unique id, and differ in what they are.
                assert entity.partition(".")[2] == ids[registered["unique_id"]].partition(".")[2], (entity, ids)
            if triggers(message):
                device = await stage.ha.device("sconce.hall.a-b")
                listed = await stage.ha.command("device_automation/trigger/list", device_id=device["id"])
                assert sum(one["domain"] == "mqtt" for one in listed) == triggers(message), listed


async def commands(stage, name: str, *steps) -> None:
    """Each step: a service, its data, the topic below the device and the payload that it must come to; a state and what it shows."""
    async with announced(stage, name) as found, Listener(stage.directory, stage.pki, f"{BASE}/set/#") as listener:
        (entity,) = found
        for service, data, topic, payload, state, shown in steps:
            await stage.ha.call(service, entity, **data)
            await until(
                lambda topic=topic, payload=payload: [m[2:] for m in listener.messages(BASE)][-1:] == [(f"{BASE}/{topic}", payload)],
                lambda topic=topic, payload=payload: f"{topic} {payload} did not come:\n{listener.process.log()}",
            )
            await publish(stage.pki, f"{BASE}/state", json.dumps(state), retain=True)
            await stage.ha.until_state(entity, shown)


async def valve__of_a_switch__opens_and_closes(stage) -> None:
    await commands(
        stage,
        "valve",
        ("valve.open_valve", {}, "set/state", "ON", {"state": "ON"}, "open"),
        ("valve.close_valve", {}, "set/state", "OFF", {"state": "OFF"}, "closed"),
    )


async def valve__of_a_cover__goes_to_a_position(stage) -> None:
    if stage.ha.version < KNOWS_IDS:
        raise Skipped(f"Home Assistant {stage.ha.version} shows a valve that was stopped half-way as opening for ever")
    await commands(
        stage,
        "moving-valve",
        ("valve.set_valve_position", {"position": 40}, "set", "40", {"state": "opening", "position": 20}, "opening"),
        ("valve.stop_valve", {}, "set", "STOP", {"state": "stopped", "position": 30}, "open"),
        ("valve.close_valve", {}, "set", "0", {"state": "closed", "position": 0}, "closed"),
    )


async def fan__of_a_switch__turns_on_and_off(stage) -> None:
    await commands(
        stage,
        "fan",
        ("fan.turn_on", {}, "set/state", "ON", {"state": "ON"}, "on"),
        ("fan.turn_off", {}, "set/state", "OFF", {"state": "OFF"}, "off"),
    )
