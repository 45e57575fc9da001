# SPDX-License-Identifier: Apache-2.0
"""At the end: what Home Assistant had to say about us in all that time, and the statistics that it made of our sensors."""

from expected import ENTITIES
from waiting import until

STATISTICS_S = 400.0  # they are compiled every five minutes


async def statistics__every_sensor_with_a_class__is_accepted(stage) -> None:
    wanted = {entity.id: entity.unit for entity in ENTITIES if entity.state_class}
    assert wanted

    async def compiled() -> dict:
        listed = {one["statistic_id"]: one for one in await stage.ha.command("recorder/list_statistic_ids")}
        return listed if wanted.keys() <= listed.keys() else {}

    listed = await until(compiled, "there are no statistics of all sensors", STATISTICS_S, look_again=2)
    for entity, unit in wanted.items():
        assert listed[entity]["statistics_unit_of_measurement"] == unit, listed[entity]
    issues = await stage.ha.command("recorder/validate_statistics")
    assert not {entity: issue for entity, issue in issues.items() if entity in wanted}, issues


async def log__whole_run__no_warning_about_us(stage) -> None:
    complaints = [line for line in stage.ha.complaints() if not is_expected(line)]
    assert not complaints, "\n".join(complaints[:20])


async def repairs__whole_run__none_about_us(stage) -> None:
    issues = (await stage.ha.command("repairs/list_issues"))["issues"]
    assert not [issue for issue in issues if issue["domain"] in ("mqtt", "sensor", "recorder")], issues


# The broker was away, by our hand; and 200 devices at once are many lines of the log that we ask for.
EXPECTED = ("Failed to connect to MQTT server", "Error returned from MQTT server", "not currently connected", "logging too frequently")


def is_expected(complaint: str) -> bool:
    return any(text in complaint for text in EXPECTED)
