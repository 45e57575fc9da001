# SPDX-License-Identifier: Apache-2.0
"""From a service of Home Assistant to a line of the node, and from a line to an automation."""

from hass import HomeAssistant
from home import Listener
from house import DOOR, DOWN, FAN, KITCHEN, KNOB_A, KNOB_B, METER, MOTION, PUMP, UP, VOLUME_A, VOLUME_B, WALL, WATER
from waiting import Skipped, until

LAMP, SHELF, COVER = "light.hall_kitchen", "light.hall_shelf", "cover.hall_shutter"


def since(ha: HomeAssistant, mark: int, entity: str) -> list[str]:
    """The entity's states from the mark on."""
    return [state for name, state in ha.past[mark:] if name == entity]


# ---- Lights --------------------------------------------------------------------------------------------------------


async def lamp__on_off_toggle__line_and_state_follow(stage) -> None:
    for service, level, state in (("turn_on", "1", "on"), ("turn_off", "0", "off"), ("toggle", "1", "on"), ("toggle", "0", "off")):
        await stage.ha.call(f"light.{service}", LAMP)
        await stage.node.until_line(KITCHEN, level)
        await stage.ha.until_state(LAMP, state)


async def lamp__brightness__level_and_attribute(stage) -> None:
    await stage.ha.call("light.turn_on", SHELF, brightness=128)
    await until(lambda: stage.node.led("ACT") == 128, lambda: f"the LED is at {stage.node.led('ACT')}, not 128")
    await stage.ha.until_attribute(SHELF, "brightness", 128)
    assert stage.ha.attribute(SHELF, "supported_color_modes") == ["brightness"]
    assert stage.ha.attribute(SHELF, "color_mode") == "brightness"


async def lamp__transition__state_at_once_and_level_in_steps(stage) -> None:
    await stage.ha.call("light.turn_on", SHELF, brightness=20)
    await until(lambda: stage.node.led("ACT") == 20, "the LED does not come to 20")
    await stage.ha.call("light.turn_on", SHELF, brightness=220, transition=2)
    await stage.ha.until_attribute(SHELF, "brightness", 220)
    assert stage.node.led("ACT") < 220, "it was there at once"
    await until(lambda: 20 < stage.node.led("ACT") < 220, "the LED was at no level between")
    await until(lambda: stage.node.led("ACT") == 220, "the LED does not come to 220")


async def lamp__off_and_on__brightness_is_kept(stage) -> None:
    await stage.ha.call("light.turn_on", SHELF, brightness=77)
    await stage.ha.until_attribute(SHELF, "brightness", 77)
    await stage.ha.call("light.turn_off", SHELF)
    await stage.ha.until_state(SHELF, "off")
    await stage.ha.call("light.turn_on", SHELF)
    await stage.ha.until_attribute(SHELF, "brightness", 77)
    await until(lambda: stage.node.led("ACT") == 77, "the LED does not come to 77")


async def lamp__effect__blinks_until_it_is_none(stage) -> None:
    await stage.ha.call("light.turn_on", SHELF, brightness=255, effect="blink")
    await stage.ha.until_attribute(SHELF, "effect", "blink")
    await until(lambda: stage.node.led("ACT") == 0, "the LED is never dark")
    await until(lambda: stage.node.led("ACT") == 255, "the LED is never lit")
    await stage.ha.call("light.turn_on", SHELF, effect="none")
    await stage.ha.until_attribute(SHELF, "effect", "none")
    await stage.ha.call("light.turn_off", SHELF)
    await until(lambda: stage.node.led("ACT") == 0, "the LED does not go out")


async def lamp__flash__blinks_and_is_off_again(stage) -> None:
    await stage.ha.call("light.turn_off", LAMP)
    await stage.ha.until_state(LAMP, "off")
    await stage.ha.call("light.turn_on", LAMP, flash="short")
    await stage.node.until_line(KITCHEN, "1")
    await stage.node.until_line(KITCHEN, "0")
    await stage.node.until_line(KITCHEN, "1")
    await stage.ha.call("light.turn_off", LAMP)
    await stage.node.until_line(KITCHEN, "0")
    await stage.ha.until_state(LAMP, "off")


# ---- Covers --------------------------------------------------------------------------------------------------------


async def cover__position_unknown__closes_then_stands_at_40(stage) -> None:
    mark = len(stage.ha.past)
    await stage.ha.call("cover.set_cover_position", COVER, position=40)
    await stage.node.until_line(DOWN, "1")  # to an end first, from where it is known
    await until(lambda: "opening" in since(stage.ha, mark, COVER), "it does not open")
    await stage.ha.until_state(COVER, "open")  # neither end, and it stands
    await stage.node.until_line(UP, "0")
    # A hundredth of its way is 30 ms, which a busy machine may hold it up for.
    position = stage.ha.attribute(COVER, "current_position")
    assert 40 <= position <= 43, position


async def cover__stop__stands_between(stage) -> None:
    await stage.ha.call("cover.open_cover", COVER)
    await stage.ha.until_state(COVER, "opening")
    await stage.node.until_line(UP, "1")
    await stage.ha.call("cover.stop_cover", COVER)
    await stage.node.until_line(UP, "0")
    await stage.ha.until_state(COVER, "open")
    await until(lambda: 40 <= (stage.ha.attribute(COVER, "current_position") or 0) < 100, "it is at no place between")


async def cover__close_and_open__states_on_the_way(stage) -> None:
    for service, states in (("close_cover", ["closing", "closed"]), ("open_cover", ["opening", "open"])):
        mark = len(stage.ha.past)
        await stage.ha.call(f"cover.{service}", COVER)
        await stage.ha.until_state(COVER, states[0])
        await stage.ha.until_state(COVER, states[1])
        assert [state for state in since(stage.ha, mark, COVER) if state in states][-2:] == states
    await stage.ha.until_attribute(COVER, "current_position", 100)


# ---- What else is set ----------------------------------------------------------------------------------------------


async def switch__on_off__line_and_state_follow(stage) -> None:
    for service, level, state in (("turn_on", "1", "on"), ("turn_off", "0", "off")):
        await stage.ha.call(f"switch.{service}", "switch.hall_pump")
        await stage.node.until_line(PUMP, level)
        await stage.ha.until_state("switch.hall_pump", state)


async def switch__fan_and_valve__lines_and_states_follow(stage) -> None:
    for entity, line, on, off in (
        ("fan.hall_fan", FAN, ("turn_on", "on"), ("turn_off", "off")),
        ("valve.hall_water", WATER, ("open_valve", "open"), ("close_valve", "closed")),
    ):
        for (service, state), level in ((on, "1"), (off, "0")):
            await stage.ha.call(f"{entity.partition('.')[0]}.{service}", entity)
            await stage.node.until_line(line, level)
            await stage.ha.until_state(entity, state)


async def switch__program__gets_the_word(stage) -> None:
    await stage.ha.call("switch.turn_on", "switch.hall_heater")
    await stage.ha.until_state("switch.hall_heater", "on")
    assert (stage.node.directory / "heater").read_text() == "ON\n"


async def number__set__is_taken_and_stays_in_its_bounds(stage) -> None:
    await stage.ha.call("number.set_value", "number.hall_volume", value=12)
    await stage.ha.until_state("number.hall_volume", "12.0", "12")
    assert (stage.ha.attribute("number.hall_volume", "min"), stage.ha.attribute("number.hall_volume", "max")) == (0, 40)


async def number__total_of_a_meter__is_set(stage) -> None:
    await stage.ha.call("number.set_value", "number.hall_electricity_total", value=4711.25)
    await until(lambda: float(stage.ha.state("sensor.hall_electricity_total")) == 4711.25, "the meter does not show 4711.25")


async def select__option__is_taken(stage) -> None:
    for option in ("bright", "calm"):
        await stage.ha.call("select.select_option", "select.hall_all_mood", option=option)
        await stage.ha.until_state("select.hall_all_mood", option)
    assert stage.ha.attribute("select.hall_all_mood", "options") == ["calm", "bright"]


async def text__value__is_taken(stage) -> None:
    await stage.ha.call("text.set_value", "text.hall_all_note", value='Grüße, "Haus"')
    await stage.ha.until_state("text.hall_all_note", 'Grüße, "Haus"')


async def button__press__reaches_the_plugin(stage) -> None:
    log = stage.node.directory / "probe/log"
    before = log.read_text()
    await stage.ha.call("button.press", "button.hall_all_ring")
    await until(lambda: "ring" in log.read_text()[len(before) :] or "command" in log.read_text()[len(before) :], log.read_text)


async def button__reload_of_the_node__config_is_read_again(stage) -> None:
    stage.node.process.forget()
    await stage.ha.call("button.press", "button.hall_node_reload")
    await stage.node.process.says("reloaded")


# ---- What comes from the house -------------------------------------------------------------------------------------


async def door__opens__state_and_automation(stage) -> None:
    entity = "binary_sensor.hall_front_door"
    await stage.ha.until_state(entity, "off")
    await stage.ha.automate("door_opens", {"trigger": "state", "entity_id": entity, "to": "on"}, "door_opened")
    await stage.node.pull(DOOR, "1")
    await stage.ha.until_state(entity, "on")
    await until(lambda: stage.ha.count_fired("door_opened") == 1, "the automation did not run")
    await stage.node.pull(DOOR, "0")
    await stage.ha.until_state(entity, "off")
    assert stage.ha.count_fired("door_opened") == 1


async def motion__seen__automation(stage) -> None:
    entity = "binary_sensor.hall_motion"
    await stage.ha.automate("motion_seen", {"trigger": "state", "entity_id": entity, "to": "on"}, "motion_seen")
    await stage.node.pull(MOTION, "1")
    await until(lambda: stage.ha.count_fired("motion_seen") == 1, "the automation did not run")
    await stage.node.pull(MOTION, "0")
    await stage.ha.until_state(entity, "off")


async def triggers(stage, device: str) -> dict[tuple[str, str], dict]:
    """A device's triggers as the automation editor lists them: (type, subtype) to what it would put into the automation."""
    found = await stage.ha.device_called(device)
    listed = await stage.ha.command("device_automation/trigger/list", device_id=found["id"])
    return {(one["type"], one.get("subtype", "")): one for one in listed if one["domain"] == "mqtt"}


async def press__single_and_double__device_triggers_fire_an_automation_each(stage) -> None:
    offered = await triggers(stage, "Wall button")
    for kind in ("short_press", "double_press", "triple_press", "long_press", "long_release"):
        assert (f"button_{kind}", "press") in offered, list(offered)
    for kind in ("short_press", "double_press"):
        trigger = {key: value for key, value in offered[(f"button_{kind}", "press")].items() if key != "metadata"}
        await stage.ha.automate(f"wall_{kind}", trigger, f"wall_{kind}")
    for count, kind in ((1, "short_press"), (2, "double_press")):
        for _ in range(count):
            await stage.node.press(WALL)
        await until(lambda kind=kind: stage.ha.count_fired(f"wall_{kind}") == 1, f"{kind}: the automation did not run")
    assert stage.ha.count_fired("wall_short_press") == 1, "a double press is no single one"


async def press__event_entity__has_the_last_press(stage) -> None:
    entity = "event.hall_wall_press"
    before = stage.ha.state(entity)
    await stage.node.press(WALL)
    await until(
        lambda: stage.ha.state(entity) != before and stage.ha.attribute(entity, "event_type") == "single",
        "the event entity does not have the press",
    )
    assert stage.ha.attribute(entity, "event_types") == ["single", "double", "triple", "long", "release"]


async def knob__turned__events_and_number(stage) -> None:
    async def turn(a: int, b: int) -> None:
        for line, level in ((a, "1"), (b, "1"), (a, "0"), (b, "0")):
            await stage.node.pull(line, level)

    before = float(stage.ha.state("number.hall_volume"))
    await turn(KNOB_A, KNOB_B)
    await until(lambda: stage.ha.attribute("event.hall_knob", "event_type"), "the knob's event did not come")
    await turn(VOLUME_A, VOLUME_B)
    await until(lambda: abs(float(stage.ha.state("number.hall_volume")) - before) == 1, "the number did not move by one step")


async def meter__pulse__total_grows_and_its_class_is_accepted(stage) -> None:
    before = float(stage.ha.state("sensor.hall_electricity_total"))
    await stage.node.pull(METER, "1")
    await until(lambda: float(stage.ha.state("sensor.hall_electricity_total")) > before, "the total does not grow")
    await stage.node.pull(METER, "0")
    assert stage.ha.attribute("sensor.hall_electricity_total", "state_class") == "total_increasing"


async def sensor__new_value__rounded_as_the_config_says(stage) -> None:
    for raw, shown in (("-3260\n", "-3.3"), ("21520\n", "21.5"), ("22000\n", "22.0")):
        stage.node.put("iio/iio:device0/in_temp_input", raw)
        await until(
            lambda shown=shown: float(stage.ha.state("sensor.hall_air_temperature")) == float(shown),
            lambda: f"it is {stage.ha.state('sensor.hall_air_temperature')}",
        )


# ---- Late commands -------------------------------------------------------------------------------------------------


async def command__each__expires_in_the_broker(stage) -> None:
    if stage.ha.version < (2026, 11):
        raise Skipped(f"Home Assistant {stage.ha.version} may not know that commands expire")
    async with Listener(stage.directory, stage.pki, "sconce/hall/+/set/#") as listener:
        await stage.ha.call("switch.turn_on", "switch.hall_pump")
        await stage.ha.call("light.turn_on", SHELF, brightness=9)
        await until(lambda: len(listener.messages("sconce/hall/shelf/set")) == 1, listener.process.log)
        for _, expires, topic, _ in listener.messages():
            assert topic == "sconce/hall/status" or 0 < int(expires or 0) <= 60, f"{topic}: expires after {expires!r} s"
