// SPDX-License-Identifier: Apache-2.0
// Measures the page and prints the figures of docs/dashboard.md: node tests/dashboard/figures.mjs
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { manyDevices, PretendNode } from "./pretend.mjs";
import { Stage } from "./stage.mjs";
import { until } from "./waiting.mjs";

const NODES = 10;
const DEVICES = 500; // of all nodes
const RATE = 1000; // messages a second
const SECONDS = 20;
const EVERY_MS = 20;
const OPENINGS = 11;

/** Readings of all devices in turn, spread evenly; ends after SECONDS. */
async function flood(nodes) {
  const devices = nodes.flatMap((node) => Object.keys(node.devices).map((id) => [node, id]));
  const end = Date.now() + SECONDS * 1000;
  const began = Date.now();
  let sent = 0;
  const send = ([node, id]) => {
    const { state } = node.devices[id];
    const moved = "temperature" in state ? { ...state, temperature: 18 + (sent % 97) / 20 } : "brightness" in state ? { ...state, brightness: 1 + (sent % 255) } : state;
    node.client.publish(node.topic(`${id}/state`), JSON.stringify({ time: new Date().toISOString(), ...moved }), { qos: 1, retain: true });
  };
  await new Promise((done) => {
    const timer = setInterval(() => {
      for (const due = ((Date.now() - began) * RATE) / 1000; sent < due; sent++) send(devices[sent % devices.length]);
      if (Date.now() < end) return;
      clearInterval(timer);
      done();
    }, EVERY_MS);
  });
  return sent / SECONDS;
}

const MARK = "the page"; // Chromium's own windows have such threads, too

/** The page's tasks on the thread of its scripts, longest first, in milliseconds: by the clock, and by the processor. */
function tasks(path) {
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8"));
  const threadOf = ({ pid, tid }) => `${pid} ${tid}`;
  const marked = new Set(traceEvents.filter((event) => event.name === MARK).map(threadOf));
  const ran = traceEvents.filter((event) => event.name.endsWith("RunTask") && event.dur && marked.has(threadOf(event)));
  const longest = (field) => ran.map((event) => (event[field] ?? 0) / 1000).sort((a, b) => b - a);
  return { clock: longest("dur"), processor: longest("tdur") };
}

/**
 * A look that costs the page next to nothing. Playwright's own looks run in the page, too: the one for a role goes through
 * every element of the page in one task, which would count as the page's.
 */
function present(page, selector) {
  return until(() => page.evaluate((wanted) => document.querySelector(wanted) !== null, selector), `${selector} is not there`);
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
    // To be asked again and again would cost the page some of its time.
    globalThis.drawn = new Promise((resolve) => {
      const look = () => {
        if (document.querySelector('.card[data-kind="light"][data-available="true"]')) resolve(performance.now() - globalThis.opened);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  });
  await page.goto(stage.web.url);
  const time = await page.evaluate(() => globalThis.drawn);
  await context.close();
  return time;
}

async function trace(stage, nodes) {
  const context = await stage.context("me");
  const page = await context.newPage();
  const path = join(stage.directory, "trace.json");
  await page.addInitScript((name) => performance.mark(name), MARK);
  await stage.browser.startTracing(page, { path, categories: ["toplevel", "blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
  await page.goto(stage.web.url);
  await present(page, ".card .switch");
  const rate = await flood(nodes);
  await page.evaluate(() => location.assign("#/log"));
  await present(page, ".message-list li");
  await stage.browser.stopTracing();
  await context.close();
  return { rate, ...tasks(path) };
}

const few = (lengths) => lengths.slice(0, 5).map((one) => one.toFixed(1)).join(", ");

const stage = new Stage();
try {
  const names = Array.from({ length: NODES }, (_, n) => `board-${n}`);
  await stage.start(["client me", ...names.map((name) => `node ${name}`)]);
  const each = DEVICES / NODES;
  const nodes = names.map((name, n) => new PretendNode(stage, name, manyDevices(each, n * each)));
  for (const node of nodes) await node.start();
  const times = [];
  while (times.length < OPENINGS) times.push(await firstLamp(stage));
  times.sort((a, b) => a - b);
  console.log(`first lamp after the socket's opening, ${DEVICES} devices of ${NODES} nodes: median ${times[OPENINGS >> 1].toFixed(0)} ms, most ${times.at(-1).toFixed(0)} ms (${OPENINGS} times)`);
  const { rate, clock, processor } = await trace(stage, nodes);
  console.log(`${DEVICES} devices, ${rate.toFixed(0)} messages a second for ${SECONDS} s: longest tasks ${few(clock)} ms by the clock, ${few(processor)} ms of the processor`);
  console.log(`load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors`);
  console.log(`Chromium ${stage.browser.version()}`);
  for (const node of nodes) await node.stop();
} finally {
  await stage.stop();
}
