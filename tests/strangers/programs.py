# SPDX-License-Identifier: Apache-2.0
"""The three programs of docs/clients.md, each with the same tests."""

import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path

from stage import DOOR, HERE, LAMP, PORT, TREE, Program, Stage


@dataclass
class Client:
    name: str
    needs: str  # what tests/strangers/check fetched for it
    program: str
    command: str  # as the docs have it
    wrong_ca: str  # what it prints of a broker that another authority vouches for
    wrong_name: str
    mqtt: int = 5
    starts = 0

    def ask(self, payload: str, mark: str) -> str:
        """The payload with what an answer wants: MQTT 5 has properties for that."""
        return payload if self.mqtt == 5 else json.dumps({"state": payload, "id": mark})

    def answer(self, mark: str, what: str) -> str:
        return f"answer .*{what}" if self.mqtt == 5 else f'sconce/hall/kitchen/result .*(?=.*"id":"{mark}").*{what}'

    async def start(self, stage: Stage, host: str = "localhost", ca: Path | None = None) -> Program:
        Client.starts += 1
        name = f"{self.name}-{Client.starts}"
        directory = stage.new_directory(name, ca or stage.pki.ca)
        command = self.command.replace("broker.lan 8883", f"{host} {PORT}")
        command = command.replace("python3", "/usr/bin/python3").replace("go run lamp.go", str(stage.fetched / "lamp-go"))
        program = Program(name, command.split(), stage.directory)
        program.cwd = directory
        await stage.add(program)
        return program


PYTHON = Client(
    "paho-python", "python", "lamp.py", "python3 lamp.py broker.lan 8883 me", "certificate verify failed", "IP address mismatch"
)
JS = Client(
    "mqttjs", "npm", "lamp.js", "node lamp.js broker.lan 8883 me",
    "self-signed certificate in certificate chain|unable to|signature", "does not match certificate's altnames",
)  # fmt: skip
GO = Client(
    "paho-go", "go", "lamp.go", "go run lamp.go broker.lan 8883 me",
    "failed to verify certificate|signed by unknown authority", "doesn't contain any IP SANs", mqtt=4,
)  # fmt: skip
CLIENTS = (PYTHON, JS, GO)


async def started(client: Client, stage: Stage) -> Program:
    program = await client.start(stage)
    await program.says("sconce/hall/kitchen/state .*\n")  # retained: the subscription is there
    return program


async def put_lamp(client: Client, stage: Stage, program: Program, state: str) -> None:
    mark = f"{program.name}-{state}"
    program.type(f"sconce/hall/kitchen/set {client.ask(state, mark)}")
    await stage.node.until_line(LAMP, "1" if state == "ON" else "0")
    await program.says(f'sconce/hall/kitchen/state .*"state":"{state}"')
    await program.says(client.answer(mark, '"ok":true'))


async def door__opened_and_shut__is_seen(client: Client, stage: Stage) -> None:
    program = await started(client, stage)
    for level, state in (("1", "ON"), ("0", "OFF")):
        program.forget()
        await stage.node.pull(DOOR, level)
        await program.says(f'sconce/hall/front-door/state .*"state":"{state}"')
    assert await program.stop_typing() == 0


async def lamp__switched__answers(client: Client, stage: Stage) -> None:
    program = await started(client, stage)
    await put_lamp(client, stage, program, "ON")
    await put_lamp(client, stage, program, "OFF")
    assert await program.stop_typing() == 0


async def command__bad__is_refused_with_a_text(client: Client, stage: Stage) -> None:
    program = await started(client, stage)
    program.type(f"sconce/hall/kitchen/set {client.ask('BRIGHTER', 'bad')}")
    await program.says(client.answer("bad", '"ok":false') + '.*"message":".*BRIGHTER.* (is not ON, OFF or TOGGLE|is no command: send)')
    await put_lamp(client, stage, program, "ON")
    await put_lamp(client, stage, program, "OFF")


async def broker__of_another_authority__is_refused(client: Client, stage: Stage) -> None:
    program = await client.start(stage, ca=stage.elsewhere.ca)
    assert await program.ends() != 0
    assert re.search(client.wrong_ca, program.log()), program.log()


async def broker__by_a_name_it_does_not_have__is_refused(client: Client, stage: Stage) -> None:
    program = await client.start(stage, host="127.0.0.1")
    assert await program.ends() != 0
    assert re.search(client.wrong_name, program.log()), program.log()


async def topic__of_a_node__cannot_be_written(client: Client, stage: Stage) -> None:
    """All of it comes back in the order in which it was sent; what the list forbids does not come."""
    program = await started(client, stage)
    program.type('sconce/hall/forged/state {"state":"forged"}')
    if client is JS:
        await program.says("refused: .*Not authorized")
    program.type(f"sconce/hall/kitchen/set {client.ask('ON', 'after')}")
    await program.says('sconce/hall/kitchen/state .*"state":"ON"')
    assert "forged" not in program.log(), program.log()
    await put_lamp(client, stage, program, "OFF")


async def docs__program_and_command__are_the_ones_tried(client: Client, stage: Stage) -> None:
    page = (TREE / "docs/clients.md").read_text()
    blocks = re.findall(r"^```\w+\n(.*?)^```$", page, re.M | re.S)
    assert (HERE / client.program).read_text() in blocks, f"docs/clients.md has another {client.program}"
    assert client.command in page, f"docs/clients.md does not show {client.command}"


def tests():
    for client in CLIENTS:
        for name, function in list(globals().items()):
            if inspect.iscoroutinefunction(function) and "__" in name:
                yield f"{client.name}__{name}", client.needs, lambda stage, f=function, c=client: f(c, stage)
