// SPDX-License-Identifier: Apache-2.0
// The page in Chromium, on one broker and the nodes hall and shed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hallDevices, KITCHEN } from "./house.mjs";
import { Stage } from "./stage.mjs";

let stage;
let hall;

before(async () => {
  stage = new Stage();
  await stage.start(["node hall", "client me"]);
  hall = await stage.addNode("hall");
  hall.devices = hallDevices(hall);
  await hall.start();
});

after(() => stage.stop());

/** A test with the page open in a browser of its own; it fails, too, where the page breaks its policy or throws. */
function pageTest(name, who, function_) {
  test(name, async () => {
    const context = await stage.context(who);
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.text().includes("Content Security Policy") && errors.push(message.text()));
    try {
      await page.goto(stage.web.url);
      await function_(page);
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
    }
  });
}

const card = (page, name) => page.getByRole("article").filter({ has: page.getByRole("link", { name, exact: true }) });

pageTest("lamp__switched__line_and_card_follow", "me", async (page) => {
  const lamp = page.getByRole("switch", { name: "Kitchen ceiling" });
  for (const [level, checked] of [["1", "true"], ["0", "false"]]) {
    await lamp.click();
    await hall.untilLine(KITCHEN, level);
    await card(page, "Kitchen ceiling").and(page.locator(`[data-on="${checked}"][data-pending="false"]`)).waitFor();
  }
});
