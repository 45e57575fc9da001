# SPDX-License-Identifier: Apache-2.0
"""The house as Home Assistant has it after it was set up: each entity with all that people see of it."""

from expected import DEVICES, ENTITIES, NODE
from waiting import until


def shown(ha, registered: dict, expected) -> dict:
    """What Home Assistant made of an entity, in the words of the table."""
    state = ha.states[expected.id]
    attributes = state["attributes"]
    options = registered["options"] or {}
    return {
        "name": attributes.get("friendly_name"),
        "unit": attributes.get("unit_of_measurement"),
        "device_class": attributes.get("device_class"),
        "state_class": attributes.get("state_class"),
        "precision": options.get("sensor", {}).get("suggested_display_precision"),
        "category": registered["entity_category"],
    }


async def house__set_up__every_entity_as_it_should_be(stage) -> None:
    wrong = []
    for entity in ENTITIES:
        registered = await stage.ha.entity(entity.id)
        is_so = shown(stage.ha, registered, entity)
        wanted = {key: getattr(entity, key) for key in is_so}
        if entity.precision is None:
            wanted["precision"] = is_so["precision"]
        if is_so != wanted:
            wrong.append(f"{entity.id}: {is_so}\n    instead of {wanted}")
    assert not wrong, "\n".join(wrong)


async def house__set_up__nothing_beside_that(stage) -> None:
    known = {entity.id for entity in ENTITIES}
    entities = {entity["entity_id"] for entity in await stage.ha.registry("entity") if entity["platform"] == "mqtt"}
    assert entities == known, f"too many: {sorted(entities - known)}, missing: {sorted(known - entities)}"


async def house__set_up__states_are_known(stage) -> None:
    for entity in ENTITIES:
        if entity.state is None:
            await until(
                lambda entity=entity: stage.ha.state(entity.id) not in ("unknown", "unavailable"),
                lambda entity=entity: f"{entity.id} is {stage.ha.state(entity.id)}",
            )
        else:
            await stage.ha.until_state(entity.id, entity.state)


async def devices__set_up__names_areas_and_node(stage) -> None:
    node = await stage.ha.device_called(NODE)
    assert node, [device["name"] for device in await stage.ha.registry("device")]
    for name, area in DEVICES.items():
        device = await stage.ha.device_called(name)
        assert device, f"no device {name}"
        assert await stage.ha.area_of(device) == area, f"{name} is in {await stage.ha.area_of(device)}, not {area}"
        if name != NODE:
            assert device["via_device_id"] == node["id"], f"{name} does not hang on the node"
        assert device["manufacturer"] and device["model"] and device["sw_version"], device


async def ids__all__begin_with_the_node_and_are_unique(stage) -> None:
    ids = [
        (entity["entity_id"].partition(".")[0], entity["unique_id"])
        for entity in await stage.ha.registry("entity")
        if entity["platform"] == "mqtt"
    ]
    assert len(set(ids)) == len(ids) == len(ENTITIES)
    assert all(unique_id.startswith("sconce.hall.") for _, unique_id in ids), ids
