# SPDX-License-Identifier: Apache-2.0
"""One Home Assistant, headless: started, set up and driven through its own REST and WebSocket interfaces."""

import asyncio
import importlib.metadata
import json
import re
import secrets
import sys
from pathlib import Path
from typing import NamedTuple

import aiohttp

from waiting import DEADLINE_S, Process, changed, until

URL = "http://127.0.0.1:8123"
CLIENT_ID = URL + "/"
START_S = 180.0

CONFIGURATION = """\
homeassistant:
  name: Home
  latitude: 50.1
  longitude: 8.7
  elevation: 100
  unit_system: metric
  time_zone: UTC
  currency: EUR
  country: DE
recorder:
  commit_interval: 1
history:
automation: !include automations.yaml
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
"""


class Version(NamedTuple):
    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year}.{self.month}"


class Refused(AssertionError):
    """Home Assistant answered a command with an error."""


class HomeAssistant:
    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir()
        (directory / "configuration.yaml").write_text(CONFIGURATION)
        (directory / "automations.yaml").write_text("[]\n")
        self.process = Process(
            "homeassistant",
            [Path(sys.executable).parent / "hass", "-c", directory, "--skip-pip", "--log-no-color"],
            directory.parent,
        )
        self.token = ""
        self.login: dict = {}  # what a browser keeps of it
        self.states: dict[str, dict] = {}
        self.past: list[tuple[str, str]] = []  # every (entity, state) in the order in which they came
        self.fired: list[dict] = []  # every other event
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task | None = None
        self._answers: dict[int, asyncio.Future] = {}
        self._handlers: dict[int, callable] = {}
        self._number = 0
        self._registries: dict[str, list] = {}
        self.version = Version(*map(int, importlib.metadata.version("homeassistant").split(".")[:2]))

    # ---- Life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.process.start()
        self._http = aiohttp.ClientSession()
        await until(self._is_reached, lambda: "Home Assistant is not reached:\n" + self.process.log()[-4000:], START_S)
        if not self.token:
            await self._onboard()
        await self._connect()
        await until(self._is_up, "Home Assistant is not up", START_S)

    async def stop(self) -> None:
        await self._disconnect()
        await self.process.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def _is_reached(self) -> bool:
        if not self.process.is_running():
            raise AssertionError("Home Assistant ended:\n" + self.process.log()[-4000:])
        try:
            async with self._http.get(URL + "/api/onboarding") as answer:
                return answer.status in (200, 401, 404)
        except aiohttp.ClientError:
            return False

    async def _is_up(self) -> bool:
        return (await self.command("get_config"))["state"] == "RUNNING"

    # A user, and a token that outlives a restart.
    async def _onboard(self) -> None:
        password = secrets.token_hex(12)
        user = {"name": "Tester", "username": "tester", "password": password, "client_id": CLIENT_ID, "language": "en"}
        code = (await self.post("/api/onboarding/users", user))["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": CLIENT_ID}
        async with self._http.post(URL + "/auth/token", data=form) as answer:
            answer.raise_for_status()
            self.login = await answer.json()
            self.token = self.login["access_token"]
        await self._connect()
        self.token = await self.command("auth/long_lived_access_token", client_name="tests", lifespan=7)
        await self._disconnect()
        self._http = aiohttp.ClientSession()

    async def finish_onboarding(self) -> None:
        """The steps that a browser would otherwise ask for."""
        for step, data in (
            ("core_config", {}),
            ("analytics", {}),
            ("integration", {"client_id": CLIENT_ID, "redirect_uri": CLIENT_ID}),
        ):
            await self.post(f"/api/onboarding/{step}", data, self.login["access_token"])

    # ---- WebSocket -------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        self._socket = await self._http.ws_connect(URL + "/api/websocket", max_msg_size=0, heartbeat=30)
        assert (await self._socket.receive_json())["type"] == "auth_required"
        await self._socket.send_json({"type": "auth", "access_token": self.token})
        answer = await self._socket.receive_json()
        assert answer["type"] == "auth_ok", answer
        self._reader = asyncio.create_task(self._read())
        self._registries = {}
        await self.subscribe(self._on_event, "subscribe_events")
        self.states = {state["entity_id"]: state for state in await self.command("get_states")}

    async def _disconnect(self) -> None:
        if self._reader:
            self._reader.cancel()
        if self._socket:
            await self._socket.close()
        if self._http:
            await self._http.close()
        self._reader = self._socket = self._http = None
        self._handlers, self._answers = {}, {}

    async def _read(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            number = content.get("id")
            if content["type"] == "result" and number in self._answers:
                self._answers.pop(number).set_result(content)
            elif content["type"] == "event" and number in self._handlers:
                self._handlers[number](content["event"])
            changed()

    async def command(self, kind: str, **fields):
        """Sends a command and returns its result."""
        self._number += 1
        number = self._number
        self._answers[number] = asyncio.get_running_loop().create_future()
        answered = self._answers[number]
        await self._socket.send_json({"id": number, "type": kind, **fields})
        answer = await asyncio.wait_for(answered, DEADLINE_S)
        if not answer["success"]:
            raise Refused(f"{kind} {fields}: {answer['error']}")
        return answer["result"]

    async def subscribe(self, handler, kind: str, **fields) -> None:
        """handler(event) for what the command reports from now on."""
        self._handlers[self._number + 1] = handler
        await self.command(kind, **fields)

    def _on_event(self, event: dict) -> None:
        kind, data = event["event_type"], event["data"]
        if kind == "state_changed":
            self._on_state(data["entity_id"], data["new_state"])
            return
        if kind.endswith("_registry_updated"):
            self._registries.pop(kind.removesuffix("_registry_updated"), None)
        self.fired.append(event)

    def _on_state(self, entity: str, state: dict | None) -> None:
        if state is None:
            self.states.pop(entity, None)
            self.past.append((entity, ""))
            return
        self.states[entity] = state
        self.past.append((entity, state["state"]))

    # ---- REST ------------------------------------------------------------------------------------------------------

    def _headers(self) -> dict:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, path: str, data: dict, token: str = ""):
        headers = {"Authorization": f"Bearer {token}"} if token else self._headers()
        async with self._http.post(URL + path, json=data, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(f"POST {path} {data}: {answer.status} {text}")
            return json.loads(text) if text else None

    async def delete(self, path: str) -> None:
        async with self._http.delete(URL + path, headers=self._headers()) as answer:
            assert answer.status < 400, await answer.text()

    async def _upload(self, path: Path) -> str:
        form = aiohttp.FormData()
        form.add_field("file", path.read_bytes(), filename=path.name, content_type="application/x-pem-file")
        async with self._http.post(URL + "/api/file_upload", data=form, headers=self._headers()) as answer:
            answer.raise_for_status()
            return (await answer.json())["file_id"]

    # ---- MQTT ------------------------------------------------------------------------------------------------------

    async def set_up_mqtt(self, host: str, port: int, ca: Path, certificate: Path, key: Path) -> None:
        """Goes through the integration's own dialog, as a person does."""
        known = {
            "broker": lambda: host,
            "port": lambda: port,
            "protocol": lambda: "5",
            "advanced_options": lambda: True,  # of 2025
            "set_client_cert": lambda: True,
            "set_ca_cert": lambda: "custom",
            "certificate": lambda: self._upload(ca),
            "client_cert": lambda: self._upload(certificate),
            "client_key": lambda: self._upload(key),
            "tls_insecure": lambda: False,
            "transport": lambda: "tcp",
        }
        flow = await self.post("/api/config/config_entries/flow", {"handler": "mqtt", "show_advanced_options": True})
        for _ in range(6):
            assert flow["type"] in ("form", "create_entry"), flow
            if flow["type"] == "create_entry":
                return
            assert not flow.get("errors"), flow["errors"]
            answers = await self._fill(flow["data_schema"], known)
            flow = await self.post(f"/api/config/config_entries/flow/{flow['flow_id']}", answers)
        raise AssertionError(f"the dialog does not end: {flow}")

    async def _fill(self, fields: list, known: dict) -> dict:
        """What is asked for out of what is known; a field with fields of its own is filled in turn."""
        answers = {}
        for field in fields:
            name = field["name"]
            if "schema" in field and field.get("type") == "expandable":
                answers[name] = await self._fill(field["schema"], known)
            elif name in known:
                value = known[name]()
                answers[name] = await value if asyncio.iscoroutine(value) else value
        return answers

    # ---- Looking ---------------------------------------------------------------------------------------------------

    async def registry(self, which: str) -> list[dict]:
        """The registry of entities, devices or areas, asked for again when it has changed."""
        while which not in self._registries:
            self._registries[which] = []  # an event that comes meanwhile takes this away, and then it is asked for again
            content = await self.command(f"config/{which}_registry/list")
            if which in self._registries:
                self._registries[which] = content
        return self._registries[which]

    async def device(self, identifier: str) -> dict | None:
        for device in await self.registry("device"):
            if ["mqtt", identifier] in device["identifiers"]:
                return device
        return None

    async def device_called(self, name: str) -> dict | None:
        for device in await self.registry("device"):
            if name in (device["name"], device["name_by_user"]):
                return device
        return None

    async def area_of(self, device: dict) -> str | None:
        for area in await self.registry("area"):
            if area["area_id"] == device["area_id"]:
                return area["name"]
        return None

    async def entity(self, entity_id: str) -> dict:
        return await self.command("config/entity_registry/get", entity_id=entity_id)

    def state(self, entity: str) -> str | None:
        return self.states[entity]["state"] if entity in self.states else None

    def attribute(self, entity: str, key: str):
        return self.states.get(entity, {}).get("attributes", {}).get(key)

    async def until_state(self, entity: str, *wanted: str, deadline: float = DEADLINE_S) -> None:
        await until(
            lambda: self.state(entity) in wanted,
            lambda: f"{entity} is {self.state(entity)!r}, not {' or '.join(wanted)}",
            deadline,
        )

    async def until_gone(self, entity: str) -> None:
        await until(lambda: entity not in self.states, lambda: f"{entity} is still there: {self.state(entity)}")

    async def until_attribute(self, entity: str, key: str, wanted, deadline: float = DEADLINE_S) -> None:
        await until(
            lambda: self.attribute(entity, key) == wanted,
            lambda: f"{entity}'s {key} is {self.attribute(entity, key)!r}, not {wanted!r}",
            deadline,
        )

    def complaints(self, about: str = "mqtt|sconce") -> list[str]:
        """Warnings and errors of its log that are about us, each with its lines."""
        found, current = [], None
        for line in self.process.log().splitlines():
            head = re.match(r"\d{4}-\d\d-\d\d [\d:.]+ (\w+) ", line)
            if head:
                current = [line] if head.group(1) in ("WARNING", "ERROR", "CRITICAL") else None
                if current:
                    found.append(current)
            elif current:
                current.append(line)
        return ["\n".join(lines) for lines in found if re.search(about, "\n".join(lines), re.IGNORECASE)]

    # ---- Acting ----------------------------------------------------------------------------------------------------

    async def call(self, service: str, entity: str | list | None = None, **data) -> None:
        domain, name = service.split(".")
        target = {"target": {"entity_id": entity}} if entity else {}
        await self.command("call_service", domain=domain, service=name, service_data=data, **target)

    async def automate(self, name: str, trigger: dict, event: str) -> None:
        """An automation that fires `event` when the trigger does, made as its editor makes one."""
        await self.post(
            f"/api/config/automation/config/{name}",
            {"alias": name, "triggers": [trigger], "conditions": [], "actions": [{"event": event}], "mode": "queued"},
        )
        await self.until_state(f"automation.{name}", "on")

    def count_fired(self, event: str) -> int:
        return sum(1 for fired in self.fired if fired["event_type"] == event)
