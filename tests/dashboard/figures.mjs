// SPDX-License-Identifier: Apache-2.0
// Measures the page and prints the figures of docs/dashboard.md: node tests/dashboard/figures.mjs
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { manyDevices, PretendNode } from "./pretend.mjs";
import { Stage } from "./stage.mjs";
import { until } from "./waiting.mjs";

/** A home, and ten times one. */
const HOMES = [
  { nodes: 3, devices: 60 },
  { nodes: 10, devices: 500 }, // of all nodes
];
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

const PAGE = "the page"; // marks its thread: Chromium's own windows have such threads, too
const FLOOD = "the flood"; // marks its beginning

/** The tasks on the thread of the page's scripts, before the flood and from then on: by the clock, and by the processor. */
function tasks(path) {
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8"));
  const threadOf = ({ pid, tid }) => `${pid} ${tid}`;
  const marked = new Set(traceEvents.filter((event) => event.name === PAGE).map(threadOf));
  const flood = traceEvents.find((event) => event.name === FLOOD).ts;
  // Chromium reports a task twice, as a whole and as what it consists of.
  const ran = traceEvents.filter((event) => event.name === "RunTask" && event.dur && marked.has(threadOf(event)));
  if (ran.length === 0) throw new Error("the trace has no task of the page");
  const longest = (some, field) => some.map((event) => (event[field] ?? 0) / 1000).sort((a, b) => b - a);
  const text = (some) => `${few(longest(some, "dur"))} ms by the clock, ${few(longest(some, "tdur"))} ms of the processor`;
  return { loading: text(ran.filter((event) => event.ts < flood)), flood: text(ran.filter((event) => event.ts >= flood)) };
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
        const state = document.querySelector('.card[data-kind="light"][data-available="true"] .card-state')?.textContent ?? "";
        if (/^(On|Off)/.test(state)) resolve(performance.now() - globalThis.opened);
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
  await page.addInitScript((name) => performance.mark(name), PAGE);
  await stage.browser.startTracing(page, { path, categories: ["toplevel", "blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
  await page.goto(stage.web.url);
  await present(page, ".card .switch");
  await page.evaluate((name) => void performance.mark(name), FLOOD);
  const rate = await flood(nodes);
  await page.evaluate(() => location.assign("#/log"));
  await present(page, ".message-list li");
  await stage.browser.stopTracing();
  await context.close();
  return { rate, ...tasks(path) };
}

const few = (lengths) => lengths.slice(0, 5).map((one) => one.toFixed(1)).join(", ");

async function measure({ nodes: count, devices }, isFlooded) {
  const stage = new Stage();
  const house = `${devices} devices of ${count} nodes`;
  try {
    const names = Array.from({ length: count }, (_, n) => `board-${n}`);
    await stage.start(["client me", ...names.map((name) => `node ${name}`)]);
    const each = devices / count;
    const nodes = names.map((name, n) => new PretendNode(stage, name, manyDevices(each, n * each)));
    for (const node of nodes) await node.start();
    const times = [];
    while (times.length < OPENINGS) times.push(await firstLamp(stage));
    times.sort((a, b) => a - b);
    console.log(`first lamp with its state after the socket's opening, ${house}: median ${times[OPENINGS >> 1].toFixed(0)} ms, most ${times.at(-1).toFixed(0)} ms (${OPENINGS} times)`);
    if (isFlooded) {
      const { rate, loading, flood } = await trace(stage, nodes);
      console.log(`longest tasks while the page loads, ${house}: ${loading}`);
      console.log(`longest tasks at ${rate.toFixed(0)} messages a second for ${SECONDS} s, ${house}: ${flood}`);
      console.log(`load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors, Chromium ${stage.browser.version()}`);
    }
    for (const node of nodes) await node.stop();
  } finally {
    await stage.stop();
  }
}

for (const home of HOMES) await measure(home, home === HOMES.at(-1));
