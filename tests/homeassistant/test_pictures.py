# SPDX-License-Identifier: Apache-2.0
"""What a person sees: pages of devices, and the dashboard that Home Assistant makes by itself, as a browser shows them."""

import json
import time

from browser import Browser
from hass import CLIENT_ID, URL
from stage import KNOWS_IDS
from waiting import Skipped

DASHBOARD = "whole-house"


async def log_in(stage, browser: Browser) -> None:
    login = {**stage.ha.login, "hassUrl": URL, "clientId": CLIENT_ID, "expires": int(time.time() * 1000) + 1_000_000}
    await browser.open(URL + "/static/icons/favicon.ico")  # a page of its origin, which these are kept for
    await browser.run(f"localStorage.setItem('hassTokens', JSON.stringify({json.dumps(login)}))")
    await browser.run("""localStorage.setItem('dockedSidebar', '"always_hidden"')""")


async def show_device(stage, browser: Browser, name: str) -> None:
    device = await stage.ha.device_called(name)
    await browser.open(f"{URL}/config/devices/device/{device['id']}")


async def make_photogenic(stage) -> None:
    stage.node.put("iio/iio:device0/in_temp_input", "21520\n")
    await stage.ha.until_state("sensor.hall_air_temperature", "21.5")
    await stage.ha.call("light.turn_on", "light.hall_shelf", brightness=160)
    for entity in ("light.hall_kitchen", "switch.hall_heater"):
        await stage.ha.call("homeassistant.turn_on", entity)
        await stage.ha.until_state(entity, "on")


async def take_pictures(stage) -> None:
    async with Browser(stage.directory, 1000, 700) as browser:
        await log_in(stage, browser)
        await show_device(stage, browser, "Hall")
        await browser.until_shows("by Sconce", "Restart", "Certificate", "Connected devices")
        await browser.until_icons()
        await browser.picture(stage.pictures / "homeassistant-device.png")
        await browser.open(f"{URL}/{DASHBOARD}/0")
        await browser.until_shows("Kitchen ceiling", "Front door", "Living-room shutter", "21.5")
        await browser.until_icons()
        await browser.picture(stage.pictures / "homeassistant-dashboard.png")


async def pages__devices_and_dashboard__are_shown(stage) -> None:
    if stage.ha.version < KNOWS_IDS:
        raise Skipped(f"the pages of Home Assistant {stage.ha.version} call things by other names")
    await stage.ha.finish_onboarding()
    await stage.ha.command("lovelace/dashboards/create", url_path=DASHBOARD, title="Whole house", mode="storage")
    await stage.ha.command("lovelace/config/save", url_path=DASHBOARD, config={"strategy": {"type": "original-states"}})
    everything = stage.node.devices.pop("probe all")  # stands in nobody's house
    await stage.node.reload()
    await stage.ha.until_gone("light.hall_all_light")
    try:
        await make_photogenic(stage)
        await take_pictures(stage)
    finally:
        stage.node.devices["probe all"] = everything
        await stage.node.reload()
    await stage.until_whole()
