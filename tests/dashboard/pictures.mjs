// SPDX-License-Identifier: Apache-2.0
// Takes the page's pictures, of a house of make-believe: node tests/dashboard/pictures.mjs [DIRECTORY], docs/pictures by default.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { manyDevices, PretendNode } from "./pretend.mjs";
import { Stage, TREE } from "./stage.mjs";

const PHONE = { viewport: { width: 390, height: 844 } };
const REFUSING = "device-25"; // in the room that stands first

const PICTURES = [
  { name: "page-desk", colorScheme: "light" },
  { name: "page-desk-dark", colorScheme: "dark" },
  { name: "page-phone", colorScheme: "light", ...PHONE },
  { name: "page-phone-chinese", colorScheme: "dark", locale: "zh-TW", ...PHONE },
  { name: "page-device", colorScheme: "dark", hash: "#/device/hall/device-1" },
  { name: "page-refused", colorScheme: "light", ...PHONE, act: (page) => refused(page) },
  { name: "page-away", colorScheme: "light", ...PHONE, act: (page) => away(page) }, // the last: there is no broker after it
];

async function refused(page) {
  await page.getByRole("searchbox").fill("bathroom");
  await page.getByRole("switch").nth(1).waitFor();
  await page.locator(`[data-key="hall/${REFUSING}"]`).getByRole("switch").click();
  await page.locator('.fault[data-refused="true"]').first().waitFor();
}

async function away(page) {
  await stage.broker.stop();
  await page.getByRole("banner").getByText("Not connected").waitFor();
  await page.getByText("The last state").waitFor();
}

async function take({ name, hash = "", act, isEmpty, ...options }) {
  const context = await stage.context("me", options);
  const page = await context.newPage();
  await page.goto(stage.web.url + hash);
  // The last of the trends has come, and nothing moves.
  const last = isEmpty ? page.getByText("No devices yet") : page.locator(hash ? ".plot canvas" : ".spark path[d^=M]");
  await last.first().waitFor({ state: "attached" });
  if (!hash && !isEmpty) await page.locator(".room-summary:visible").first().waitFor();
  await act?.(page);
  await page.screenshot({ path: join(directory, `${name}.png`), animations: "disabled" });
  await context.close();
}

const directory = process.argv[2] ?? join(TREE, "docs/pictures");
mkdirSync(directory, { recursive: true });
const stage = new Stage();
try {
  await stage.start(["node hall", "client me"]);
  await take({ name: "page-empty", colorScheme: "light", isEmpty: true });
  const devices = manyDevices(60);
  devices[REFUSING].refuses = "the dead time is not over: 2 s are left";
  const node = new PretendNode(stage, "hall", devices);
  await node.start();
  for (const picture of PICTURES) await take(picture);
  await node.stop();
} finally {
  await stage.stop();
}
