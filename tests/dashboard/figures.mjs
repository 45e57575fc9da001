// SPDX-License-Identifier: Apache-2.0
// Measures the page and prints the figures of docs/dashboard.md: node tests/dashboard/figures.mjs
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { manyDevices, PretendNode } from "./pretend.mjs";
import { Stage } from "./stage.mjs";
import { until } from "./waiting.mjs";

const DEVICES = 500;
const RATE = 1000; // messages a second
const SECONDS = 20;
const EVERY_MS = 20;
const OPENINGS = 11;

/** Readings of all devices in turn, spread evenly; ends after SECONDS. */
async function flood(node) {
  const ids = Object.keys(node.devices);
  const end = Date.now() + SECONDS * 1000;
  const began = Date.now();
  let sent = 0;
  const send = (id) => {
    const { state } = node.devices[id];
    const moved = "temperature" in state ? { ...state, temperature: 18 + (sent % 97) / 20 } : "brightness" in state ? { ...state, brightness: 1 + (sent % 255) } : state;
    node.client.publish(node.topic(`${id}/state`), JSON.stringify({ time: new Date().toISOString(), ...moved }), { qos: 1, retain: true });
  };
  await new Promise((done) => {
    const timer = setInterval(() => {
      for (const due = ((Date.now() - began) * RATE) / 1000; sent < due; sent++) send(ids[sent % ids.length]);
      if (Date.now() < end) return;
      clearInterval(timer);
      done();
    }, EVERY_MS);
  });
  return sent / SECONDS;
}

/** The page's tasks, in milliseconds, longest first: of the thread on which its scripts run. */
function tasks(path) {
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8"));
  const main = traceEvents.filter((event) => event.name === "thread_name" && event.args.name === "CrRendererMain");
  const isMain = (event) => main.some((thread) => thread.pid === event.pid && thread.tid === event.tid);
  const lengths = traceEvents.filter((event) => event.name.endsWith("RunTask") && event.dur && isMain(event)).map((event) => event.dur / 1000);
  return lengths.sort((a, b) => b - a);
}

/** From the socket's opening to the first lamp, in the page's own time. */
async function firstLamp(stage) {
  const context = await stage.context("me");
  const page = await context.newPage();
  await page.addInitScript(() => {
    const Native = globalThis.WebSocket;
    globalThis.WebSocket = class extends Native {
      constructor(...given) {
        super(...given);
        this.addEventListener("open", () => (globalThis.opened = performance.now()));
      }
    };
    const look = () => {
      if (document.querySelector('.card[data-kind="light"]')) globalThis.drawn ??= performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(stage.web.url);
  const time = await until(() => page.evaluate(() => globalThis.drawn && globalThis.drawn - globalThis.opened), "no lamp is drawn");
  await context.close();
  return time;
}

async function trace(stage, node) {
  const context = await stage.context("me");
  const page = await context.newPage();
  const path = join(stage.directory, "trace.json");
  await stage.browser.startTracing(page, { path, categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
  await page.goto(stage.web.url);
  await page.getByRole("switch").first().waitFor();
  const rate = await flood(node);
  await page.evaluate(() => location.assign("#/log"));
  await page.locator(".message-list li").first().waitFor();
  await stage.browser.stopTracing();
  await context.close();
  return { rate, lengths: tasks(path) };
}

const stage = new Stage();
try {
  await stage.start(["node hall", "client me"]);
  const node = new PretendNode(stage, "hall", manyDevices(DEVICES));
  await node.start();
  const times = [];
  while (times.length < OPENINGS) times.push(await firstLamp(stage));
  times.sort((a, b) => a - b);
  console.log(`first lamp after the socket's opening, ${DEVICES} devices: median ${times[OPENINGS >> 1].toFixed(0)} ms, most ${times.at(-1).toFixed(0)} ms (${OPENINGS} times)`);
  const { rate, lengths } = await trace(stage, node);
  console.log(`${DEVICES} devices, ${rate.toFixed(0)} messages a second for ${SECONDS} s: longest tasks ${lengths.slice(0, 5).map((one) => one.toFixed(1)).join(", ")} ms`);
  console.log(`Chromium ${stage.browser.version()}`);
  await node.stop();
} finally {
  await stage.stop();
}
