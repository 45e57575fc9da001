# SPDX-License-Identifier: Apache-2.0
"""What a run has shown, as a block of docs/homeassistant.md: versions, date, and what was seen of each kind of thing."""

import datetime
import importlib.metadata
import os
import platform
import re
from pathlib import Path

from expected import DEVICES, ENTITIES
from home import BUILD
from waiting import run

PAGE = Path(__file__).resolve().parents[2] / "docs/homeassistant.md"


async def versions() -> str:
    sconced = (await run(BUILD / "sconced", "--version")).split()[1]
    mosquitto = re.search(r"version (\S+)", await run("sh", "-c", "/usr/sbin/mosquitto -h || true")).group(1)
    core, frontend, paho = map(importlib.metadata.version, ("homeassistant", "home-assistant-frontend", "paho-mqtt"))
    return (
        f"**Home Assistant {core}** on Python {platform.python_version()} (frontend {frontend}, paho-mqtt {paho}), mosquitto {mosquitto} "
        f"with the shipped config, MQTT 5 over mutual TLS, sconced {sconced}"
    )


def subjects(names: list[str]) -> list[str]:
    """One row for each subject, from the tests' names."""
    rows: dict[str, list[str]] = {}
    for name in names:
        subject, condition, result = (part.replace("_", " ") for part in name.split("__"))
        rows.setdefault(subject, []).append(f"{condition}: {result}")
    return [f"| {subject} | {'; '.join(seen)} |" for subject, seen in rows.items()]


async def write(names: list[str]) -> None:
    """Which block it is, the newest version's or a chosen one's, depends on what was asked for."""
    which = "chosen" if os.environ.get("SCONCE_HA_VERSION") else "newest"
    begin, end = f"<!-- tested: {which} -->\n", "<!-- tested: end -->"
    today = datetime.date.today().isoformat()
    block = f"Tried on {today}: {await versions()}. {len(ENTITIES)} entities of {len(DEVICES)} devices, {len(names)} tests, none failed."
    if which == "newest":
        block += "\n\n| | seen there |\n| --- | --- |\n" + "\n".join(subjects(names))
    text = PAGE.read_text()
    before, rest = text.split(begin, 1)
    PAGE.write_text(f"{before}{begin}{block}\n{end}{rest.split(end, 1)[1]}")
