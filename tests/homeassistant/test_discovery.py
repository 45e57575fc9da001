# SPDX-License-Identifier: Apache-2.0
"""The library itself, on a message made by hand."""

import json

from home import publish


async def discovery__message_by_hand__entity_with_its_state(stage) -> None:
    switch = {
        "p": "switch",
        "uniq_id": "by-hand",
        "name": None,
        "cmd_t": "sconce/hall/by-hand/set",
        "stat_t": "sconce/hall/by-hand/state",
        "val_tpl": "{{ value_json.state }}",
    }
    message = {"dev": {"ids": "by-hand", "name": "By hand"}, "o": {"name": "sconce"}, "cmps": {"state": switch}}
    topic = "homeassistant/device/hall/by-hand/config"
    await publish(stage.pki, topic, json.dumps(message), retain=True)
    await publish(stage.pki, "sconce/hall/by-hand/state", '{"state":"ON"}', retain=True)
    await stage.ha.until_state("switch.by_hand", "on")
    await publish(stage.pki, topic, "", retain=True)
    await stage.ha.until_gone("switch.by_hand")
