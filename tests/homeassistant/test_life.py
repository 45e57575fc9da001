# SPDX-License-Identifier: Apache-2.0
"""What goes, comes back, and changes: each part stopped and started, in each order; devices renamed, moved, removed, added."""

import itertools
import signal

from home import Listener
from house import DOOR, KITCHEN
from waiting import until

LAMP, DOOR_SENSOR = "light.hall_kitchen", "binary_sensor.hall_front_door"


def ours(ha) -> list[str]:
    return [entity for entity in ha.states if ".hall_" in entity]


def unavailable(ha) -> list[str]:
    return [entity for entity in ours(ha) if ha.state(entity) == "unavailable"]


async def until_all_there(stage) -> None:
    await stage.until_there(
        lambda: not stage.missing() and not unavailable(stage.ha),
        lambda: f"missing: {stage.missing()}, unavailable: {unavailable(stage.ha)}",
        deadline=90,
    )


async def until_none_there(stage) -> None:
    await until(
        lambda: len(unavailable(stage.ha)) == len(ours(stage.ha)) > 0,
        lambda: f"available: {sorted(set(ours(stage.ha)) - set(unavailable(stage.ha)))}",
    )


async def works(stage) -> None:
    """One command and one event go through, and the states are what the lines show."""
    await until_all_there(stage)
    on = stage.node.line(KITCHEN) == "1"
    await stage.ha.until_state(LAMP, "on" if on else "off")
    await stage.ha.call("light.turn_off" if on else "light.turn_on", LAMP)
    await stage.node.until_line(KITCHEN, "0" if on else "1")
    await stage.ha.until_state(LAMP, "off" if on else "on")
    await stage.node.pull(DOOR, "1")
    await stage.ha.until_state(DOOR_SENSOR, "on")
    await stage.node.pull(DOOR, "0")
    await stage.ha.until_state(DOOR_SENSOR, "off")


# ---- Away and back -------------------------------------------------------------------------------------------------


async def node__stopped__unavailable_and_back(stage) -> None:
    await stage.node.stop()
    await until_none_there(stage)
    await stage.node.start()
    await works(stage)


async def node__killed__unavailable_by_its_will(stage) -> None:
    await stage.node.stop(signal.SIGKILL)
    await until_none_there(stage)
    await stage.node.start()
    await works(stage)


async def device__its_hardware_gone__it_alone_is_unavailable(stage) -> None:
    sensor = "sensor.hall_cpu_temperature"
    (stage.node.directory / "thermal/thermal_zone0/temp").unlink()
    await stage.ha.until_state(sensor, "unavailable")
    assert unavailable(stage.ha) == [sensor]
    stage.node.put("thermal/thermal_zone0/temp", "39500\n")
    await stage.ha.until_state(sensor, "39.5", deadline=60)


async def home_assistant__restarted__all_there_again(stage) -> None:
    await stage.ha.restart()
    await works(stage)


async def broker__restarted__all_there_again(stage) -> None:
    await stage.broker.stop()
    await until_none_there(stage)
    await stage.broker.start()
    await works(stage)


async def broker__has_lost_what_was_retained__all_there_again(stage) -> None:
    await stage.broker.stop()
    for file in stage.broker.store.iterdir():
        file.unlink()
    await until_none_there(stage)
    await stage.broker.start()
    await works(stage)


async def all_three__started_in_each_order__all_there_again(stage) -> None:
    for order in itertools.permutations(("broker", "node", "ha")):
        for part in ("ha", "node", "broker"):
            await getattr(stage, part).stop()
        for part in order:
            if part == "node":
                await stage.node.start(alone=not stage.broker.process.is_running())
            else:
                await getattr(stage, part).start()
        print(f"             started: {', '.join(order)}", flush=True)
        await works(stage)


async def birth__message_of_home_assistant__everything_is_sent_again(stage) -> None:
    async with Listener(stage.directory, stage.pki, "homeassistant/device/hall/#", "sconce/hall/+/state") as listener:
        await until(lambda: len(listener.messages("homeassistant/")) >= stage.devices, "the retained messages do not come")
        before = len(listener.messages())
        await stage.ha.call("mqtt.publish", topic="homeassistant/status", payload="online")

        def again() -> set[str]:
            return {topic for retained, _, topic, _ in listener.messages()[before:] if retained == "0"}

        await until(
            lambda: sum(topic.startswith("homeassistant/") for topic in again()) >= stage.devices,
            lambda: f"sent again: {sorted(again())}",
        )
        await until(lambda: "sconce/hall/kitchen/state" in again(), "the lamp's state is not sent again")


# ---- The config changes --------------------------------------------------------------------------------------------


async def device__renamed__new_name_same_ids(stage) -> None:
    before = await stage.ha.entity(LAMP)
    lines = stage.node.devices["lamp kitchen"]
    for name in ("Kitchen table", "Kitchen ceiling"):
        stage.node.devices["lamp kitchen"] = lines.replace("Kitchen ceiling", name)
        await stage.node.reload()
        await until(lambda name=name: stage.ha.attribute(LAMP, "friendly_name") == name, f"it is not called {name}")
        after = await stage.ha.entity(LAMP)
        assert (after["unique_id"], after["device_id"]) == (before["unique_id"], before["device_id"])
    await works(stage)


async def device__moved__stays_in_its_area(stage) -> None:
    """An area is a suggestion to Home Assistant, at the first time only: what a person chose there is not taken back."""
    lines = stage.node.devices["lamp kitchen"]
    stage.node.devices["lamp kitchen"] = lines.replace("area = Kitchen", "area = Attic")
    await stage.node.reload()
    async with Listener(stage.directory, stage.pki, "homeassistant/device/hall/kitchen/config") as listener:
        await until(lambda: any('"Attic"' in message[3] for message in listener.messages("homeassistant/")), listener.process.log)
    await works(stage)
    assert await stage.ha.area_of(await stage.ha.device_called("Kitchen ceiling")) == "Kitchen"
    stage.node.devices["lamp kitchen"] = lines
    await stage.node.reload()


async def device__removed_and_added__goes_and_comes(stage) -> None:
    lines = stage.node.devices.pop("switch pump")
    await stage.node.reload()
    await stage.ha.until_gone("switch.hall_pump")
    await until_async_gone(stage, "Garden pump")
    stage.node.devices["switch pump"] = lines
    await stage.node.reload()
    await works(stage)


async def until_async_gone(stage, name: str) -> None:
    async def gone() -> bool:
        return await stage.ha.device_called(name) is None

    await until(gone, f"the device {name} is still there")


async def device__removed_while_the_node_was_down__goes(stage) -> None:
    await stage.node.stop()
    lines = stage.node.devices.pop("exec heater")
    await stage.node.start()
    await stage.ha.until_gone("switch.hall_heater")
    await until_async_gone(stage, "Heater")
    stage.node.devices["exec heater"] = lines
    await stage.node.reload()
    await stage.until_whole()


async def component__gone_and_back__the_others_stay(stage) -> None:
    entity = "sensor.hall_all_extra"
    lines = stage.node.devices["probe all"]
    stage.node.devices["probe all"] = lines + "\nextra = yes"
    await stage.node.reload()
    await stage.until_there(lambda: entity in stage.ha.states, "the new entity does not come")
    stage.node.devices["probe all"] = lines
    await stage.node.reload()
    await stage.ha.until_gone(entity)
    await works(stage)


async def kind__changes__one_entity_for_the_other(stage) -> None:
    """A lamp becomes a switch: another platform under the same device."""
    lines = stage.node.devices.pop("lamp kitchen")
    stage.node.devices["switch kitchen"] = lines
    await stage.node.reload()
    await stage.until_there(lambda: stage.ha.state("switch.hall_kitchen") in ("on", "off"), "the switch does not come")
    await stage.ha.until_gone(LAMP)
    del stage.node.devices["switch kitchen"]
    stage.node.devices["lamp kitchen"] = lines
    await stage.node.reload()
    await stage.until_whole()
    await stage.ha.until_gone("switch.hall_kitchen")
    await works(stage)


async def devices__200_at_once__all_appear_and_go(stage) -> None:
    many = {f"exec many-{n}": f"name = Many {n}\nset = /bin/true" for n in range(200)}
    stage.node.devices.update(many)
    await stage.node.reload()
    await stage.until_there(
        lambda: sum(entity.startswith("switch.hall_many_") for entity in stage.ha.states) == 200,
        lambda: f"{sum(entity.startswith('switch.hall_many_') for entity in stage.ha.states)} of 200",
        deadline=90,
    )
    assert not [entity for entity in unavailable(stage.ha) if "many" not in entity]
    await until(lambda: not unavailable(stage.ha), lambda: f"unavailable: {unavailable(stage.ha)[:5]} …")
    for head in many:
        del stage.node.devices[head]
    await stage.node.reload()
    await until(lambda: not [entity for entity in stage.ha.states if "_many_" in entity], "some are still there", deadline=90)
    await works(stage)
