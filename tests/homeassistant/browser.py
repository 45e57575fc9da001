# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium, driven through its DevTools protocol: opens a page, waits for what it shows, takes its picture."""

import asyncio
import base64
import io
import json
import shutil
from pathlib import Path

import aiohttp

from waiting import DEADLINE_S, Process, until

PORT = 9222

# The text of all elements, those in shadow roots too, of which Home Assistant's pages consist.
TEXT_SCRIPT = """
(() => {
    const texts = [];
    const walk = (node) => {
        if (node.nodeType === Node.TEXT_NODE && node.textContent.trim())
            texts.push(node.textContent.trim());
        if (["STYLE", "SCRIPT"].includes(node.nodeName))
            return;
        if (node.shadowRoot)
            walk(node.shadowRoot);
        node.childNodes.forEach(walk);
    };
    walk(document);
    return texts.join("\\n");
})()
"""

# Whether each icon has what it draws.
ICONS_SCRIPT = """
(() => {
    let all = true;
    const walk = (node) => {
        if (["HA-ICON", "HA-STATE-ICON"].includes(node.nodeName) && !node.shadowRoot?.querySelector("ha-svg-icon, ha-icon"))
            all = false;
        if (node.shadowRoot)
            walk(node.shadowRoot);
        node.childNodes.forEach(walk);
    };
    walk(document);
    return all;
})()
"""


class Browser:
    def __init__(self, directory: Path, width: int, height: int):
        program = shutil.which("chromium")
        assert program, "there is no chromium"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"]
        size = f"--window-size={width},{height}"
        profile = f"--user-data-dir={directory / 'chromium'}"
        self.process = Process("chromium", [program, *options, size, profile, f"--remote-debugging-port={PORT}", "about:blank"], directory)
        self.width, self.height = width, height
        self._number = 0

    async def __aenter__(self) -> "Browser":
        await self.process.start()
        await self.process.says("DevTools listening")
        self._http = aiohttp.ClientSession()
        async with self._http.get(f"http://127.0.0.1:{PORT}/json/list") as answer:
            page = next(target for target in await answer.json(content_type=None) if target["type"] == "page")
        self._socket = await self._http.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        await self.command("Emulation.setDeviceMetricsOverride", width=self.width, height=self.height, deviceScaleFactor=1, mobile=False)
        return self

    async def __aexit__(self, *_) -> None:
        await self._http.close()
        await self.process.stop()

    async def command(self, method: str, **parameters) -> dict:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads((await asyncio.wait_for(self._socket.receive(), DEADLINE_S)).data)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    async def run(self, script: str):
        result = await self.command("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    async def open(self, url: str) -> None:
        await self.command("Page.navigate", url=url)

    async def until_shows(self, *texts: str) -> None:
        shown = ""

        async def has_all() -> bool:
            nonlocal shown
            shown = await self.run(TEXT_SCRIPT) or ""
            return all(text in shown for text in texts)

        await until(has_all, lambda: f"the page shows\n{shown[:2000]}\nand not all of {texts}", 60, 0.2)

    async def until_icons(self) -> None:
        """They come one by one, after the texts."""
        await until(lambda: self.run(ICONS_SCRIPT), "some icons do not come", 60, 0.2)

    async def picture(self, path: Path) -> None:
        """A PNG of few colours: a few ten kilobytes."""
        from PIL import Image  # of Home Assistant's own requirements

        data = base64.b64decode((await self.command("Page.captureScreenshot", format="png"))["data"])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(io.BytesIO(data)).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)
