# SPDX-License-Identifier: Apache-2.0
"""Node-RED with the shipped flow, set up and imported by the commands of docs/node-red.md."""

import asyncio
import inspect
import json
import re
import urllib.request
from pathlib import Path

from stage import DOOR, HERE, LAMP, PORT, TREE, Program, Stage, reserve_port, run, until

SETTINGS = """\
module.exports = {
    uiHost: "127.0.0.1",
    uiPort: %d,
    userDir: "%s",
    flowFile: "flows.json",
    mqttReconnectTime: 100,
    telemetry: { enabled: false, updateNotification: false },
    externalModules: { autoInstall: false, palette: { allowInstall: false, allowUpload: false, allowUpdate: false } },
    editorTheme: { palette: { catalogues: [] }, tours: false },
};
"""


def page() -> str:
    return (TREE / "docs/node-red.md").read_text()


class NodeRed:
    """One Node-RED in a directory of its own, and what its editor shows."""

    count = 0

    def __init__(self, stage: Stage):
        NodeRed.count += 1
        self.stage = stage
        self.directory = stage.directory / f"node-red-{NodeRed.count}"
        self.certificates = self.directory / "certificates"
        self.reserved = reserve_port()
        self.port = self.reserved.getsockname()[1]
        modules = stage.fetched / "node_modules"
        settings = self.directory / "settings.js"
        self.process = Program(
            self.directory.name, ["node", modules / "node-red/red.js", "--settings", settings], stage.directory,
            {"HOME": str(self.directory), "NODE_RED_DISABLE_TELEMETRY": "true"},
        )  # fmt: skip
        self.editor = Program(f"editor-{NodeRed.count}", ["node", HERE / "comms.js", modules, self.port], stage.directory)

    async def start(self) -> None:
        self.directory.mkdir()
        self.process.cwd = self.directory
        (self.directory / "settings.js").write_text(SETTINGS % (self.port, self.directory))
        await self.stage.add(self.process)
        await self.process.says("Started flows")
        await self.stage.add(self.editor)
        await self.editor.says("listening")

    async def stop(self) -> None:
        await self.editor.stop()
        await self.process.stop()
        self.reserved.close()

    async def set_up(self, change=lambda flow: flow) -> None:
        """The commands of the docs, with this test's directories, address and ports, and what a test changes in the flow."""
        text = (TREE / "etc/examples/node-red.json").read_text()
        text = text.replace('"8883"', f'"{PORT}"').replace("/etc/sconce/node-red", str(self.certificates))
        (self.directory / "node-red.json").write_text(change(text))
        commands = "".join(re.findall(r"^```sh\n(.*?)^```$", page(), re.M | re.S))
        assert "sconce-pki client node-red" in commands and "/flows" in commands, "docs/node-red.md has other commands"
        if (self.stage.pki.directory / "issued/node-red.crt").exists():
            commands = commands.replace("sudo sconce-pki client node-red", ":")  # by another test; a name is issued once
        await self.run_shown(self.directory, commands)

    async def run_shown(self, directory: Path, commands: str) -> str:
        stands_in = {
            "sudo ": "",
            "sconce-pki ": f"{TREE}/build/sconce-pki -d {self.stage.pki.directory} ",
            "/etc/sconce/pki": str(self.stage.pki.directory),
            "/etc/sconce/node-red": str(self.certificates),
            "/usr/share/doc/sconce/examples": str(self.directory),
            "homebox.lan": "localhost",
            "127.0.0.1:1880": f"127.0.0.1:{self.port}",
        }
        for shown, here in stands_in.items():
            commands = commands.replace(shown, here)
        return await run("/bin/sh", "-euc", f"cd {directory}\n{commands}")

    async def press(self, node: str) -> None:
        """The button of an inject node."""
        self.editor.forget()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/inject/{node}", data=b"", method="POST")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).close())

    async def shows(self, node: str, text: str) -> None:
        """What stands below a node."""
        await self.editor.says(f'status {node} .*"text":"{text}')


async def set_up(stage: Stage, change=lambda flow: flow) -> NodeRed:
    red = NodeRed(stage)
    await red.start()
    await red.set_up(change)
    return red


async def flow__imported__shows_the_door_and_switches_the_lamp(stage: Stage) -> None:
    red = await set_up(stage)
    await red.shows("sconce-lamp-shown", "OFF")
    for level, text in (("1", "open"), ("0", "shut")):
        red.editor.forget()
        await stage.node.pull(DOOR, level)
        await red.shows("sconce-door-shown", text)
    for button, level, text in (("sconce-on", "1", "ON"), ("sconce-off", "0", "OFF")):
        await red.press(button)
        await stage.node.until_line(LAMP, level)
        await red.shows("sconce-lamp-shown", text)
        await red.shows("sconce-answer", "done")
    await red.press("sconce-bad")
    await red.shows("sconce-answer", r"malformed: \\\"BRIGHTER\\\" is no command: send")
    await red.stop()


async def refused(stage: Stage, change) -> None:
    """What is shown before the connection is tried for the second time: nothing of the house."""
    red = await set_up(stage, change)
    await until(lambda: red.process.log().count("Connection failed to broker") >= 2, lambda: red.process.log())
    assert "sconce-lamp-shown" not in red.editor.log() and "Connected to broker" not in red.process.log()
    await red.set_up()
    await red.shows("sconce-lamp-shown", "OFF")
    await red.stop()


async def broker__of_another_authority__is_refused(stage: Stage) -> None:
    ca = json.dumps(str(stage.elsewhere.ca))
    await refused(stage, lambda flow: re.sub(r'("ca": )"[^"]*"', rf"\1{ca}", flow))


async def broker__by_a_name_it_does_not_have__is_refused(stage: Stage) -> None:
    await refused(stage, lambda flow: flow.replace("broker.lan", "127.0.0.1"))


async def topic__of_a_node__cannot_be_written(stage: Stage) -> None:
    red = await set_up(stage, lambda flow: flow.replace('"sconce/hall/kitchen/set"', '"sconce/hall/kitchen/state"'))
    await red.shows("sconce-lamp-shown", "OFF")
    await red.press("sconce-on")
    await red.process.says(r"\[error\] \[mqtt out:.*Not authorized")
    await stage.node.pull(DOOR, "1")
    await red.shows("sconce-door-shown", "open")
    await stage.node.pull(DOOR, "0")
    assert '"text":"ON"' not in red.editor.log(), red.editor.log()
    await red.stop()


async def certificate__verified_and_renewed__connects(stage: Stage) -> None:
    """By the commands that the page has inside its lines."""
    red = await set_up(stage)
    await red.shows("sconce-lamp-shown", "OFF")
    for directory, command in (
        (red.certificates, "openssl verify -CAfile ca.crt node-red.crt"),
        (red.directory, "sudo sconce-pki renew node-red"),
    ):
        assert f"`{command}`" in page(), f"docs/node-red.md does not show {command}"
        await red.run_shown(directory, command)
    before = (red.certificates / "node-red.crt").read_text()
    red.editor.forget()
    await red.set_up()
    assert (red.certificates / "node-red.crt").read_text() != before
    await red.shows("sconce-lamp-shown", "OFF")
    await red.stop()


def tests():
    for name, function in list(globals().items()):
        if inspect.iscoroutinefunction(function) and "__" in name:
            yield f"node-red__{name}", "npm", function
